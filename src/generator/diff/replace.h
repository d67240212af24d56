/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/diff/replace.h - new bytes without help of the old image, in the best coding
 */
#include "base/buf.h"
#include "generator/plan/rules.h"

/*
 * Fills ret_type and replaces the content of `buf` (ceiling: at least n_bytes). Own profile, full
 * payloads: zstd, which decodes ten times as fast as xz. Deltas, where little goes this way, and
 * pieces, few of which are fetched: xz if it saves a twentieth. Other clients: the smallest of xz
 * and bzip2. The bytes as they are when nothing makes them smaller. n_bytes: a multiple of
 * SWB_BLOCK_BYTES. Return: 0, -ENOMEM.
 */
int swb_replace_encode(const struct swb_rules *rules, const uint8_t *data, size_t n_bytes,
                       enum swb_op_type *ret_type, struct swb_buf *buf) _warn_unused_;

/* A quick guess at what swb_replace_encode() will hardly get below. Return: 0, -ENOMEM. */
int swb_replace_estimate(const uint8_t *data, size_t n_bytes, size_t *ret_n_bytes) _warn_unused_;

/* What the encoders need beside their input and output. */
uint64_t swb_replace_memory(void);
