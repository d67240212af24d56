/* SPDX-License-Identifier: Apache-2.0 */
#include "device/install/beside.h"

#include <pthread.h>

/* What is usual, 8 MiB, is an eighth of all the address space; the deepest stack here has some
 * paths on it. */
#define STACK_BYTES ((size_t)128 << 10)

struct swb_beside {
        pthread_t thread;
        pthread_mutex_t mutex;
        pthread_cond_t changed;
        void (*work)(void *context); /* NULL: none, or it is done */
        void *context;
        bool stop;
};

int swb_small_thread(void *(*run)(void *context), void *context, pthread_t *ret_thread)
{
        pthread_attr_t attr;
        int r = pthread_attr_init(&attr);

        if (r != 0)
                return r;
        r = pthread_attr_setstacksize(&attr, STACK_BYTES);
        if (r == 0)
                r = pthread_create(ret_thread, &attr, run, context);
        (void)pthread_attr_destroy(&attr);
        return r;
}

void swb_small_thread_end(pthread_t thread, pthread_mutex_t *mutex, pthread_cond_t *changed,
                          bool *stop)
{
        (void)pthread_mutex_lock(mutex);
        *stop = true;
        (void)pthread_cond_broadcast(changed);
        (void)pthread_mutex_unlock(mutex);
        (void)pthread_join(thread, NULL);
}

static void *run(void *context)
{
        struct swb_beside *beside = context;

        (void)pthread_mutex_lock(&beside->mutex);
        while (!beside->stop) {
                if (!beside->work) {
                        (void)pthread_cond_wait(&beside->changed, &beside->mutex);
                        continue;
                }
                (void)pthread_mutex_unlock(&beside->mutex);
                beside->work(beside->context);
                (void)pthread_mutex_lock(&beside->mutex);
                beside->work = NULL;
                (void)pthread_cond_signal(&beside->changed);
        }
        (void)pthread_mutex_unlock(&beside->mutex);
        return NULL;
}

int swb_beside_new(struct swb_beside **ret, struct swb_error *err)
{
        struct swb_beside *beside = calloc(1, sizeof(*beside));
        int r;

        if (!beside)
                return swb_oom(err);
        (void)pthread_mutex_init(&beside->mutex, NULL); /* both can't fail without attributes */
        (void)pthread_cond_init(&beside->changed, NULL);
        r = swb_small_thread(run, beside, &beside->thread);
        if (r != 0) {
                free(beside);
                return swb_fail_errno(err, r, "start a thread");
        }
        *ret = beside;
        return 0;
}

struct swb_beside *swb_beside_free(struct swb_beside *beside)
{
        if (!beside)
                return NULL;
        swb_small_thread_end(beside->thread, &beside->mutex, &beside->changed, &beside->stop);
        (void)pthread_cond_destroy(&beside->changed);
        (void)pthread_mutex_destroy(&beside->mutex);
        free(beside);
        return NULL;
}

void swb_beside_start(struct swb_beside *beside, void (*work)(void *context), void *context)
{
        (void)pthread_mutex_lock(&beside->mutex);
        swb_assert(!beside->work);
        beside->work = work;
        beside->context = context;
        (void)pthread_cond_signal(&beside->changed);
        (void)pthread_mutex_unlock(&beside->mutex);
}

void swb_beside_wait(struct swb_beside *beside)
{
        (void)pthread_mutex_lock(&beside->mutex);
        while (beside->work)
                (void)pthread_cond_wait(&beside->changed, &beside->mutex);
        (void)pthread_mutex_unlock(&beside->mutex);
}
