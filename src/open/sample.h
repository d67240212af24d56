/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * open/sample.h - does a library make what it made when the encoder was defined? For this folder
 * only
 */
#include "open/encoder.h"

/* Encodes the built-in sample and compares a checksum of what comes out. */
bool swb_sample_is_right(enum swb_encoder_id id);
/* The checksum itself, 0 when it can't be made; for whoever defines a new encoder. */
uint64_t swb_sample_checksum(enum swb_encoder_id id);
