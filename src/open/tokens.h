/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * open/tokens.h - what of a DEFLATE stream its content does not tell; for this folder only
 *
 * Spec: docs/spec/payload.md PF-141 … PF-143. A stream is literals and copies ("tokens") in blocks
 * with their codes. The content and the copies that are possible in it make most tokens likely;
 * what is left to say, coded in few bits, are the corrections. The same functions make and read
 * them (open/bit_model.h).
 */
#include "codec/huffman.h"
#include "open/bit_model.h"

#define SWB_TOKEN_COPY_MIN 3u
#define SWB_TOKEN_COPY_MAX 258u
#define SWB_TOKEN_WINDOW 0x8000u
/* A token looks at so many bytes from its own on, at most. */
#define SWB_TOKEN_AHEAD (SWB_TOKEN_COPY_MAX + SWB_TOKEN_COPY_MIN + 1)
#define SWB_TOKEN_CODE_LENGTHS (SWB_DEFLATE_LITERALS + SWB_DEFLATE_DISTANCES)

/* How a code's lengths are written: RFC 1951, 3.2.7. */
struct swb_token_use {
        uint8_t symbol, extra;
};

struct swb_token_block {
        bool is_last;
        enum swb_deflate_type type;
        uint32_t n;                                /* tokens; of a stored block bytes */
        unsigned n_literals, n_distances, n_order; /* of a dynamic one, as is what follows */
        uint8_t order[SWB_DEFLATE_LENGTHS];        /* of the third code, as written */
        struct swb_token_use uses[SWB_TOKEN_CODE_LENGTHS];
        unsigned n_uses;
        uint8_t lengths[SWB_TOKEN_CODE_LENGTHS]; /* literals, then distances */
};

struct swb_token {
        uint16_t length; /* 0: a literal */
        uint16_t distance;
};

/* The longest copy, and the nearest place for each length. */
struct swb_token_copies {
        unsigned longest; /* 0: there is none */
        uint16_t distances[SWB_TOKEN_COPY_MAX + 1];
};

struct swb_token_model {
        struct swb_bit_coder coder;
        const uint8_t *data; /* the content from `base` on; set by the user, who may move both */
        uint64_t base, at, n_content;
        uint64_t n_inserted; /* positions that can be found */
        uint32_t chain, nice;
        bool after_copy, has_next;
        struct swb_token_copies here, next; /* at `at`; one behind */
        uint32_t heads[0x10000], before[SWB_TOKEN_WINDOW];
        uint8_t lengths[SWB_TOKEN_CODE_LENGTHS]; /* of the last dynamic block, 286 and 30 */
        struct swb_prob is_copy[12][4][2][3], is_longest[12][4][3], length[12][256];
        struct swb_prob is_nearest[2][12], distance[32];
        struct swb_prob is_last[2], type[4], stored[2][256], n_tokens[32];
        struct swb_prob n_codes[3][32], order[SWB_DEFLATE_LENGTHS][8], use[2][16][2][32];
        struct swb_prob extra[3][128];
};

/* The coder is set up by the caller. */
void swb_token_model_init(struct swb_token_model *model, uint32_t chain, uint32_t nice,
                          uint64_t n_content);
/* The next block's head. 0, -EBADMSG. */
int swb_token_model_block(struct swb_token_model *model,
                          struct swb_token_block *block) _warn_unused_;
/* The next token, and `at` goes behind it. There are SWB_TOKEN_AHEAD bytes, or all. 0, -EBADMSG. */
int swb_token_model_token(struct swb_token_model *model, struct swb_token *token) _warn_unused_;
/* n bytes that are stored, likewise: at most SWB_TOKEN_COPY_MAX at once. 0, -EBADMSG. */
int swb_token_model_skip(struct swb_token_model *model, uint32_t n) _warn_unused_;

/* The symbol of a length (3 …) among the lengths, and of a distance. */
unsigned swb_token_length_symbol(unsigned length);
unsigned swb_token_distance_symbol(unsigned distance);
/* Bits that follow a use 16, 17 or 18, and the least repetition. */
extern const uint8_t swb_token_use_bits[3], swb_token_use_least[3];
/* The length that use i stands for, how often; false for what is not possible. */
bool swb_token_use_length(const struct swb_token_block *block, unsigned n_done, unsigned i,
                          uint8_t *ret_length, unsigned *ret_n);
