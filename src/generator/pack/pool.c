/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/pack/pool.h"

#include <pthread.h>

#include "generator/pack/forecast.h"

#define REPORT_INTERVAL_NSEC 200000000L
#define NSEC_PER_SEC 1000000000L

/* One thread, and the job that it has. */
struct hand {
        struct run *run;
        pthread_t thread;
        bool is_busy;
        uint64_t work;       /* the job's */
        uint64_t begin_usec; /* the thread's processor time then */
};

struct run {
        const struct swb_pool *pool;
        const struct swb_job *jobs;
        size_t n_jobs;
        size_t *waiting; /* indices of jobs not started, large ones first */
        size_t n_waiting;
        size_t n_running;
        uint64_t memory_used;
        uint64_t work_waiting;
        struct swb_forecast forecast;
        struct hand *hands; /* of each thread */
        size_t n_hands;
        uint64_t span, span_done; /* of all jobs, in units of work as it lasts; what was told */
        size_t failed;            /* lowest index of a failed job, n_jobs = none */
        struct swb_error error;
        pthread_mutex_t lock;
        pthread_cond_t changed;
};

static uint64_t processor_usec(pthread_t thread)
{
        struct timespec now = {0};
        clockid_t clock;

        if (pthread_getcpuclockid(thread, &clock) == 0)
                (void)clock_gettime(clock, &now);
        return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

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
                run->work_waiting -= run->jobs[index].work;
                memmove(&run->waiting[i], &run->waiting[i + 1],
                        (run->n_waiting - i) * sizeof(*run->waiting));
                return index;
        }
        return run->n_jobs;
}

static void begin_job(struct hand *hand, size_t index)
{
        hand->is_busy = true;
        hand->work = hand->run->jobs[index].work;
        hand->begin_usec = processor_usec(pthread_self());
}

static void finish_job(struct hand *hand, size_t index, int r, const struct swb_error *error)
{
        struct run *run = hand->run;

        if (r < 0 && index < run->failed) {
                run->failed = index;
                run->error = *error;
        }
        if (r < 0)
                run->n_waiting = 0;
        hand->is_busy = false;
        swb_forecast_done(&run->forecast, hand->work,
                          processor_usec(pthread_self()) - hand->begin_usec);
}

static void *work(void *context)
{
        struct hand *hand = context;
        struct run *run = hand->run;

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
                begin_job(hand, index);
                pthread_mutex_unlock(&run->lock);
                r = run->jobs[index].run(run->jobs[index].object, &error);
                pthread_mutex_lock(&run->lock);
                run->n_running--;
                run->memory_used -= memory;
                finish_job(hand, index, r, &error);
                pthread_cond_broadcast(&run->changed);
        }
        pthread_mutex_unlock(&run->lock);
        return NULL;
}

/* What lasts longest now, of what waits; the lock is held. */
static uint64_t span_left(const struct run *run)
{
        uint64_t all = run->work_waiting;
        uint64_t longest = run->n_waiting > 0 ? run->jobs[run->waiting[0]].work : 0;

        for (size_t i = 0; i < run->n_hands; i++) {
                const struct hand *hand = &run->hands[i];
                uint64_t left;

                if (!hand->is_busy)
                        continue;
                left = swb_forecast_left(&run->forecast, hand->work,
                                         processor_usec(hand->thread) - hand->begin_usec);
                all += left;
                longest = SWB_MAX(longest, left);
        }
        return swb_forecast_span(all, longest, (unsigned)run->n_hands);
}

/* What was told is not taken back when a job turns out to be longer. */
static void report(struct run *run, const char *stage)
{
        const struct swb_progress *progress = &run->pool->progress;
        uint64_t left = SWB_MIN(span_left(run), run->span);

        run->span_done = SWB_MAX(run->span_done, run->span - left);
        progress->report(progress->context, stage, run->span_done, run->span);
}

/* Waits for the end of all jobs and reports meanwhile; the lock is held. */
static void watch(struct run *run, const char *stage)
{
        while (run->n_waiting > 0 || run->n_running > 0) {
                struct timespec until;

                (void)clock_gettime(CLOCK_MONOTONIC, &until);
                until.tv_nsec += REPORT_INTERVAL_NSEC;
                if (until.tv_nsec >= NSEC_PER_SEC) {
                        until.tv_nsec -= NSEC_PER_SEC;
                        until.tv_sec++;
                }
                (void)pthread_cond_timedwait(&run->changed, &run->lock, &until);
                if (run->pool->progress.report)
                        report(run, stage);
        }
}

static int start_threads(struct run *run, size_t *ret_started, struct swb_error *err)
{
        size_t started = 0;
        int r = 0;

        while (started < run->n_hands && r == 0) {
                struct hand *hand = &run->hands[started];

                hand->run = run;
                r = pthread_create(&hand->thread, NULL, work, hand);
                started += r == 0;
        }
        *ret_started = started;
        return started > 0 ? 0 : swb_fail_errno(err, r, "start a thread");
}

static int run_threads(struct run *run, const char *stage, struct swb_error *err)
{
        size_t n_started = 0;
        int r = start_threads(run, &n_started, err);

        if (r < 0)
                return r;
        pthread_mutex_lock(&run->lock);
        watch(run, stage);
        pthread_mutex_unlock(&run->lock);
        for (size_t i = 0; i < n_started; i++)
                (void)pthread_join(run->hands[i].thread, NULL);
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
        _cleanup_free_ struct hand *hands = NULL;
        int r;

        if (n_jobs == 0)
                return 0;
        run.n_hands = SWB_MIN((size_t)pool->n_threads, n_jobs);
        run.hands = hands = calloc(run.n_hands, sizeof(*hands));
        if (!waiting || !hands)
                return swb_oom(err);
        for (size_t i = 0; i < n_jobs; i++) {
                waiting[i] = i;
                run.work_waiting += jobs[i].work;
        }
        qsort_r(waiting, n_jobs, sizeof(*waiting), compare_work, (void *)jobs);
        run.forecast.is_usec = jobs[0].is_usec;
        run.span = span_left(&run);
        init_sync(&run);
        r = run_threads(&run, stage, err);
        pthread_cond_destroy(&run.changed);
        pthread_mutex_destroy(&run.lock);
        if (r == 0 && run.failed < n_jobs) {
                r = run.error.code;
                if (err)
                        *err = run.error;
        }
        return r;
}
