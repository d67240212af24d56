/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/scan/sketch.h"

#define WINDOW_BYTES 32
#define SHIFT_BITS 2 /* 64 bits / 32 bytes: a byte has left the state after WINDOW_BYTES steps */

/* A step of the "splitmix64" sequence: spreads a number over 64 bits. */
static inline uint64_t spread(uint64_t x)
{
        x ^= x >> 30;
        x *= 0xbf58476d1ce4e5b9u;
        x ^= x >> 27;
        x *= 0x94d049bb133111ebu;
        return x ^ x >> 31;
}

static inline uint64_t step(uint64_t state, uint8_t byte)
{
        return (state << SHIFT_BITS) + ((uint64_t)byte + 1) * 0x9e3779b97f4a7c15u;
}

static void insert(struct swb_sketch *sketch, uint64_t feature)
{
        unsigned i = sketch->n;

        while (i > 0 && sketch->features[i - 1] > feature)
                i--;
        if (i > 0 && sketch->features[i - 1] == feature)
                return;
        if (sketch->n < SWB_SKETCH_FEATURES)
                sketch->n++;
        memmove(&sketch->features[i + 1], &sketch->features[i],
                (sketch->n - i - 1) * sizeof(sketch->features[0]));
        sketch->features[i] = feature;
}

void swb_sketch_update(struct swb_sketch *sketch, const uint8_t *data, size_t n_bytes)
{
        uint64_t state = sketch->state, last = 0;
        uint64_t skip = sketch->n_bytes < WINDOW_BYTES ? WINDOW_BYTES - 1 - sketch->n_bytes : 0;

        for (size_t i = 0; i < n_bytes; i++) {
                uint64_t feature;

                state = step(state, data[i]);
                if (i < skip || state == last)
                        continue; /* window not full yet; or a run of one byte */
                last = state;
                feature = spread(state);
                if (sketch->n < SWB_SKETCH_FEATURES ||
                    feature < sketch->features[SWB_SKETCH_FEATURES - 1])
                        insert(sketch, feature);
        }
        sketch->state = state;
        sketch->n_bytes += n_bytes;
}

unsigned swb_sketch_similarity(const struct swb_sketch *a, const struct swb_sketch *b)
{
        unsigned i = 0, k = 0, n_union = 0, n_common = 0;

        while (n_union < SWB_SKETCH_FEATURES && (i < a->n || k < b->n)) {
                if (k == b->n || (i < a->n && a->features[i] < b->features[k])) {
                        i++;
                } else if (i == a->n || b->features[k] < a->features[i]) {
                        k++;
                } else {
                        i++;
                        k++;
                        n_common++;
                }
                n_union++;
        }
        return n_union ? n_common * SWB_SIMILARITY_MAX / n_union : 0;
}

void swb_sketch_sample(const uint8_t *data, size_t n_bytes, unsigned one_in_bits,
                       void (*found)(void *context, uint64_t feature, size_t offset), void *context)
{
        uint64_t state = 0, last = 0;

        for (size_t i = 0; i < n_bytes; i++) {
                uint64_t feature;

                state = step(state, data[i]);
                if (i + 1 < WINDOW_BYTES || state == last)
                        continue;
                last = state;
                feature = spread(state);
                if (feature >> (64 - one_in_bits) == 0)
                        found(context, feature, i + 1);
        }
}
