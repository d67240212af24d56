/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/store/delta_measures.h - what deltas between stored images have cost and saved
 *
 * The newest SWB_DELTA_MEASURES_MAX are kept; jobs expect of the next delta what these say
 * (jobs/estimate.h).
 */
#include "server/store/apps.h"

#define SWB_DELTA_MEASURES_MAX 1000

struct swb_delta_measure {
        char source_version[SWB_VERSION_MAX + 1], target_version[SWB_VERSION_MAX + 1];
        char source_sha256[65], target_sha256[65]; /* of the images, hex */
        uint64_t steps; /* of versions whose images are here: 1 for the next one */
        uint64_t delta_bytes, full_bytes, cpu_msec;
        int64_t at; /* seconds since 1970 */
};

/* Another one of the same pair of images takes its place. */
int swb_delta_measure_put(struct swb_db *db, int64_t app, const struct swb_delta_measure *measure,
                          struct swb_error *err) _warn_unused_;
/* Newest first. */
int swb_delta_measure_list(struct swb_db *db, int64_t app, uint64_t limit,
                           int (*each)(const struct swb_delta_measure *measure, void *userdata,
                                       struct swb_error *err),
                           void *userdata, struct swb_error *err) _warn_unused_;
