/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/pack/forecast.h"

#include "base/cleanup.h"

/* What was said beforehand counts as much as jobs of so long. */
#define TRUST_USEC 2e6
/* Jobs that took less than such a part of their work came from a cache, and tell nothing. */
#define CACHED_SHARE 20u
/* So far a job goes as fast as it should, then slower and slower. */
#define KNEE 0.9

void swb_forecast_done(struct swb_forecast *f, uint64_t work, uint64_t usec)
{
        if (f->is_usec && usec < work / CACHED_SHARE)
                return;
        f->done_work += work;
        f->done_usec += usec;
}

/* Microseconds a unit of work; 0: not known yet. */
static double pace(const struct swb_forecast *f)
{
        double trust = f->is_usec ? TRUST_USEC : 0;

        if ((double)f->done_work + trust <= 0)
                return 0;
        return ((double)f->done_usec + trust) / ((double)f->done_work + trust);
}

uint64_t swb_forecast_left(const struct swb_forecast *f, uint64_t work, uint64_t usec)
{
        double expected = (double)work * pace(f), passed, left;

        if (expected <= 0 || work == 0)
                return work;
        passed = (double)usec / expected;
        left = passed <= KNEE ? 1 - passed : (1 - KNEE) * KNEE / passed;
        return SWB_MAX((uint64_t)((double)work * left), (uint64_t)1);
}

uint64_t swb_forecast_span(uint64_t all_work, uint64_t longest, unsigned n_threads)
{
        return SWB_MAX(all_work / n_threads + (all_work % n_threads > 0), longest);
}
