/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The codes of a block whose tokens are known: what somebody would make of their number, and what
 * is different.
 */
#include <string.h>

#include "open/tokens.h"

#define RUN_LEAST 3u
#define LENGTHS_LONGEST 7u /* word of the third code: it is written in three bits */

const uint8_t swb_token_use_bits[3] = {2, 3, 7};
const uint8_t swb_token_use_least[3] = {3, 3, 11};

void swb_token_use_counts(const struct swb_token_block *block, uint32_t *ret_counts)
{
        memset(ret_counts, 0, SWB_DEFLATE_LENGTHS * sizeof(*ret_counts));
        for (unsigned i = 0; i < block->n_uses; i++)
                ret_counts[block->uses[i].symbol]++;
}

/* ---- lengths of words */

struct code {
        enum swb_token_code id;
        const uint32_t *counts;
        unsigned n, least;    /* symbols */
        unsigned longest;     /* word */
        const uint8_t *order; /* in which their lengths are written; NULL: their own */
};

static int code_way(struct swb_token_model *m, const struct code *code, struct swb_token_way *way)
{
        way->way = (uint8_t)swb_bits_code(&m->coder, m->way[code->id], 2, way->way);
        way->limit = (uint8_t)swb_bits_code(&m->coder, m->limit[code->id], 4, way->limit);
        return way->way >= _SWB_CODE_MAX || way->limit == 0 ? -EBADMSG : 0;
}

static uint8_t code_length(struct swb_token_model *m, enum swb_token_code id, uint8_t made,
                           uint8_t length)
{
        uint8_t *missed = &m->missed[id];
        bool is_made = swb_bit_code(&m->coder, &m->is_made[id][*missed][made > 0], length == made);

        *missed = (uint8_t)(*missed << 1 & 3) | !is_made;
        return is_made ? made : (uint8_t)swb_bits_code(&m->coder, m->other[id][made], 4, length);
}

static int code_lengths(struct swb_token_model *m, const struct code *code,
                        struct swb_token_way *way, uint8_t *lengths, unsigned *ret_n)
{
        uint8_t made[SWB_DEFLATE_LITERALS];
        unsigned n_made = code->least, n = *ret_n;
        int r = code_way(m, code, way);

        if (r < 0)
                return r;
        swb_code_lengths(way->way, code->counts, code->n, way->limit, made);
        for (unsigned i = code->least; i < code->n; i++)
                if (made[code->order ? code->order[i] : i] > 0)
                        n_made = i + 1;
        if (swb_bit_code(&m->coder, &m->is_n_made[code->id], n == n_made))
                n = n_made;
        else
                n = code->least +
                    swb_bits_code(&m->coder, m->n_codes[code->id], 5, n - code->least);
        if (n > code->n)
                return -EBADMSG;
        for (unsigned i = 0; i < n; i++)
                lengths[i] = code_length(m, code->id, made[code->order ? code->order[i] : i],
                                         lengths[i]);
        *ret_n = n;
        return 0;
}

/* ---- how they are written */

struct run {
        unsigned n, n_here; /* equal lengths, to the end and within the code */
        bool is_zero, is_repeat;
};

static struct run run_at(const struct swb_token_block *block, unsigned at)
{
        const uint8_t *lengths = block->lengths;
        unsigned n = block->n_literals + block->n_distances;
        struct run run = {0, 0, lengths[at] == 0, at > 0 && lengths[at - 1] == lengths[at]};

        while (at + run.n < n && lengths[at + run.n] == lengths[at])
                run.n++;
        run.n_here = at < block->n_literals ? SWB_MIN(run.n, block->n_literals - at) : run.n;
        return run;
}

/* 0 to 7 */
static unsigned class_of(unsigned n)
{
        return n < 7 ? SWB_MAX(n, 2u) - 2 : n < 11 ? 5 : n < 139 ? 6 : 7;
}

