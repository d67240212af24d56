/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * codec/puff_format.h - the numbers of a puff (docs/spec/payload.md PF-73 … PF-75); for puff.c and
 * huff.c only
 */
#include <stdint.h>

/* A token's first byte: whether it is a copy, and 7 bits of length, or 127 and more bytes. */
#define SWB_PUFF_COPY 0x80u
#define SWB_PUFF_LONG 127u
#define SWB_PUFF_SHORT_RUN 127u                        /* literals, at most */
#define SWB_PUFF_LONG_RUN (SWB_PUFF_SHORT_RUN + 65536) /* likewise */
#define SWB_PUFF_COPY_MIN 3u
#define SWB_PUFF_LONG_COPY 130u /* at least */
#define SWB_PUFF_COPY_MAX 258u
#define SWB_PUFF_END 129u /* second byte of a long copy of 259: end of block */

/* A block's head: its first byte, three counts, 19 lengths in 10 bytes, the two codes. */
#define SWB_PUFF_HEAD_MAX (1 + 3 + 10 + 286 + 30)
#define SWB_PUFF_PADDING_MASK 0x1fu
#define SWB_PUFF_STORED_MAX 65535u

/* Symbols 16, 17 and 18 of the third code, which repeat: `first` and up in the puff. */
struct swb_puff_repeat {
        uint8_t n_bits, least, first;
};

static const struct swb_puff_repeat swb_puff_repeats[3] = {{2, 3, 16}, {3, 3, 20}, {7, 11, 28}};
#define SWB_PUFF_REPEAT_MAX 155u
