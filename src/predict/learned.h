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

/* Names: 1 << 31, and so many below. Those that are SHARED mean the same in all files of a release.
 */
enum swb_names {
        SWB_NAMES_NEAR, /* what was learned last about a place and its neighbours */
        SWB_NAMES_TYPE, /* a type's number, in the file that defines it */
        SWB_NAMES_RULE, /* what was learned last by a rule */
        SWB_NAMES_SHARED = 4,
        SWB_NAMES_CHECKSUM = SWB_NAMES_SHARED,
        SWB_NAMES_BASE_TYPE,
        SWB_NAMES_BASE_STRING,
        SWB_NAMES_SHARED_RULE,
};

#define SWB_NAME_BITS 28u

/* The spot of a name; what does not fit into SWB_NAME_BITS is cut off. */
static inline uint32_t swb_name_spot(enum swb_names names, uint32_t name)
{
        return 1u << 31 | (uint32_t)names << SWB_NAME_BITS | (name & ((1u << SWB_NAME_BITS) - 1));
}

static inline bool swb_spot_is_shared(uint32_t spot)
{
        return (spot >> SWB_NAME_BITS & 12) == 12;
}

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
