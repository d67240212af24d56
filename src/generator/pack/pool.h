/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/pack/pool.h - jobs over all cores, within a memory budget
 *
 * Each job says how much memory it needs; one that does not fit beside the running ones waits while
 * smaller ones go first. Jobs share nothing but what they lock themselves, and write their results
 * where only they write, so a result never depends on the number of threads.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct swb_job {
        int (*run)(void *object, struct swb_error *err);
        void *object;
        uint64_t memory_bytes; /* above the whole budget: runs alone */
        uint64_t work;         /* any unit: larger jobs start first, and progress counts it */
        bool is_usec;          /* of all jobs: that is microseconds of a processor, about */
};

struct swb_progress {
        /* Called from the thread that waits in swb_pool_run(), at least twice a second; may be
         * NULL. done never falls, and is to total as the time is that has passed to all of it, as
         * far as that can be told (forecast.h). */
        void (*report)(void *context, const char *stage, uint64_t done, uint64_t total);
        void *context;
};

struct swb_pool {
        unsigned n_threads; /* at least 1 */
        uint64_t memory_bytes;
        struct swb_progress progress;
        /* Where jobs put what is not to take memory (pack/shelf.h); NULL: it does. Borrowed. */
        const char *folder;
};

/*
 * Runs all jobs. When one fails the rest is not started, and the error is that of the failed job
 * with the lowest index. Return: 0, the job's error, NO_MEMORY.
 */
int swb_pool_run(const struct swb_pool *pool, const char *stage, const struct swb_job *jobs,
                 size_t n_jobs, struct swb_error *err) _warn_unused_;
