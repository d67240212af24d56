/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/scan/sketch.h - what a content looks like, in a few numbers
 *
 * A feature is a hash of 32 consecutive bytes, wherever they stand. A sketch holds the smallest
 * features of a content ("min-hash"): two contents that share half of their bytes share about a
 * third of their sketches, at any offsets.
 */
#include <stdint.h>

#include "base/cleanup.h"

#define SWB_SKETCH_FEATURES 48

struct swb_sketch {
        uint64_t features[SWB_SKETCH_FEATURES]; /* ascending */
        unsigned n;
        uint64_t state;   /* of the window, between two pieces */
        uint64_t n_bytes; /* fed so far */
};

#define SWB_SKETCH_INIT ((struct swb_sketch){0})

/* Feeds the next piece of the content. */
void swb_sketch_update(struct swb_sketch *sketch, const uint8_t *data, size_t n_bytes);

/* Estimated share of common content (Jaccard's index), 0 .. SWB_SIMILARITY_MAX. A whole number, so
 * that what is decided with it is the same on every machine. */
#define SWB_SIMILARITY_MAX 1000u
unsigned swb_sketch_similarity(const struct swb_sketch *a, const struct swb_sketch *b);

/*
 * Calls `found` for about one in 2^one_in_bits features of a content, the same ones wherever they
 * stand. `offset`: of the byte after the feature.
 */
void swb_sketch_sample(const uint8_t *data, size_t n_bytes, unsigned one_in_bits,
                       void (*found)(void *context, uint64_t feature, size_t offset),
                       void *context);
