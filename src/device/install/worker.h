/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/install/worker.h - a thread of the crew, and the lock over what it shares with others
 *
 * Part of its employer's object. The worker's own function runs locked, gives the lock away only
 * while it works or waits, and returns when it was told to stop and has nothing left to do.
 */
#include <pthread.h>

#include "base/error.h"

struct swb_worker {
        pthread_t thread;
        pthread_mutex_t mutex;
        pthread_cond_t changed;
        bool stop;
        void (*run)(void *context);
        void *context;
};

/* With a small stack, as there is little address space; confined as the caller is at this time.
 * NO_MEMORY, or IO when there can be no thread: then nothing is left to be ended. */
int swb_worker_start(struct swb_worker *worker, void (*run)(void *context), void *context,
                     struct swb_error *err) _warn_unused_;
/* Tells it to stop, and waits for its end. */
void swb_worker_end(struct swb_worker *worker);

/* Both sides. None of these can fail for a lock without attributes that is used in pairs. */
static inline void swb_worker_lock(struct swb_worker *worker)
{
        (void)pthread_mutex_lock(&worker->mutex);
}

static inline void swb_worker_unlock(struct swb_worker *worker)
{
        (void)pthread_mutex_unlock(&worker->mutex);
}

/* Locked: until the other side says that something has changed, or for no reason. */
static inline void swb_worker_wait(struct swb_worker *worker)
{
        (void)pthread_cond_wait(&worker->changed, &worker->mutex);
}

static inline void swb_worker_tell(struct swb_worker *worker)
{
        (void)pthread_cond_broadcast(&worker->changed);
}
