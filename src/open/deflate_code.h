/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * open/deflate_code.h - which prefix code a DEFLATE compressor gives to symbols that occur so often
 *
 * Spec: docs/spec/payload.md PF-144. Huffman's code leaves open what happens between equals, and
 * what is done about words that are too long; each way here does it as some programs do.
 */
#include "codec/huffman.h"

/* Numbers of the format. */
enum swb_code_way {
        SWB_CODE_SORTED = 0,   /* 7-Zip, libdeflate */
        SWB_CODE_HEAP = 1,     /* gzip, zlib and what follows them */
        SWB_CODE_PACKAGES = 2, /* zopfli: no code of words that short is better */
        _SWB_CODE_MAX,
};

/*
 * The lengths of the words of symbols 0 to n - 1 (2 … SWB_DEFLATE_LITERALS), at most max_length
 * each; 0 for a symbol that does not occur, with the exceptions that the way makes. They sum up to
 * at most 2^24. Where 2^max_length words are too few for all of them, all get max_length.
 */
void swb_code_lengths(enum swb_code_way way, const uint32_t *counts, unsigned n,
                      unsigned max_length, uint8_t *ret_lengths);

/* The symbol of a copy's length (3 …) among the lengths, and of a distance. */
unsigned swb_length_symbol(unsigned length);
unsigned swb_distance_symbol(unsigned distance);
