/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/jobs/estimate.h - how large a delta will be, by what others were
 *
 * Pure. Of the same two images, what was measured. Else the mean share of the full payload of those
 * deltas that went over the nearest number of versions (the newest SWB_ESTIMATE_SAMPLE of them):
 * a fleet's releases differ from each other about as much as they did before. When nothing was
 * measured, SWB_ESTIMATE_PRIOR_PERCENT of the full payload, by which nothing is left out.
 */
#include "server/store/delta_measures.h"

#define SWB_ESTIMATE_SAMPLE 5
#define SWB_ESTIMATE_PRIOR_PERCENT 30

enum swb_estimate_by {
        SWB_ESTIMATE_BY_NOTHING,
        SWB_ESTIMATE_BY_OTHERS,
        SWB_ESTIMATE_BY_ITSELF,
        _SWB_ESTIMATE_BY_MAX,
};

struct swb_estimate {
        uint64_t bytes, cpu_msec;
        enum swb_estimate_by by;
};

/* What is wanted: versions' images, steps and full_bytes of `pair` count. measures: newest first.
 */
void swb_estimate_delta(const struct swb_delta_measure *measures, size_t n,
                        const struct swb_delta_measure *pair, struct swb_estimate *ret);
/* Bytes that so many devices do not have to load; 0 when the delta is no smaller. */
uint64_t swb_estimate_saving(uint64_t n_devices, uint64_t full_bytes, uint64_t delta_bytes);
