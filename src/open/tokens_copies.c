/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Places that can be copied from.
 */
#include <string.h>

#include "open/tokens.h"

#define HASH_FACTOR 0x9e3779b1u

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
        uint16_t *head = &m->heads[hash(bytes_at(m, position))];

        if (position - m->origin == UINT16_MAX) {
                move_places(m->heads, SWB_ELEMENTS(m->heads));
                move_places(m->before, SWB_ELEMENTS(m->before));
                m->origin += SWB_TOKEN_WINDOW;
        }
        m->before[position % SWB_TOKEN_WINDOW] = *head;
        *head = (uint16_t)(position - m->origin + 1);
}

void swb_token_insert_to(struct swb_token_model *m, uint64_t end)
{
        for (; m->n_inserted < end; m->n_inserted++)
                if (m->n_inserted + SWB_TOKEN_COPY_MIN <= m->n_content)
                        insert(m, m->n_inserted);
}

static unsigned equal_bytes(const uint8_t *a, const uint8_t *b, unsigned max)
{
        unsigned n = 0;

        while (n + 8 <= max && memcmp(a + n, b + n, 8) == 0)
                n += 8;
        while (n < max && a[n] == b[n])
                n++;
        return n;
}

void swb_token_search(const struct swb_token_model *m, uint64_t position,
                      struct swb_token_copies *ret)
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
