/* SPDX-License-Identifier: Apache-2.0 */
#include "server/http/workers.h"

#include <pthread.h>

struct swb_workers {
        pthread_mutex_t lock;
        pthread_cond_t wake;
        struct swb_work *first, **last;
        size_t n_waiting, n_threads;
        bool is_stopping;
        pthread_t threads[SWB_WORKERS];
        struct swb_db *dbs[SWB_WORKERS];
        struct swb_thread_start {
                struct swb_workers *workers;
                struct swb_db *db;
        } starts[SWB_WORKERS];
};

/* NULL: it is over. */
static struct swb_work *take(struct swb_workers *workers)
{
        struct swb_work *work;

        (void)pthread_mutex_lock(&workers->lock);
        while (!workers->first && !workers->is_stopping)
                (void)pthread_cond_wait(&workers->wake, &workers->lock);
        work = workers->is_stopping ? NULL : workers->first;
        if (work) {
                workers->first = work->next;
                if (!workers->first)
                        workers->last = &workers->first;
                workers->n_waiting--;
        }
        (void)pthread_mutex_unlock(&workers->lock);
        return work;
}

static void *run(void *userdata)
{
        const struct swb_thread_start *start = userdata;
        struct swb_work *work;

        while ((work = take(start->workers)))
                work->run(work, start->db);
        return NULL;
}

int swb_workers_new(const char *store, struct swb_workers **ret, struct swb_error *err)
{
        _cleanup_(swb_workers_freep) struct swb_workers *workers = calloc(1, sizeof(*workers));
        int r = 0;

        if (!workers)
                return swb_oom(err);
        (void)pthread_mutex_init(&workers->lock, NULL); /* can't fail without attributes */
        (void)pthread_cond_init(&workers->wake, NULL);
        workers->last = &workers->first;
        for (size_t i = 0; r >= 0 && i < SWB_WORKERS; i++) {
                r = swb_db_open(store, SWB_DB_EXISTING, &workers->dbs[i], err);
                if (r < 0)
                        return r;
                workers->starts[i] =
                        (struct swb_thread_start){.workers = workers, .db = workers->dbs[i]};
                r = pthread_create(&workers->threads[i], NULL, run, &workers->starts[i]);
                if (r != 0)
                        return swb_fail_errno(err, r, "start a thread");
                workers->n_threads++;
        }
        *ret = SWB_TAKE_PTR(workers);
        return 0;
}

int swb_workers_put(struct swb_workers *workers, struct swb_work *work)
{
        int r = 0;

        work->next = NULL;
        (void)pthread_mutex_lock(&workers->lock);
        if (workers->is_stopping || workers->n_waiting >= SWB_WORKERS_QUEUE_MAX) {
                r = -EAGAIN;
        } else {
                *workers->last = work;
                workers->last = &work->next;
                workers->n_waiting++;
                (void)pthread_cond_signal(&workers->wake);
        }
        (void)pthread_mutex_unlock(&workers->lock);
        return r;
}

void swb_workers_stop(struct swb_workers *workers)
{
        struct swb_work *work;

        (void)pthread_mutex_lock(&workers->lock);
        workers->is_stopping = true;
        (void)pthread_cond_broadcast(&workers->wake);
        (void)pthread_mutex_unlock(&workers->lock);
        for (; workers->n_threads > 0; workers->n_threads--)
                (void)pthread_join(workers->threads[workers->n_threads - 1], NULL);
        while ((work = workers->first)) {
                workers->first = work->next;
                work->run(work, NULL);
        }
}

struct swb_workers *swb_workers_free(struct swb_workers *workers)
{
        if (!workers)
                return NULL;
        swb_workers_stop(workers);
        for (size_t i = 0; i < SWB_WORKERS; i++)
                (void)swb_db_free(workers->dbs[i]);
        (void)pthread_cond_destroy(&workers->wake);
        (void)pthread_mutex_destroy(&workers->lock);
        free(workers);
        return NULL;
}
