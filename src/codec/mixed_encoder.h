/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * codec/mixed_encoder.h - streams of our own coding (making side)
 *
 * Spec: docs/spec/payload.md, section 14.
 */
#include "codec/mix_model.h"

/* Appends the coding of at most 2^32 - 1 bytes, with at most so many slots (a logarithm, within
 * SWB_MIX_SLOTS_LOG_MIN and _MAX); fewer where they are enough. Deterministic. Return: 0, -E2BIG
 * (buf's ceiling, or above that size), -ENOMEM. */
int swb_encode_mixed(enum swb_mix_mode mode, unsigned max_slots_log, const uint8_t *in, size_t n_in,
                     struct swb_buf *buf) _warn_unused_;
