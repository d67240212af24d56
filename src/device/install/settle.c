/* SPDX-License-Identifier: Apache-2.0 */
#include "device/install/settle.h"

#include <pthread.h>

#include "device/install/beside.h"

struct swb_settler {
        struct swb_settle_parts parts;
        pthread_t thread;
        pthread_mutex_t mutex; /* over all up to `survived` */
        pthread_cond_t changed;
        bool posted;  /* a job waits to be taken up */
        bool working; /* it is being done */
        bool stop;
        struct swb_error failure, survived;
        struct swb_settle_job job; /* the thread's unless posted */
};

/* ---- the thread ---- */

static int sync_slots(const struct swb_settler *settler, struct swb_error *err)
{
        for (size_t i = 0; i < settler->parts.slots->n; i++) {
                int r = settler->job.dirty[i] ? swb_slot_sync(&settler->parts.slots->slots[i], err)
                                              : 0;

                if (r < 0)
                        return r;
        }
        return 0;
}

static int do_job(struct swb_settler *settler, struct swb_error *failure,
                  struct swb_error *survived)
{
        const struct swb_settle_job *job = &settler->job;
        int r;

        r = swb_outbox_wait(settler->parts.outbox, job->n_sent, failure);
        if (r >= 0)
                r = sync_slots(settler, failure);
        if (r < 0)
                return r;
        swb_follower_go(settler->parts.follower, job->front);
        return job->state_dir ? swb_checkpoint_save(job->state_dir, &job->checkpoint, survived) : 0;
}

/* Locked before and after, not between. */
static void work(struct swb_settler *settler)
{
        struct swb_error failure = SWB_ERROR_INIT, survived = SWB_ERROR_INIT;

        settler->posted = false;
        settler->working = true;
        (void)pthread_mutex_unlock(&settler->mutex);
        (void)do_job(settler, &failure, &survived);
        (void)pthread_mutex_lock(&settler->mutex);
        settler->working = false;
        if (failure.code < 0)
                settler->failure = failure;
        if (survived.code < 0)
                settler->survived = survived;
        (void)pthread_cond_signal(&settler->changed);
}

static void *run(void *context)
{
        struct swb_settler *settler = context;

        (void)pthread_mutex_lock(&settler->mutex);
        while (settler->posted || !settler->stop)
                if (settler->posted)
                        work(settler);
                else
                        (void)pthread_cond_wait(&settler->changed, &settler->mutex);
        (void)pthread_mutex_unlock(&settler->mutex);
        return NULL;
}

/* ---- its employer ---- */

static void release(struct swb_settler *settler)
{
        (void)pthread_cond_destroy(&settler->changed);
        (void)pthread_mutex_destroy(&settler->mutex);
        free(settler);
}

int swb_settler_new(const struct swb_settle_parts *parts, struct swb_settler **ret,
                    struct swb_error *err)
{
        struct swb_settler *settler = calloc(1, sizeof(*settler));
        int r;

        if (!settler)
                return swb_oom(err);
        settler->parts = *parts;
        (void)pthread_mutex_init(&settler->mutex, NULL); /* both can't fail with no attributes */
        (void)pthread_cond_init(&settler->changed, NULL);
        r = swb_small_thread(run, settler, &settler->thread);
        if (r != 0) {
                release(settler);
                return swb_fail_errno(err, r, "start a second thread");
        }
        *ret = settler;
        return 0;
}

struct swb_settler *swb_settler_free(struct swb_settler *settler)
{
        if (!settler)
                return NULL;
        swb_small_thread_end(settler->thread, &settler->mutex, &settler->changed, &settler->stop);
        release(settler);
        return NULL;
}

bool swb_settler_is_busy(struct swb_settler *settler)
{
        bool busy;

        (void)pthread_mutex_lock(&settler->mutex);
        busy = settler->posted || settler->working;
        (void)pthread_mutex_unlock(&settler->mutex);
        return busy;
}

/* Locked. */
static int take_failure(struct swb_settler *settler, struct swb_error *survived,
                        struct swb_error *err)
{
        *survived = settler->survived;
        settler->survived = SWB_ERROR_INIT;
        if (settler->failure.code < 0 && err)
                *err = settler->failure;
        return settler->failure.code;
}

int swb_settler_post(struct swb_settler *settler, const struct swb_settle_job *job,
                     struct swb_error *survived, struct swb_error *err)
{
        int r;

        (void)pthread_mutex_lock(&settler->mutex);
        while (settler->posted || settler->working)
                (void)pthread_cond_wait(&settler->changed, &settler->mutex);
        r = take_failure(settler, survived, err);
        if (r >= 0) {
                settler->job = *job;
                settler->posted = true;
                (void)pthread_cond_signal(&settler->changed);
        }
        (void)pthread_mutex_unlock(&settler->mutex);
        return r;
}

int swb_settler_wait(struct swb_settler *settler, struct swb_error *survived, struct swb_error *err)
{
        int r;

        (void)pthread_mutex_lock(&settler->mutex);
        while (settler->posted || settler->working)
                (void)pthread_cond_wait(&settler->changed, &settler->mutex);
        r = take_failure(settler, survived, err);
        (void)pthread_mutex_unlock(&settler->mutex);
        return r;
}
