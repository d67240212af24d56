/* SPDX-License-Identifier: Apache-2.0 */
#include "open/tokens.h"

#include <string.h>

#define HASH_FACTOR 0x9e3779b1u
/* With a copy as long as this nobody looks for a longer one at the next byte. */
#define LONG_COPY 64u
#define NEAR_BYTES 256u
#define MIDDLE_BYTES 4096u

void swb_token_model_init(struct swb_token_model *m, uint32_t chain, uint32_t nice,
                          uint64_t n_content)
{
        const struct swb_bit_coder coder = m->coder;
        struct swb_prob *probs = &m->is_copy[0][0][0][0];

        memset(m, 0, sizeof(*m));
        m->coder = coder;
        m->chain = chain;
        m->nice = nice;
        m->n_content = n_content;
        swb_probs_init(probs, (size_t)((struct swb_prob *)(m + 1) - probs));
}

/* ---- copies */

static const uint8_t *bytes_at(const struct swb_token_model *m, uint64_t position)
{
        return m->data + (position - m->base);
}

static uint32_t hash(const uint8_t *p)
{
        return (uint32_t)((p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16) * HASH_FACTOR) >> 16;
}

static void move_places(uint16_t *places, size_t n)
{
        for (size_t i = 0; i < n; i++)
                places[i] =
                        (uint16_t)(places[i] > SWB_TOKEN_WINDOW ? places[i] - SWB_TOKEN_WINDOW : 0);
}

static void insert(struct swb_token_model *m, uint64_t position)
{
        uint32_t h = hash(bytes_at(m, position));

        if (position - m->origin == UINT16_MAX) {
                move_places(m->heads, SWB_ELEMENTS(m->heads));
                move_places(m->before, SWB_ELEMENTS(m->before));
                m->origin += SWB_TOKEN_WINDOW;
        }
        m->before[position % SWB_TOKEN_WINDOW] = m->heads[h];
        m->heads[h] = (uint16_t)(position - m->origin + 1);
}

/* All positions below `end` can be found; the last two of the content never are. */
static void insert_to(struct swb_token_model *m, uint64_t end)
{
        for (; m->n_inserted < end; m->n_inserted++)
                if (m->n_inserted + SWB_TOKEN_COPY_MIN <= m->n_content)
                        insert(m, m->n_inserted);
}

static unsigned equal_bytes(const uint8_t *a, const uint8_t *b, unsigned max)
{
        unsigned n = 0;

        while (n < max && a[n] == b[n])
                n++;
        return n;
}

/* Positions before it, and no others, can be found. */
static void search(const struct swb_token_model *m, uint64_t position, struct swb_token_copies *ret)
{
        unsigned room = (unsigned)SWB_MIN(m->n_content - position, (uint64_t)SWB_TOKEN_COPY_MAX);
        unsigned enough = SWB_MIN(room, m->nice), best = SWB_TOKEN_COPY_MIN - 1;
        uint32_t place, chain = m->chain, end = (uint32_t)(position - m->origin) + 1;
        const uint8_t *here;

        ret->longest = 0;
        if (room < SWB_TOKEN_COPY_MIN)
                return;
        here = bytes_at(m, position);
        for (place = m->heads[hash(here)]; place > 0 && chain > 0; chain--) {
                uint32_t distance = end - place;
                const uint8_t *there = here - distance;
                unsigned n;

                if (distance > SWB_TOKEN_WINDOW)
                        break;
                n = there[best] == here[best] ? equal_bytes(here, there, room) : 0;
                for (; best < n; best++)
                        ret->distances[best + 1] = (uint16_t)distance;
                if (best >= enough)
                        break;
                place = m->before[(place - 1) % SWB_TOKEN_WINDOW];
        }
        ret->longest = best >= SWB_TOKEN_COPY_MIN ? best : 0;
}

/* ---- tokens */

static unsigned class_of(unsigned length)
{
        static const uint16_t ends[] = {2, 3, 4, 5, 6, 8, 12, 16, 32, 64, 257, 258};
        unsigned i = 0;

        while (ends[i] < length)
                i++;
        return i;
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
                insert_to(m, m->at);
                search(m, m->at, &m->here);
        }
        m->has_next = false;
        look.length = class_of(m->here.longest);
        if (m->here.longest == 0)
                return look;
        distance = m->here.distances[m->here.longest];
        look.distance = distance <= NEAR_BYTES ? 0 : distance <= MIDDLE_BYTES ? 1 : 2;
        if (m->here.longest >= LONG_COPY)
                return look;
        insert_to(m, m->at + 1);
        search(m, m->at + 1, &m->next);
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

                if (swb_bit_code(&m->coder, &m->is_nearest[is_longest][class_of(length)],
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
        insert_to(m, m->at + n);
        m->at += n;
        return m->coder.error;
}

int swb_token_model_token(struct swb_token_model *m, struct swb_token *token)
{
        struct look l = look(m);
        struct swb_prob *prob = &m->is_copy[l.length][l.next][m->after_copy][l.distance];

        if (m->at >= m->n_content)
                return -EBADMSG;
        if (!swb_bit_code(&m->coder, prob, token->length > 0)) {
                *token = (struct swb_token){0};
                m->literal_counts[*bytes_at(m, m->at)]++;
                return advance(m, 1, false);
        }
        token->length = (uint16_t)code_length(m, &l, token->length);
        token->distance = (uint16_t)code_distance(m, token->length, token->distance);
        if (token->distance == 0)
                return -EBADMSG;
        m->literal_counts[SWB_DEFLATE_END + 1 + swb_length_symbol(token->length)]++;
        m->distance_counts[swb_distance_symbol(token->distance)]++;
        return advance(m, token->length, true);
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
