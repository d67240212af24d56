/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * codec/swd2_attempt.h - one way to tell a part of SWD2, and the best of several (making side); for
 * this folder only
 */
#include "codec/difference.h"
#include "codec/swd2.h"

struct swb_swd2_pair {
        struct swb_view old, new;                  /* in memory */
        uint64_t max_memory_bytes;                 /* what a reader has for entries and predictor */
        const struct swb_predictor_shared *shared; /* learned from the parts before; may be NULL */
        /* Gets what is alike byte by byte if that has too many entries; NULL: not wanted. */
        struct swb_difference *unused;
};

struct swb_swd2_attempt {
        enum swb_model model;
        struct swb_buf hints;
        struct swb_copy *copies;
        size_t n_entries;
        /* The part's share of each stream but the plan. */
        struct swb_buf streams[SWB_SWD2_STREAMS_MAX];
        uint64_t cost;                       /* about how many bytes it takes packed */
        uint64_t predictor_bytes;            /* of a reader's memory */
        struct swb_predictor_shared *shared; /* and from this one; NULL: as before */
};

#define SWB_SWD2_ATTEMPT_INIT ((struct swb_swd2_attempt){.cost = UINT64_MAX})

void swb_swd2_attempt_done(struct swb_swd2_attempt *attempt);

/* The smallest of those that the effort allows. 0, -E2BIG, -ENOMEM. */
int swb_swd2_attempt_best(struct swb_swd2_pair *pair, enum swb_swd2_effort effort,
                          struct swb_swd2_attempt *ret) _warn_unused_;
