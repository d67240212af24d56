/* SPDX-License-Identifier: Apache-2.0 */
#include "server/jobs/runner.h"

#include <pthread.h>

#include "base/log.h"

#define PAUSE_SECONDS 1

struct swb_runner {
        struct swb_payloads_config config;
        struct swb_db *db;
        pthread_t thread;
        bool is_running;
        bool stop; /* atomic; the lock is for the pause */
        pthread_mutex_t lock;
        pthread_cond_t wake;
};

static bool is_stopped(struct swb_runner *runner)
{
        return __atomic_load_n(&runner->stop, __ATOMIC_RELAXED);
}

static void pause_a_while(struct swb_runner *runner)
{
        struct timespec until;

        (void)clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += PAUSE_SECONDS;
        (void)pthread_mutex_lock(&runner->lock);
        if (!is_stopped(runner))
                (void)pthread_cond_timedwait(&runner->wake, &runner->lock, &until);
        (void)pthread_mutex_unlock(&runner->lock);
}

static void *run(void *userdata)
{
        struct swb_runner *runner = userdata;

        while (!is_stopped(runner)) {
                struct swb_error err = SWB_ERROR_INIT;
                int64_t id = 0;
                int r = swb_job_claim(runner->db, 0, (int64_t)time(NULL), &id, &err);

                if (r > 0) {
                        swb_log(SWB_LOG_NOTICE, "job %lld begins", (long long)id);
                        r = swb_payloads_run(runner->db, &runner->config, id, &err);
                }
                if (r < 0)
                        (void)swb_log_failure(SWB_LOG_WARNING, &err, "jobs, retrying");
                pause_a_while(runner);
        }
        return NULL;
}

int swb_runner_new(const char *store, const struct swb_payloads_config *config,
                   struct swb_runner **ret, struct swb_error *err)
{
        _cleanup_(swb_runner_freep) struct swb_runner *runner = calloc(1, sizeof(*runner));
        int r;

        if (!runner)
                return swb_oom(err);
        (void)pthread_mutex_init(&runner->lock, NULL); /* can't fail without attributes */
        (void)pthread_cond_init(&runner->wake, NULL);
        runner->config = *config;
        runner->config.stop = &runner->stop;
        r = swb_db_open(store, SWB_DB_EXISTING, &runner->db, err);
        if (r < 0)
                return r;
        r = pthread_create(&runner->thread, NULL, run, runner);
        if (r != 0)
                return swb_fail_errno(err, r, "start a thread");
        runner->is_running = true;
        *ret = SWB_TAKE_PTR(runner);
        return 0;
}

struct swb_runner *swb_runner_free(struct swb_runner *runner)
{
        if (!runner)
                return NULL;
        (void)pthread_mutex_lock(&runner->lock);
        __atomic_store_n(&runner->stop, true, __ATOMIC_RELAXED);
        (void)pthread_cond_broadcast(&runner->wake);
        (void)pthread_mutex_unlock(&runner->lock);
        if (runner->is_running)
                (void)pthread_join(runner->thread, NULL);
        (void)swb_db_free(runner->db);
        (void)pthread_cond_destroy(&runner->wake);
        (void)pthread_mutex_destroy(&runner->lock);
        free(runner);
        return NULL;
}
