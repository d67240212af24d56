/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * codec/huff.h - puffs as DEFLATE blocks again (codec/puff.h goes the other way)
 *
 * Push model: the puff comes in pieces of any size, the bits go out in large ones. Between blocks,
 * and so before the first and behind the last, bits can be put in as they are.
 */
#include "base/buf.h"

struct swb_huffer;

/* Takes the next bytes of the target. 0 or negative errno. */
typedef int (*swb_huff_write)(void *context, const uint8_t *data, size_t n);

int swb_huffer_new(swb_huff_write write, void *context,
                   struct swb_huffer **ret) _warn_unused_; /* 70 KiB of memory */
struct swb_huffer *swb_huffer_free(struct swb_huffer *huffer);
SWB_DEFINE_CLEANUP(struct swb_huffer *, swb_huffer_free)

uint64_t swb_huffer_bit(const struct swb_huffer *huffer); /* bits made so far */
bool swb_huffer_is_between_blocks(const struct swb_huffer *huffer);

/* Bytes of a puff. Return: 0; -EBADMSG for what is no puff; or what write returned. */
int swb_huffer_put(struct swb_huffer *huffer, const uint8_t *data, size_t n) _warn_unused_;
/* The n lowest bits of a byte whose other bits are zero (-EBADMSG), 1 to 8. */
int swb_huffer_put_bits(struct swb_huffer *huffer, unsigned n, uint8_t bits) _warn_unused_;
/* Whole bytes; the bits made so far are of whole bytes, too. */
int swb_huffer_put_bytes(struct swb_huffer *huffer, const uint8_t *data, size_t n) _warn_unused_;
/* Writes what is left. -EBADMSG within a block or a byte. */
int swb_huffer_finish(struct swb_huffer *huffer) _warn_unused_;
