/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/jobs/candidates.h - from which versions a delta is worth making, and in which order
 *
 * Versions that devices run and whose image is here; the next one is that by which the fleet is
 * expected to save most: its devices times what the full payload has more than the delta.
 */
#include "server/jobs/estimate.h"
#include "server/store/jobs.h"

#define SWB_CANDIDATES_MAX 64
#define SWB_CANDIDATES_MEASURES_MAX 200

/* What a delta asks of devices. */
enum swb_delta_kind {
        SWB_DELTA_OPENED, /* everything: minor version 1004, whatever encoders it can use */
        SWB_DELTA_CLOSED, /* minor version 1004, no encoders */
        SWB_DELTA_PLAIN,  /* minor version 1003, which also those read that do not say */
};

struct swb_candidate {
        enum swb_delta_kind kind;
        bool is_fallback; /* for those that can't apply the other one from there */
        char version[SWB_VERSION_MAX + 1], sha256[65]; /* of the image */
        uint64_t n_devices, steps;
        struct swb_estimate expected;
        uint64_t expected_saving; /* bytes */
        bool is_taken;
};

struct swb_candidates {
        struct swb_candidate list[SWB_CANDIDATES_MAX];
        size_t n;
        struct swb_delta_measure measures[SWB_CANDIDATES_MEASURES_MAX]; /* newest first */
        size_t n_measures;
        struct swb_delta_measure target; /* its image and full_bytes */
        int64_t app;
};

/* target: version, SHA-256 and the full payload's size of what is to be reached. */
int swb_candidates_load(struct swb_db *db, int64_t app, const struct swb_delta_measure *target,
                        struct swb_candidates *ret, struct swb_error *err) _warn_unused_;
/* The best that was not taken, by what is known now; NULL: none is left. Borrowed. */
struct swb_candidate *swb_candidates_take(struct swb_candidates *c);
/* Another one from the same version, for so many devices that can't apply the first; nothing when
 * there is no room. */
void swb_candidates_add_fallback(struct swb_candidates *c, const struct swb_candidate *first,
                                 enum swb_delta_kind kind, uint64_t n_devices);
/* What became of it counts for the next ones, of this job and of later ones. */
int swb_candidates_note(struct swb_candidates *c, struct swb_db *db,
                        const struct swb_candidate *candidate, uint64_t delta_bytes,
                        uint64_t cpu_msec, struct swb_error *err) _warn_unused_;
