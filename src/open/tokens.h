/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * open/tokens.h - what of a DEFLATE stream its content does not tell; for this folder only
 *
 * Spec: docs/spec/payload.md PF-141 … PF-145. A stream is literals and copies ("tokens") in blocks
 * with their codes. The content and the copies that are possible in it make most tokens likely;
 * what is left to say, coded in few bits, are the corrections. The same functions make and read
 * them (open/bit_model.h).
 */
#include "open/bit_model.h"
#include "open/deflate_code.h"

#define SWB_TOKEN_COPY_MIN 3u
#define SWB_TOKEN_COPY_MAX 258u
#define SWB_TOKEN_WINDOW 0x8000u
/* A token looks at so many bytes from its own on, at most. */
#define SWB_TOKEN_AHEAD                                                                            \
        (SWB_TOKEN_PART + SWB_TOKEN_MARGIN + SWB_TOKEN_COPY_MAX + SWB_TOKEN_COPY_MIN + 1)
/* Behind so many tokens of a block, or all of them, its codes are told. */
#define SWB_TOKEN_CODES_AFTER ((uint32_t)1 << 16)
#define SWB_TOKEN_CODE_LENGTHS (SWB_DEFLATE_LITERALS + SWB_DEFLATE_DISTANCES)

/* How a code's lengths are written: RFC 1951, 3.2.7. */
struct swb_token_use {
        uint8_t symbol, extra;
};

/* The codes of a dynamic block; the last one is that in which lengths of words are written. */
enum swb_token_code {
        SWB_TOKEN_LITERALS,
        SWB_TOKEN_DISTANCES,
        SWB_TOKEN_LENGTHS,
        _SWB_TOKEN_CODES
};

/* What comes nearest to a code. */
struct swb_token_way {
        uint8_t way; /* enum swb_code_way */
        uint8_t limit;
};

struct swb_token_block {
        bool is_last;
        enum swb_deflate_type type;
        uint32_t n; /* tokens; of a stored block bytes */
        /* of a dynamic one, as is what follows */
        struct swb_token_way ways[_SWB_TOKEN_CODES];
        unsigned n_literals, n_distances, n_order;
        uint8_t order[SWB_DEFLATE_LENGTHS]; /* of the third code, as written */
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

/* Costs are looked at in parts of the content, each with a margin behind it. */
#define SWB_TOKEN_PART 512u
#define SWB_TOKEN_MARGIN 512u
#define SWB_TOKEN_STEPS 8u

/* Copies of up to `length` from there, that are not as long from nearer places. */
struct swb_token_step {
        uint16_t length, distance;
};

struct swb_token_costs {
        uint64_t begin, end; /* of the part, with its margin; end 0: there is none */
        uint32_t seen[SWB_DEFLATE_LITERALS + SWB_DEFLATE_DISTANCES]; /* symbols, lately */
        uint16_t literals[256], lengths[SWB_TOKEN_COPY_MAX + 1], distances[SWB_DEFLATE_DISTANCES];
        uint32_t costs[SWB_TOKEN_PART + SWB_TOKEN_MARGIN + 1]; /* from a place to the end */
        struct swb_token_step steps[SWB_TOKEN_PART + SWB_TOKEN_MARGIN][SWB_TOKEN_STEPS];
};

/* Parameters of the encoder; head: the two bytes before the stream, as a number, highest first. */
enum { SWB_TOKEN_CHAIN, SWB_TOKEN_NICE, SWB_TOKEN_HEAD, SWB_TOKEN_BY_COST };

struct swb_token_model {
        struct swb_bit_coder coder;
        const uint8_t *data; /* the content from `base` on; set by the user, who may move both */
        uint64_t base, at, n_content;
        uint64_t n_inserted; /* positions that can be found */
        uint32_t chain, nice;
        bool by_cost, after_copy, has_next;
        struct swb_token_copies here, next; /* at `at`; one behind */
        struct swb_token_costs costs;
        uint64_t origin; /* of the places, which are positions from here on and 1; 0: none */
        uint16_t heads[0x10000], before[SWB_TOKEN_WINDOW];
        uint32_t literal_counts[SWB_DEFLATE_LITERALS], distance_counts[SWB_DEFLATE_DISTANCES];
        uint8_t missed[_SWB_TOKEN_CODES]; /* were the last two lengths others than those made? */
        struct swb_prob is_copy[12][4][2][3], is_longest[12][4][3], length[12][256];
        struct swb_prob is_cheaper[15][2][4][3], is_rank[4][15][2];
        struct swb_prob is_nearest[2][12], distance[32];
        struct swb_prob is_last[2], type[4], stored[2][256], n_tokens[32];
        struct swb_prob way[_SWB_TOKEN_CODES][4], limit[_SWB_TOKEN_CODES][16];
        struct swb_prob is_made[_SWB_TOKEN_CODES][4][2], other[_SWB_TOKEN_CODES][16][16];
        struct swb_prob is_n_made[_SWB_TOKEN_CODES], n_codes[_SWB_TOKEN_CODES][32];
        struct swb_prob use[2][2][8][4], is_whole[3][2], extra[3][128];
};

/* The coder is set up by the caller. */
void swb_token_model_init(struct swb_token_model *model, const uint32_t *parameters,
                          uint64_t n_content);
/* The next block's head, without its codes. 0, -EBADMSG. */
int swb_token_model_block(struct swb_token_model *model,
                          struct swb_token_block *block) _warn_unused_;
/* The codes of a dynamic block, behind SWB_TOKEN_CODES_AFTER of its tokens, or all. 0, -EBADMSG. */
int swb_token_model_codes(struct swb_token_model *model,
                          struct swb_token_block *block) _warn_unused_;
/* The next token, which counts for the block's codes; `at` goes behind it. There are
 * SWB_TOKEN_AHEAD bytes, or all. 0, -EBADMSG. */
int swb_token_model_token(struct swb_token_model *model, struct swb_token *token) _warn_unused_;
/* n bytes that are stored, likewise: at most SWB_TOKEN_COPY_MAX at once. 0, -EBADMSG. */
int swb_token_model_skip(struct swb_token_model *model, uint32_t n) _warn_unused_;

/* Bits that follow a use 16, 17 or 18, and the least repetition. */
extern const uint8_t swb_token_use_bits[3], swb_token_use_least[3];
/* How often each symbol of the third code is used; SWB_DEFLATE_LENGTHS of them. */
void swb_token_use_counts(const struct swb_token_block *block, uint32_t *ret_counts);

/* All positions below `end` can be found; the last ones of the content never are. */
void swb_token_insert_to(struct swb_token_model *model, uint64_t end);
/* Positions before it, and no others, can have been inserted. */
void swb_token_search(const struct swb_token_model *model, uint64_t position,
                      struct swb_token_copies *ret);
/* 0 to 11, and 0 to 2 */
unsigned swb_token_class(unsigned length);
unsigned swb_token_distance_class(unsigned distance);
/* The next token's length, 0 for a literal; `here` is what can be copied. */
unsigned swb_token_by_cost(struct swb_token_model *model, unsigned length);
