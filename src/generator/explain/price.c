/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/explain/price.h"

#include <errno.h>

/* A guess is the probability of a one, and below that how often it was right to be asked. */
#define GUESS_BITS 22u
#define SEEN_BITS (32 - GUESS_BITS)
#define SEEN_MAX 30u
#define SEEN_MASK ((1u << SEEN_BITS) - 1)
#define GUESS_HALF ((uint32_t)1 << 31)
#define COST_BITS 12u

#define ORDERS 6u
#define ENTRIES_BITS 18u /* of each order */
/* The longest context that has been seen so often counts. */
#define TRUSTED 2u

#define RUN 8u /* zeros */
#define RUN_COST (1.0 / 512)
#define END_OF_RUN_COST 1.0

static const unsigned context_bytes[ORDERS] = {6, 4, 3, 2, 1, 0};

/* Of a number in (0, 1]: bits that it is worth. Squares tell a logarithm's digits. */
static float bits_of(float p)
{
        float bits = 0, digit = 0.5f;

        for (; p < 1; p *= 2)
                bits++;
        for (int i = 0; i < 10; i++, digit /= 2) {
                p *= p;
                if (p < 2)
                        continue;
                bits -= digit;
                p /= 2;
        }
        return bits;
}

int swb_price_init(struct swb_price *price)
{
        size_t n = (size_t)ORDERS << ENTRIES_BITS, n_costs = (size_t)1 << COST_BITS;

        *price = (struct swb_price){.guesses = malloc(n * sizeof(*price->guesses)),
                                    .costs = malloc((n_costs + 1) * sizeof(*price->costs))};
        if (!price->guesses || !price->costs)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                price->guesses[i] = GUESS_HALF;
        for (size_t i = 0; i <= n_costs; i++)
                price->costs[i] = bits_of(((float)i + 0.5f) / ((float)n_costs + 1));
        return 0;
}

void swb_price_done(struct swb_price *price)
{
        free(price->guesses);
        free(price->costs);
        *price = (struct swb_price){0};
}

static uint32_t *guess_at(struct swb_price *price, size_t order, unsigned partial)
{
        unsigned n = context_bytes[order] * 8;
        uint64_t context = n > 0 ? price->last << (64 - n) : 0;
        uint64_t hash = (context ^ partial) * 0x9e3779b97f4a7c15u;

        hash = (hash ^ hash >> 29) * 0xbf58476d1ce4e5b9u;
        return &price->guesses[(order << ENTRIES_BITS) + (hash >> (64 - ENTRIES_BITS))];
}

static void learn(uint32_t *guess, bool bit)
{
        uint32_t seen = *guess & SEEN_MASK, p = *guess >> SEEN_BITS;
        uint32_t aim = bit ? ((uint32_t)1 << GUESS_BITS) - 1 : 0;
        int64_t step = ((int64_t)aim - (int64_t)p) * 2 / (int64_t)(2 * seen + 3);

        p = (uint32_t)((int64_t)p + step);
        *guess = p << SEEN_BITS | SWB_MIN(seen + 1, SEEN_MAX);
}

static double price_bit(struct swb_price *price, unsigned partial, bool bit)
{
        uint32_t *guesses[ORDERS], p = 0;
        size_t best = ORDERS - 1;

        for (size_t i = ORDERS; i-- > 0;) {
                guesses[i] = guess_at(price, i, partial);
                if ((*guesses[i] & SEEN_MASK) >= TRUSTED)
                        best = i;
        }
        p = *guesses[best] >> (32 - COST_BITS);
        for (size_t i = 0; i < ORDERS; i++)
                learn(guesses[i], bit);
        return (double)price->costs[bit ? p : ((uint32_t)1 << COST_BITS) - p];
}

static double price_byte(struct swb_price *price, uint8_t byte)
{
        unsigned partial = 1;
        double bits = 0;

        for (unsigned i = 8; i-- > 0;) {
                bool bit = byte >> i & 1;

                bits += price_bit(price, partial, bit);
                partial = partial << 1 | bit;
        }
        return bits / 8;
}

double swb_price_of(struct swb_price *price, const uint8_t *data, size_t n)
{
        double sum = 0;

        for (size_t i = 0; i < n; i++) {
                bool is_run = price->n_zeros >= RUN;

                price->n_zeros = data[i] == 0 ? price->n_zeros + 1 : 0;
                if (is_run && data[i] == 0) {
                        sum += RUN_COST;
                        continue;
                }
                sum += price_byte(price, data[i]) + (is_run ? END_OF_RUN_COST : 0);
                price->last = price->last << 8 | data[i];
        }
        return sum;
}
