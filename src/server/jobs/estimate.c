/* SPDX-License-Identifier: Apache-2.0 */
#include "server/jobs/estimate.h"

static bool is_same_pair(const struct swb_delta_measure *a, const struct swb_delta_measure *b)
{
        return strcmp(a->source_sha256, b->source_sha256) == 0 &&
               strcmp(a->target_sha256, b->target_sha256) == 0;
}

static uint64_t distance(uint64_t a, uint64_t b)
{
        return a > b ? a - b : b - a;
}

static uint64_t nearest_steps(const struct swb_delta_measure *measures, size_t n, uint64_t steps)
{
        uint64_t best = 0;
        bool found = false;

        for (size_t i = 0; i < n; i++)
                if (!found || distance(measures[i].steps, steps) < distance(best, steps)) {
                        best = measures[i].steps;
                        found = true;
                }
        return best;
}

/* Shares of full payloads, so that images that have grown do not mislead. */
static void estimate_by_others(const struct swb_delta_measure *measures, size_t n,
                               const struct swb_delta_measure *pair, struct swb_estimate *ret)
{
        uint64_t steps = nearest_steps(measures, n, pair->steps);
        double bytes = 0, msec = 0;
        size_t n_used = 0;

        for (size_t i = 0; i < n && n_used < SWB_ESTIMATE_SAMPLE; i++) {
                const struct swb_delta_measure *m = &measures[i];

                if (m->steps != steps || m->full_bytes == 0)
                        continue;
                bytes += (double)m->delta_bytes / (double)m->full_bytes;
                msec += (double)m->cpu_msec / (double)m->full_bytes;
                n_used++;
        }
        if (n_used == 0)
                return;
        ret->by = SWB_ESTIMATE_BY_OTHERS;
        ret->bytes = (uint64_t)(bytes / (double)n_used * (double)pair->full_bytes);
        ret->cpu_msec = (uint64_t)(msec / (double)n_used * (double)pair->full_bytes);
}

void swb_estimate_delta(const struct swb_delta_measure *measures, size_t n,
                        const struct swb_delta_measure *pair, struct swb_estimate *ret)
{
        *ret = (struct swb_estimate){.bytes = pair->full_bytes * SWB_ESTIMATE_PRIOR_PERCENT / 100};
        for (size_t i = 0; i < n; i++)
                if (is_same_pair(&measures[i], pair)) {
                        *ret = (struct swb_estimate){.bytes = measures[i].delta_bytes,
                                                     .cpu_msec = measures[i].cpu_msec,
                                                     .by = SWB_ESTIMATE_BY_ITSELF};
                        return;
                }
        estimate_by_others(measures, n, pair, ret);
}

uint64_t swb_estimate_saving(uint64_t n_devices, uint64_t full_bytes, uint64_t delta_bytes)
{
        uint64_t saving;

        if (delta_bytes >= full_bytes)
                return 0;
        if (__builtin_mul_overflow(n_devices, full_bytes - delta_bytes, &saving))
                return UINT64_MAX;
        return saving;
}
