/* SPDX-License-Identifier: Apache-2.0 */
#include "open/tokens.h"

#include <string.h>

/* With a copy as long as this nobody looks for a longer one at the next byte. */
#define LONG_COPY 64u
#define NEAR_BYTES 256u
#define MIDDLE_BYTES 4096u

void swb_token_model_init(struct swb_token_model *m, const uint32_t *parameters, uint64_t n_content)
{
        const struct swb_bit_coder coder = m->coder;
        struct swb_prob *probs = &m->is_copy[0][0][0][0];

        memset(m, 0, sizeof(*m));
        m->coder = coder;
        m->chain = parameters[SWB_TOKEN_CHAIN];
        m->nice = parameters[SWB_TOKEN_NICE];
        m->by_cost = parameters[SWB_TOKEN_BY_COST] > 0;
        m->n_content = n_content;
        swb_probs_init(probs, (size_t)((struct swb_prob *)(m + 1) - probs));
        for (size_t i = 0; i < SWB_ELEMENTS(m->costs.seen); i++)
                m->costs.seen[i] = 1;
}

/* ---- tokens */

unsigned swb_token_class(unsigned length)
{
        static const uint16_t ends[] = {2, 3, 4, 5, 6, 8, 12, 16, 32, 64, 257, 258};
        unsigned i = 0;

        while (ends[i] < length)
                i++;
        return i;
}

unsigned swb_token_distance_class(unsigned distance)
{
        return distance <= NEAR_BYTES ? 0 : distance <= MIDDLE_BYTES ? 1 : 2;
}

struct look {
        unsigned length, next, distance; /* classes */
};

/* What can be copied here, and one byte further. */
static struct look look(struct swb_token_model *m)
{
        struct look look = {0};
        unsigned distance;

        if (m->has_next)
                m->here = m->next;
        else {
                swb_token_insert_to(m, m->at);
                swb_token_search(m, m->at, &m->here);
        }
        m->has_next = false;
        look.length = swb_token_class(m->here.longest);
        if (m->here.longest == 0)
                return look;
        distance = m->here.distances[m->here.longest];
        look.distance = swb_token_distance_class(distance);
        if (m->here.longest >= LONG_COPY)
                return look;
        swb_token_insert_to(m, m->at + 1);
        swb_token_search(m, m->at + 1, &m->next);
        m->has_next = true;
        look.next = m->next.longest <= m->here.longest       ? 1
                    : m->next.longest == m->here.longest + 1 ? 2
                                                             : 3;
        return look;
}

static unsigned code_length(struct swb_token_model *m, const struct look *look, unsigned length)
{
        struct swb_prob *prob = &m->is_longest[look->length][look->next][look->distance];

        if (m->here.longest > 0 && swb_bit_code(&m->coder, prob, length == m->here.longest))
                return m->here.longest;
        return SWB_TOKEN_COPY_MIN +
               swb_bits_code(&m->coder, m->length[look->length], 8, length - SWB_TOKEN_COPY_MIN);
}

static unsigned code_distance(struct swb_token_model *m, unsigned length, unsigned distance)
{
        unsigned symbol, n_bits;

        if (length <= m->here.longest) {
                unsigned nearest = m->here.distances[length];
                bool is_longest = length == m->here.longest;

                if (swb_bit_code(&m->coder, &m->is_nearest[is_longest][swb_token_class(length)],
                                 distance == nearest))
                        return nearest;
        }
        symbol = distance > 0 ? swb_distance_symbol(distance) : 0;
        symbol = swb_bits_code(&m->coder, m->distance, 5, symbol);
        if (symbol >= SWB_DEFLATE_DISTANCES)
                return 0;
        n_bits = swb_deflate_distance_bits[symbol];
        return swb_deflate_distance_bases[symbol] +
               swb_bits_plain(&m->coder, n_bits, distance - swb_deflate_distance_bases[symbol]);
}

static int advance(struct swb_token_model *m, uint32_t n, bool is_copy)
{
        if (n > m->n_content - m->at)
                return -EBADMSG;
        m->has_next = m->has_next && n == 1;
        m->after_copy = is_copy;
        swb_token_insert_to(m, m->at + n);
        m->at += n;
        return m->coder.error;
}

/* As somebody does who looks at what is here and at the next byte. Return: its length, 0 for a
 * literal. */
static unsigned token_by_look(struct swb_token_model *m, unsigned length)
{
        struct look l = look(m);

        if (!swb_bit_code(&m->coder, &m->is_copy[l.length][l.next][m->after_copy][l.distance],
                          length > 0))
                return 0;
        return code_length(m, &l, length);
}

static void count_token(struct swb_token_model *m, const struct swb_token *token)
{
        unsigned symbol = token->length > 0 ? SWB_DEFLATE_END + 1 + swb_length_symbol(token->length)
                                            : m->data[m->at - m->base];

        m->literal_counts[symbol]++;
        m->costs.seen[symbol]++;
        if (token->length == 0)
                return;
        symbol = swb_distance_symbol(token->distance);
        m->distance_counts[symbol]++;
        m->costs.seen[SWB_DEFLATE_LITERALS + symbol]++;
}

int swb_token_model_token(struct swb_token_model *m, struct swb_token *token)
{
        if (m->at >= m->n_content)
                return -EBADMSG;
        token->length = (uint16_t)(m->by_cost ? swb_token_by_cost(m, token->length)
                                              : token_by_look(m, token->length));
        token->distance =
                token->length > 0 ? (uint16_t)code_distance(m, token->length, token->distance) : 0;
        if (token->length > 0 && token->distance == 0)
                return -EBADMSG;
        count_token(m, token);
        return advance(m, token->length > 0 ? token->length : 1, token->length > 0);
}

int swb_token_model_skip(struct swb_token_model *m, uint32_t n)
{
        m->has_next = false;
        return advance(m, n, false);
}

/* ---- blocks */

static uint32_t code_stored(struct swb_token_model *m, uint32_t n)
{
        uint32_t high = swb_bits_code(&m->coder, m->stored[0], 8, n >> 8);

        return high << 8 | swb_bits_code(&m->coder, m->stored[1], 8, n & 0xff);
}

/* The number of its bits, and those below the highest. */
static uint32_t code_count(struct swb_token_model *m, uint32_t n)
{
        unsigned n_bits = 0;

        while (n >> n_bits > 0)
                n_bits++;
        n_bits = swb_bits_code(&m->coder, m->n_tokens, 5, n_bits);
        return n_bits == 0 ? 0 : 1u << (n_bits - 1) | swb_bits_plain(&m->coder, n_bits - 1, n);
}

int swb_token_model_block(struct swb_token_model *m, struct swb_token_block *block)
{
        block->is_last = swb_bit_code(&m->coder, &m->is_last[0], block->is_last);
        block->type = swb_bits_code(&m->coder, m->type, 2, block->type);
        if (block->type > SWB_DEFLATE_DYNAMIC)
                return -EBADMSG;
        memset(m->literal_counts, 0, sizeof(m->literal_counts));
        memset(m->distance_counts, 0, sizeof(m->distance_counts));
        m->literal_counts[SWB_DEFLATE_END] = 1;
        block->n = block->type == SWB_DEFLATE_STORED ? code_stored(m, block->n)
                                                     : code_count(m, block->n);
        return m->coder.error;
}
