/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/pack/forecast.h - how long jobs on several threads will still take
 *
 * In units of their work: what is left lasts as long as all of it shared among the threads, but no
 * less than the longest job, which is one thread's alone. How far a running job is nobody tells;
 * its processor time does, beside what such work took in jobs that are done. Pure: clocks are the
 * caller's.
 */
#include <stdbool.h>
#include <stdint.h>

struct swb_forecast {
        bool is_usec;       /* work is in microseconds of a processor, about */
        uint64_t done_work; /* of jobs that are done */
        uint64_t done_usec; /* what they took of a processor */
};

void swb_forecast_done(struct swb_forecast *f, uint64_t work, uint64_t usec);

/* Of a running job's work, when it has had usec of a processor. Above 0 for work above 0: a job
 * that takes longer than it should is not done. */
uint64_t swb_forecast_left(const struct swb_forecast *f, uint64_t work, uint64_t usec);

/* Time for all that is left, in units of work. n_threads: at least 1. */
uint64_t swb_forecast_span(uint64_t all_work, uint64_t longest, unsigned n_threads);
