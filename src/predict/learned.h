/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * predict/learned.h - how far each thing that was pointed at has moved
 *
 * A table of a fixed size: what does not fit drives out what was there. Spec: docs/design/delta.md,
 * PA-40 to PA-42.
 */
#include <stdint.h>

#include "base/cleanup.h"

struct swb_learned {
        struct swb_lesson {
                uint32_t spot_plus_1; /* 0: free */
                int32_t shift;
        } * lessons;
        unsigned bits;
};

/* 1 << bits entries of 8 bytes. 0, -ENOMEM. */
int swb_learned_init(struct swb_learned *learned, unsigned bits) _warn_unused_;
void swb_learned_done(struct swb_learned *learned);

bool swb_learned_get(const struct swb_learned *learned, uint32_t spot, int64_t *ret_shift);
/* Shifts that do not fit into 32 bits are not learned. */
void swb_learned_put(struct swb_learned *learned, uint32_t spot, int64_t shift);
