/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens as somebody chooses them who compares the bits that whole sequences of them take.
 */
#include <string.h>

#include "open/tokens.h"

/* Costs are sixteenths of bits. */
#define COST_MAX 208u
#define SEEN_MAX 10000u
#define RANKS 4u

/* Sixteen times the logarithm to base 2 of what is above 0. */
static uint32_t logarithm(uint32_t value)
{
        uint32_t log = 0, power;

        while (value >> log > 1)
                log++;
        power = log > 15 ? value >> (log - 15) : value << (15 - log);
        for (unsigned i = 0; i < 4; i++) {
                power = (uint32_t)((uint64_t)power * power >> 15);
                log = log << 1 | power >> 16;
                power >>= power >> 16;
        }
        return log;
}

static uint16_t cost_of(uint32_t n, uint32_t all)
{
        uint32_t cost = logarithm(16 * all + 16) - logarithm(16 * n + 5);

        return (uint16_t)SWB_MIN(cost, COST_MAX);
}

static void forget(struct swb_token_costs *c)
{
        for (size_t i = 0; i < SWB_ELEMENTS(c->seen); i++)
                c->seen[i] -= c->seen[i] / 4;
}

static void set_costs(struct swb_token_costs *c)
{
        const uint32_t *lengths = c->seen + SWB_DEFLATE_END + 1;
        const uint32_t *distances = c->seen + SWB_DEFLATE_LITERALS;
        uint32_t n_tokens = 0, n_copies = 0;

        for (unsigned i = 0; i < SWB_DEFLATE_LITERALS; i++)
                n_tokens += c->seen[i];
        for (unsigned i = 0; i < SWB_DEFLATE_DISTANCES; i++)
                n_copies += distances[i];
        for (unsigned i = 0; i < SWB_ELEMENTS(c->literals); i++)
                c->literals[i] = cost_of(c->seen[i], n_tokens);
        for (unsigned i = SWB_TOKEN_COPY_MIN; i <= SWB_TOKEN_COPY_MAX; i++) {
                unsigned symbol = swb_length_symbol(i);

                c->lengths[i] = (uint16_t)(cost_of(lengths[symbol], n_tokens) +
                                           16u * swb_deflate_length_bits[symbol]);
        }
        for (unsigned i = 0; i < SWB_DEFLATE_DISTANCES; i++)
                c->distances[i] = (uint16_t)(cost_of(distances[i], n_copies) +
                                             16u * swb_deflate_distance_bits[i]);
        if (n_tokens > SEEN_MAX)
                forget(c);
}

/* ---- a part of the content */

/* The longest one of many distances takes the last step. */
static void keep_steps(const struct swb_token_copies *copies, struct swb_token_step *steps)
{
        unsigned n = 0;

        memset(steps, 0, SWB_TOKEN_STEPS * sizeof(*steps));
        for (unsigned i = SWB_TOKEN_COPY_MIN; i <= copies->longest; i++) {
                if (n == 0 || steps[n - 1].distance != copies->distances[i])
                        n = SWB_MIN(n + 1, SWB_TOKEN_STEPS);
                steps[n - 1] = (struct swb_token_step){(uint16_t)i, copies->distances[i]};
        }
}

/* What is found from here on; some of it has been before. */
static void find_steps(struct swb_token_model *m, uint64_t end)
{
        struct swb_token_costs *c = &m->costs;
        uint64_t at = SWB_MAX(c->end, m->at);

        if (c->end > m->at)
                memmove(c->steps, c->steps + (m->at - c->begin),
                        (size_t)(c->end - m->at) * sizeof(*c->steps));
        for (c->begin = m->at; at < end; at++) {
                swb_token_insert_to(m, at);
                swb_token_search(m, at, &m->here);
                keep_steps(&m->here, c->steps[at - c->begin]);
        }
        c->end = end;
}

/* Calls for each length that can be copied at place i of the part, from the shortest on. */
struct walk {
        unsigned step, length; /* the next */
        uint32_t cost;         /* of all from the place on */
        unsigned distance, distance_cost;
};

static bool next_copy(const struct swb_token_costs *c, unsigned i, struct walk *walk)
{
        const struct swb_token_step *steps = c->steps[i];
        unsigned length = walk->length + 1, end;

        if (walk->step < SWB_TOKEN_STEPS && length > steps[walk->step].length)
                walk->step++;
        if (walk->step == SWB_TOKEN_STEPS || length > steps[walk->step].length)
                return false;
        end = SWB_MIN(i + length, (unsigned)(c->end - c->begin));
        walk->length = length;
        if (walk->distance != steps[walk->step].distance) {
                walk->distance = steps[walk->step].distance;
                walk->distance_cost = c->distances[swb_distance_symbol(walk->distance)];
        }
        walk->cost = c->costs[end] + walk->distance_cost + c->lengths[length];
        return true;
}

