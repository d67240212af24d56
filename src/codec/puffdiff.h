/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * codec/puffdiff.h - makes PUFFDIFF patches (making side; codec/puffpatch.h applies them)
 */
#include "base/buf.h"

/*
 * Appends the patch that turns old into new. Deterministic. Return: 0; 1 when not both have DEFLATE
 * blocks, or puffed they are too large: nothing is appended; -E2BIG (buf's ceiling); -ENOMEM.
 */
int swb_puffdiff(const uint8_t *old, size_t n_old, const uint8_t *new, size_t n_new,
                 struct swb_buf *buf) _warn_unused_;

/* Beside the inputs and the buffer. */
uint64_t swb_puffdiff_memory(uint64_t n_old, uint64_t n_new);
