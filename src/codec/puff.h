/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * codec/puff.h - DEFLATE blocks as puffs: without their prefix codes, but with all that is needed
 * to make the very same bits again
 *
 * Spec: docs/spec/payload.md PF-71 … PF-75. codec/huff.h goes the other way.
 */
#include "base/buf.h"

struct swb_puffer;

/* Reads exactly n bytes at offset, as swb_bspatch_io has it. 0 or negative errno. */
typedef int (*swb_puff_read)(void *context, uint64_t offset, uint8_t *data, size_t n);

int swb_puffer_new(struct swb_puffer **ret) _warn_unused_; /* 150 KiB of memory */
struct swb_puffer *swb_puffer_free(struct swb_puffer *puffer);
SWB_DEFINE_CLEANUP(struct swb_puffer *, swb_puffer_free)

/* The bits from start to end; the reader is asked for the bytes that hold them. */
void swb_puffer_open(struct swb_puffer *puffer, swb_puff_read read, void *context,
                     uint64_t start_bit, uint64_t end_bit);
uint64_t swb_puffer_bit(const struct swb_puffer *puffer); /* next one */

/*
 * Writes one block's puff. Return: 0; -EBADMSG for bits that are no block, or end before it does;
 * -ENOBUFS when it takes more than n_room bytes; or what the reader returned.
 */
int swb_puffer_block(struct swb_puffer *puffer, uint8_t *out, size_t n_room, size_t *ret_n,
                     bool *ret_is_last) _warn_unused_;

/*
 * For writers, about the last block, opened by itself: do all readers see it right? Those of Chrome
 * OS look for a word as long as the code's longest, and near the end of an extent, where there are
 * fewer bits, for one as long as that of the block's end, or give up.
 */
bool swb_puffer_is_portable(const struct swb_puffer *puffer);
