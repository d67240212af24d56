/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * codec/huffman.h - DEFLATE's prefix codes (RFC 1951, 3.2), in both directions
 *
 * A code is given by the length of each symbol's word, 0 for none. Words are held with their first
 * bit lowest, as they lie in the stream.
 */
#include "base/buf.h"

#define SWB_HUFFMAN_BITS 15 /* longest word */
#define SWB_HUFFMAN_SYMBOLS 288
#define SWB_DEFLATE_LITERALS 286 /* literals, end of block, lengths */
#define SWB_DEFLATE_DISTANCES 30
#define SWB_DEFLATE_LENGTHS 19 /* the code in which lengths of words are written */
#define SWB_DEFLATE_END 256    /* end of block; lengths follow */

enum swb_deflate_type {
        SWB_DEFLATE_STORED,
        SWB_DEFLATE_FIXED,
        SWB_DEFLATE_DYNAMIC,
};

struct swb_huffman_decoder {
        unsigned n_bits;                         /* of the index below */
        uint16_t entries[1 << SWB_HUFFMAN_BITS]; /* symbol << 4 | length; 0: no word */
};

struct swb_huffman_encoder {
        uint16_t words[SWB_HUFFMAN_SYMBOLS];
        uint8_t lengths[SWB_HUFFMAN_SYMBOLS]; /* 0: no word */
};

/* Return: 0; -EBADMSG when the lengths promise more words than there can be. Codes that leave words
 * unused are taken: some have one symbol only. */
int swb_huffman_decoder_init(struct swb_huffman_decoder *decoder, const uint8_t *lengths,
                             size_t n) _warn_unused_;
int swb_huffman_encoder_init(struct swb_huffman_encoder *encoder, const uint8_t *lengths,
                             size_t n) _warn_unused_;

/* The codes of blocks that bring none. SWB_HUFFMAN_SYMBOLS and SWB_DEFLATE_DISTANCES lengths. */
void swb_deflate_fixed_lengths(uint8_t *literals, uint8_t *distances);

/* Lengths and distances: symbol i stands for bases[i] and as many more as its extra bits say. */
extern const uint16_t swb_deflate_length_bases[29], swb_deflate_distance_bases[30];
extern const uint8_t swb_deflate_length_bits[29], swb_deflate_distance_bits[30];
/* The order in which the lengths of the third code's words are written. */
extern const uint8_t swb_deflate_order[SWB_DEFLATE_LENGTHS];