static uint32_t literal_cost(const struct swb_token_model *m, unsigned i)
{
        const struct swb_token_costs *c = &m->costs;

        return c->literals[m->data[c->begin - m->base + i]] + c->costs[i + 1];
}

/* The cheapest copy at place i of n; the same as next_copy() finds, in a loop without questions. */
static uint32_t copy_cost(const struct swb_token_costs *c, unsigned i, unsigned n)
{
        const struct swb_token_step *steps = c->steps[i];
        uint32_t best = UINT32_MAX;
        unsigned length = SWB_TOKEN_COPY_MIN;

        for (unsigned k = 0; k < SWB_TOKEN_STEPS && steps[k].length > 0; k++) {
                uint32_t cost = c->distances[swb_distance_symbol(steps[k].distance)];
                unsigned inside = SWB_MIN((unsigned)steps[k].length, n - i);

                for (; length <= inside; length++)
                        best = SWB_MIN(best, cost + c->lengths[length] + c->costs[i + length]);
                for (; length <= steps[k].length; length++)
                        best = SWB_MIN(best, cost + c->lengths[length] + c->costs[n]);
        }
        return best;
}

/* From its end on the least that each place costs. */
static void begin_part(struct swb_token_model *m)
{
        struct swb_token_costs *c = &m->costs;
        unsigned n;

        set_costs(c);
        find_steps(m, SWB_MIN(m->n_content, m->at + SWB_TOKEN_PART + SWB_TOKEN_MARGIN));
        n = (unsigned)(c->end - c->begin);
        c->costs[n] = 0;
        for (unsigned i = n; i-- > 0;)
                c->costs[i] = SWB_MIN(literal_cost(m, i), copy_cost(c, i, n));
}

/* ---- a token */

/* The cheapest copies, from the cheapest on; of equals the shorter first. */
struct ranks {
        struct walk best[RANKS + 1];
        unsigned n;
};

static void add_rank(struct ranks *ranks, const struct walk *walk)
{
        unsigned at = ranks->n;

        if (at > RANKS && ranks->best[RANKS].cost <= walk->cost)
                return;
        at -= at > RANKS;
        for (; at > 0 && ranks->best[at - 1].cost > walk->cost; at--)
                ranks->best[at] = ranks->best[at - 1];
        ranks->best[at] = *walk;
        ranks->n = SWB_MIN(ranks->n + 1, RANKS + 1);
}

static void find_ranks(struct swb_token_model *m, unsigned i, struct ranks *ranks)
{
        struct walk walk = {.length = SWB_TOKEN_COPY_MIN - 1};

        m->here.longest = 0;
        for (ranks->n = 0; next_copy(&m->costs, i, &walk);) {
                m->here.longest = walk.length;
                m->here.distances[walk.length] = (uint16_t)walk.distance;
                add_rank(ranks, &walk);
        }
}

/* 0 to 13 */
static unsigned class_of(uint32_t cost, uint32_t other)
{
        static const int ends[] = {-96, -48, -24, -15, -7, -1, 0, 1, 7, 15, 24, 48, 96};
        int difference = (int)(other - cost);
        unsigned i = 0;

        while (i < SWB_ELEMENTS(ends) && difference > ends[i])
                i++;
        return i;
}

static unsigned code_rank(struct swb_token_model *m, const struct ranks *ranks, unsigned length)
{
        for (unsigned i = 0; i < SWB_MIN(ranks->n, RANKS); i++) {
                const struct walk *walk = &ranks->best[i];
                unsigned class = i + 1 < ranks->n ? class_of(walk->cost, walk[1].cost) : 14;
                bool is_longest = walk->length == m->here.longest;

                if (swb_bit_code(&m->coder, &m->is_rank[i][class][is_longest],
                                 length == walk->length))
                        return walk->length;
        }
        return SWB_TOKEN_COPY_MIN + swb_bits_code(&m->coder,
                                                  m->length[swb_token_class(m->here.longest)], 8,
                                                  length - SWB_TOKEN_COPY_MIN);
}

unsigned swb_token_by_cost(struct swb_token_model *m, unsigned length)
{
        struct swb_token_costs *c = &m->costs;
        unsigned class = 14, kind = 0, distance = 0, i;
        struct ranks ranks;

        if (c->end == 0 || m->at >= c->begin + SWB_TOKEN_PART)
                begin_part(m);
        i = (unsigned)(m->at - c->begin);
        find_ranks(m, i, &ranks);
        if (ranks.n > 0) {
                const struct walk *best = &ranks.best[0];

                class = class_of(best->cost, literal_cost(m, i));
                kind = best->length == m->here.longest ? 1 : m->here.longest < 8 ? 2 : 3;
                distance = swb_token_distance_class(best->distance);
        }
        if (!swb_bit_code(&m->coder, &m->is_cheaper[class][m->after_copy][kind][distance],
                          length > 0))
                return 0;
        return code_rank(m, &ranks, length);
}
