/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/pack/pool.h"

#include <pthread.h>

#define REPORT_INTERVAL_NSEC 200000000L
#define NSEC_PER_SEC 1000000000L

struct run {
        const struct swb_pool *pool;
        const struct swb_job *jobs;
        size_t n_jobs;
        size_t *waiting; /* indices of jobs not started, large ones first */
        size_t n_waiting;
        size_t n_running;
        uint64_t memory_used;
        uint64_t work_done;
        size_t failed; /* lowest index of a failed job, n_jobs = none */
        struct swb_error error;
        pthread_mutex_t lock;
        pthread_cond_t changed;
};

/* Order of start: descending work, then index. The comparison needs the jobs, hence _r. */
static int compare_work(const void *a, const void *b, void *context)
{
        const struct swb_job *jobs = context;
        size_t x = *(const size_t *)a, y = *(const size_t *)b;

        if (jobs[x].work != jobs[y].work)
                return jobs[x].work > jobs[y].work ? -1 : 1;
        return x < y ? -1 : x > y;
}

/* Takes the first waiting job that fits. Return: its index, n_jobs when none fits now. */
static size_t take_job(struct run *run)
{
        for (size_t i = 0; i < run->n_waiting; i++) {
                size_t index = run->waiting[i];
                uint64_t left = run->pool->memory_bytes - run->memory_used;

                if (run->n_running > 0 && run->jobs[index].memory_bytes > left)
                        continue;
                run->n_waiting--;
                memmove(&run->waiting[i], &run->waiting[i + 1],
                        (run->n_waiting - i) * sizeof(*run->waiting));
                return index;
        }
        return run->n_jobs;
}

static void finish_job(struct run *run, size_t index, int r, const struct swb_error *error)
{
        if (r < 0 && index < run->failed) {
                run->failed = index;
                run->error = *error;
        }
        if (r < 0)
                run->n_waiting = 0;
        run->work_done += run->jobs[index].work;
}

static void *work(void *context)
{
        struct run *run = context;

        pthread_mutex_lock(&run->lock);
        while (run->n_waiting > 0) {
                struct swb_error error = SWB_ERROR_INIT;
                size_t index = take_job(run);
                uint64_t memory;
                int r;

                if (index == run->n_jobs) {
                        pthread_cond_wait(&run->changed, &run->lock);
                        continue;
                }
                memory = SWB_MIN(run->jobs[index].memory_bytes,
                                 run->pool->memory_bytes - run->memory_used);
                run->memory_used += memory;
                run->n_running++;
                pthread_mutex_unlock(&run->lock);
                r = run->jobs[index].run(run->jobs[index].object, &error);
                pthread_mutex_lock(&run->lock);
                run->n_running--;
                run->memory_used -= memory;
                finish_job(run, index, r, &error);
                pthread_cond_broadcast(&run->changed);
        }
        pthread_mutex_unlock(&run->lock);
        return NULL;
}

/* Waits for the end of all jobs and reports meanwhile; the lock is held. */
static void watch(struct run *run, const char *stage, uint64_t total)
{
        const struct swb_progress *progress = &run->pool->progress;

        while (run->n_waiting > 0 || run->n_running > 0) {
                struct timespec until;

                (void)clock_gettime(CLOCK_MONOTONIC, &until);
                until.tv_nsec += REPORT_INTERVAL_NSEC;
                if (until.tv_nsec >= NSEC_PER_SEC) {
                        until.tv_nsec -= NSEC_PER_SEC;
                        until.tv_sec++;
                }
                (void)pthread_cond_timedwait(&run->changed, &run->lock, &until);
                if (progress->report)
                        progress->report(progress->context, stage, run->work_done, total);
        }
}

static int start_threads(struct run *run, pthread_t *threads, size_t n, size_t *ret_started,
                         struct swb_error *err)
{
        size_t started = 0;
        int r = 0;

        while (started < n && r == 0) {
                r = pthread_create(&threads[started], NULL, work, run);
                started += r == 0;
        }
        *ret_started = started;
        return started > 0 ? 0 : swb_fail_errno(err, r, "start a thread");
}

static int run_threads(struct run *run, const char *stage, uint64_t total, struct swb_error *err)
{
        size_t n = SWB_MIN((size_t)run->pool->n_threads, run->n_jobs), n_started = 0;
        _cleanup_free_ pthread_t *threads = calloc(n + 1, sizeof(*threads));
        int r;

        if (!threads)
                return swb_oom(err);
        r = start_threads(run, threads, n, &n_started, err);
        if (r < 0)
                return r;
        pthread_mutex_lock(&run->lock);
        watch(run, stage, total);
        pthread_mutex_unlock(&run->lock);
        for (size_t i = 0; i < n_started; i++)
                (void)pthread_join(threads[i], NULL);
        return 0;
}

static void init_sync(struct run *run)
{
        pthread_condattr_t attributes;

        pthread_condattr_init(&attributes);
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        pthread_cond_init(&run->changed, &attributes);
        pthread_condattr_destroy(&attributes);
        pthread_mutex_init(&run->lock, NULL);
}

int swb_pool_run(const struct swb_pool *pool, const char *stage, const struct swb_job *jobs,
                 size_t n_jobs, struct swb_error *err)
{
        _cleanup_free_ size_t *waiting = calloc(n_jobs + 1, sizeof(*waiting));
        struct run run = {.pool = pool,
                          .jobs = jobs,
                          .n_jobs = n_jobs,
                          .waiting = waiting,
                          .n_waiting = n_jobs,
                          .failed = n_jobs};
        uint64_t total = 0;
        int r;

        if (!waiting)
                return swb_oom(err);
        if (n_jobs == 0)
                return 0;
        for (size_t i = 0; i < n_jobs; i++) {
                waiting[i] = i;
                total += jobs[i].work;
        }
        qsort_r(waiting, n_jobs, sizeof(*waiting), compare_work, (void *)jobs);
        init_sync(&run);
        r = run_threads(&run, stage, total, err);
        pthread_cond_destroy(&run.changed);
        pthread_mutex_destroy(&run.lock);
        if (r == 0 && run.failed < n_jobs) {
                r = run.error.code;
                if (err)
                        *err = run.error;
        }
        return r;
}
