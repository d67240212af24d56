/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <time.h>

#include "base/test.h"
#include "generator/pack/pool.h"

#define N_JOBS 200

/* What all jobs of a test share. */
struct shared {
        pthread_mutex_t lock;
        uint64_t memory, peak_memory;
        size_t n_running, peak_running;
};

struct job {
        struct shared *shared;
        uint64_t memory;
        int result;
        bool ran;
};

static int run(void *object, struct swb_error *err)
{
        struct job *job = object;
        struct shared *s = job->shared;

        pthread_mutex_lock(&s->lock);
        s->memory += job->memory;
        s->n_running++;
        s->peak_memory = SWB_MAX(s->peak_memory, s->memory);
        s->peak_running = SWB_MAX(s->peak_running, s->n_running);
        pthread_mutex_unlock(&s->lock);
        (void)usleep(100);
        pthread_mutex_lock(&s->lock);
        s->memory -= job->memory;
        s->n_running--;
        pthread_mutex_unlock(&s->lock);
        job->ran = true;
        return job->result < 0 ? swb_fail(err, job->result, SWB_FAULT_IO, "job of %llu",
                                          (unsigned long long)job->memory)
                               : 0;
}

struct reports {
        size_t n;
        uint64_t last_done, total;
};

static void report(void *context, const char *stage, uint64_t done, uint64_t total)
{
        struct reports *reports = context;

        assert_string_equal(stage, "test");
        assert_true(done >= reports->last_done);
        reports->n++;
        reports->last_done = done;
        reports->total = total;
}

static int run_jobs(unsigned n_threads, struct job *jobs, struct shared *shared,
                    struct reports *reports, struct swb_error *err)
{
        const struct swb_pool pool = {
                .n_threads = n_threads, .memory_bytes = 100, .progress = {report, reports}};
        struct swb_job list[N_JOBS];

        *shared = (struct shared){.lock = PTHREAD_MUTEX_INITIALIZER};
        for (size_t i = 0; i < N_JOBS; i++) {
                jobs[i].shared = shared;
                list[i] = (struct swb_job){.run = run,
                                           .object = &jobs[i],
                                           .memory_bytes = jobs[i].memory,
                                           .work = i % 7};
        }
        return swb_pool_run(&pool, "test", list, N_JOBS, err);
}

static void test_every_job_runs_within_the_budget(void **state)
{
        static const unsigned threads[] = {1, 3, 300};

        (void)state;
        for (size_t t = 0; t < SWB_ELEMENTS(threads); t++) {
                struct job jobs[N_JOBS] = {{0}};
                struct reports reports = {0};
                struct shared shared;
                struct swb_error err = SWB_ERROR_INIT;

                for (size_t i = 0; i < N_JOBS; i++)
                        jobs[i].memory = i % 60;
                assert_ok(run_jobs(threads[t], jobs, &shared, &reports, &err), &err);
                for (size_t i = 0; i < N_JOBS; i++)
                        assert_true(jobs[i].ran);
                assert_true(shared.peak_memory <= 100);
                assert_true(shared.peak_running <= threads[t]);
                assert_int_equal(reports.last_done, reports.total);
        }
}

static void test_a_job_above_the_budget_runs_alone(void **state)
{
        struct job jobs[N_JOBS] = {{0}};
        struct reports reports = {0};
        struct shared shared;
        struct swb_error err = SWB_ERROR_INIT;

        (void)state;
        for (size_t i = 0; i < N_JOBS; i++)
                jobs[i].memory = 1000;
        assert_ok(run_jobs(4, jobs, &shared, &reports, &err), &err);
        assert_int_equal(shared.peak_running, 1);
}

static void test_a_failure_ends_the_run(void **state)
{
        struct job jobs[N_JOBS] = {{0}};
        struct reports reports = {0};
        struct shared shared;
        struct swb_error err;
        size_t n_ran = 0;

        (void)state;
        for (size_t i = 0; i < N_JOBS; i++)
                jobs[i].result = i % 7 == 6 ? -EIO : 0; /* those start first */
        assert_fault(run_jobs(4, jobs, &shared, &reports, &err), &err, SWB_FAULT_IO);
        for (size_t i = 0; i < N_JOBS; i++)
                n_ran += jobs[i].ran;
        assert_in_range(n_ran, 1, 8);
}

struct long_job {
        _Atomic bool was_seen;
};

/* Works until somebody was told that it does. */
static int run_long(void *object, struct swb_error *err)
{
        struct long_job *job = object;

        (void)err;
        for (time_t begin = time(NULL); !job->was_seen && time(NULL) - begin < 60;)
                ;
        return 0;
}

static void see(void *context, const char *stage, uint64_t done, uint64_t total)
{
        struct long_job *job = context;

        (void)stage;
        assert_true(done <= total);
        if (done > 0 && done < total)
                job->was_seen = true;
}

static void test_progress_goes_on_within_a_job(void **state)
{
        struct long_job job = {false};
        const struct swb_job list = {
                .run = run_long, .object = &job, .work = 1000, .is_usec = true};
        const struct swb_pool pool = {.n_threads = 2, .memory_bytes = 1, .progress = {see, &job}};
        struct swb_error err = SWB_ERROR_INIT;

        (void)state;
        assert_ok(swb_pool_run(&pool, "test", &list, 1, &err), &err);
        assert_true(job.was_seen);
}

static void test_no_jobs(void **state)
{
        const struct swb_pool pool = {.n_threads = 2, .memory_bytes = 1};
        struct swb_error err = SWB_ERROR_INIT;

        (void)state;
        assert_ok(swb_pool_run(&pool, "test", NULL, 0, &err), &err);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_job_runs_within_the_budget),
                cmocka_unit_test(test_a_job_above_the_budget_runs_alone),
                cmocka_unit_test(test_a_failure_ends_the_run),
                cmocka_unit_test(test_progress_goes_on_within_a_job),
                cmocka_unit_test(test_no_jobs),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
