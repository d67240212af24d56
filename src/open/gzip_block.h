/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * open/gzip_block.h - literals and copies as DEFLATE blocks, with the prefix codes that gzip(1)
 * gives them; for gzip.c only
 *
 * DEFLATE leaves open which code a block gets. gzip's is Huffman's over a heap whose order decides
 * between equals, with too long words moved about in one particular way; all of that shows in the
 * bits. What the library zlib does is the same, but it ends its blocks elsewhere.
 */
#include "open/deflate_code.h"
#include "open/encoder.h"

#define SWB_GZIP_TOKENS_MAX 0x8000u

/* Symbols of a code. */
struct swb_gzip_tree {
        uint32_t counts[SWB_DEFLATE_LITERALS];
        uint8_t lengths[SWB_HUFFMAN_SYMBOLS + 1]; /* and one that ends the list */
        int last;                                 /* symbol that is used */
};

struct swb_gzip_blocks {
        swb_encoder_write write;
        void *context;
        uint16_t lengths[SWB_GZIP_TOKENS_MAX];   /* of a copy less 3, or the literal */
        uint16_t distances[SWB_GZIP_TOKENS_MAX]; /* 0: a literal */
        uint32_t n_tokens, n_copies;
        struct swb_gzip_tree literals_tree, distances_tree, lengths_tree;
        struct swb_huffman_encoder lengths_code;
        uint64_t best_bits, fixed_bits; /* of the block, with a code of its own or the fixed one */
        uint64_t bits;                  /* not yet written */
        unsigned n_bits;
        size_t n_out;
        uint8_t out[(size_t)16 << 10];
};

void swb_gzip_blocks_init(struct swb_gzip_blocks *blocks, swb_encoder_write write, void *context);
void swb_gzip_blocks_add(struct swb_gzip_blocks *blocks, unsigned distance, unsigned length);
/* Does gzip think, having seen so many bytes of the block, that it should end here? */
bool swb_gzip_blocks_is_full(const struct swb_gzip_blocks *blocks, unsigned level,
                             uint64_t n_in_bytes);
/* The block's bytes, for storing them; NULL: they are gone. 0, or what write returned. */
int swb_gzip_blocks_flush(struct swb_gzip_blocks *blocks, const uint8_t *data, uint64_t n_bytes,
                          bool is_last) _warn_unused_;
