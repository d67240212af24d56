/* SPDX-License-Identifier: Apache-2.0 */
#include "device/install/worker.h"

/* What is usual, 8 MiB, is an eighth of all the address space; the deepest stack here has some
 * paths on it. */
#define STACK_BYTES ((size_t)128 << 10)

static void *run(void *context)
{
        struct swb_worker *worker = context;

        swb_worker_lock(worker);
        worker->run(worker->context);
        swb_worker_unlock(worker);
        return NULL;
}

static int start_thread(struct swb_worker *worker)
{
        pthread_attr_t attr;
        int r = pthread_attr_init(&attr);

        if (r != 0)
                return r;
        r = pthread_attr_setstacksize(&attr, STACK_BYTES);
        if (r == 0)
                r = pthread_create(&worker->thread, &attr, run, worker);
        (void)pthread_attr_destroy(&attr);
        return r;
}

static void release(struct swb_worker *worker)
{
        (void)pthread_cond_destroy(&worker->changed);
        (void)pthread_mutex_destroy(&worker->mutex);
}

int swb_worker_start(struct swb_worker *worker, void (*run_it)(void *context), void *context,
                     struct swb_error *err)
{
        int r;

        *worker = (struct swb_worker){.run = run_it, .context = context};
        (void)pthread_mutex_init(&worker->mutex, NULL); /* both can't fail without attributes */
        (void)pthread_cond_init(&worker->changed, NULL);
        r = start_thread(worker);
        if (r == 0)
                return 0;
        release(worker);
        return swb_fail_errno(err, r, "start a thread");
}

void swb_worker_end(struct swb_worker *worker)
{
        swb_worker_lock(worker);
        worker->stop = true;
        swb_worker_tell(worker);
        swb_worker_unlock(worker);
        (void)pthread_join(worker->thread, NULL);
        release(worker);
}