/* How many lengths a use stands for. */
static unsigned code_repeats(struct swb_token_model *m, const struct run *run, unsigned kind,
                             unsigned n)
{
        unsigned least = swb_token_use_least[kind], n_bits = swb_token_use_bits[kind];
        unsigned most = least + (1u << n_bits) - 1;
        unsigned all = SWB_MIN(run->n, most), here = SWB_MIN(run->n_here, most);

        if (here >= least && swb_bit_code(&m->coder, &m->is_whole[kind][0], n == here))
                return here;
        if (here < all && swb_bit_code(&m->coder, &m->is_whole[kind][1], n == all))
                return all;
        return least + swb_bits_code(&m->coder, m->extra[kind], n_bits, n - least);
}

/* Return: how many lengths it stands for, or -EBADMSG. */
static int code_use(struct swb_token_model *m, const struct swb_token_block *block, unsigned at,
                    struct swb_token_use *use)
{
        const struct run run = run_at(block, at);
        unsigned kind = use->symbol < 16 ? 0 : use->symbol - 15u, n;

        if (run.n < RUN_LEAST || (!run.is_zero && !run.is_repeat))
                kind = 0;
        else
                kind = swb_bits_code(&m->coder,
                                     m->use[run.is_zero][run.is_repeat][class_of(run.n_here)], 2,
                                     kind);
        if (kind == 0) {
                *use = (struct swb_token_use){block->lengths[at], 0};
                return 1;
        }
        kind--;
        if (run.n < swb_token_use_least[kind] || (kind == 0 ? !run.is_repeat : !run.is_zero))
                return -EBADMSG;
        n = code_repeats(m, &run, kind, use->extra + swb_token_use_least[kind]);
        *use = (struct swb_token_use){(uint8_t)(16 + kind),
                                      (uint8_t)(n - swb_token_use_least[kind])};
        return n <= run.n ? (int)n : -EBADMSG;
}

static int code_uses(struct swb_token_model *m, struct swb_token_block *block)
{
        unsigned at = 0, n = block->n_literals + block->n_distances;

        for (block->n_uses = 0; at < n; block->n_uses++) {
                int r = code_use(m, block, at, &block->uses[block->n_uses]);

                if (r < 0)
                        return r;
                at += (unsigned)r;
        }
        return 0;
}

int swb_token_model_codes(struct swb_token_model *m, struct swb_token_block *block)
{
        uint32_t counts[SWB_DEFLATE_LENGTHS];
        const struct code literals = {SWB_TOKEN_LITERALS,  m->literal_counts, SWB_DEFLATE_LITERALS,
                                      SWB_DEFLATE_END + 1, SWB_HUFFMAN_BITS,  NULL};
        const struct code distances = {SWB_TOKEN_DISTANCES,   m->distance_counts,
                                       SWB_DEFLATE_DISTANCES, 1,
                                       SWB_HUFFMAN_BITS,      NULL};
        const struct code third = {SWB_TOKEN_LENGTHS, counts,           SWB_DEFLATE_LENGTHS, 4,
                                   LENGTHS_LONGEST,   swb_deflate_order};
        uint8_t lengths[SWB_DEFLATE_DISTANCES];
        int r;

        memcpy(lengths, block->lengths + block->n_literals, block->n_distances);
        r = code_lengths(m, &literals, &block->ways[SWB_TOKEN_LITERALS], block->lengths,
                         &block->n_literals);
        if (r >= 0)
                r = code_lengths(m, &distances, &block->ways[SWB_TOKEN_DISTANCES], lengths,
                                 &block->n_distances);
        if (r < 0)
                return r;
        memcpy(block->lengths + block->n_literals, lengths, block->n_distances);
        r = code_uses(m, block);
        if (r < 0)
                return r;
        swb_token_use_counts(block, counts);
        r = code_lengths(m, &third, &block->ways[SWB_TOKEN_LENGTHS], block->order, &block->n_order);
        memset(block->order + block->n_order, 0, SWB_DEFLATE_LENGTHS - block->n_order);
        return r < 0 ? r : m->coder.error;
}
