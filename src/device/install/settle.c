/* SPDX-License-Identifier: Apache-2.0 */
#include "device/install/settle.h"

#include "device/install/worker.h"

struct swb_settler {
        struct swb_settle_parts parts;
        struct swb_worker worker; /* its lock: over all up to `survived` */
        bool posted;              /* a job waits to be taken up */
        bool working;             /* it is being done */
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
        swb_worker_unlock(&settler->worker);
        (void)do_job(settler, &failure, &survived);
        swb_worker_lock(&settler->worker);
        settler->working = false;
        if (failure.code < 0)
                settler->failure = failure;
        if (survived.code < 0)
                settler->survived = survived;
        swb_worker_tell(&settler->worker);
}

static void run(void *context)
{
        struct swb_settler *settler = context;

        while (settler->posted || !settler->worker.stop)
                if (settler->posted)
                        work(settler);
                else
                        swb_worker_wait(&settler->worker);
}

/* ---- its employer ---- */

int swb_settler_new(const struct swb_settle_parts *parts, struct swb_settler **ret,
                    struct swb_error *err)
{
        struct swb_settler *settler = calloc(1, sizeof(*settler));
        int r;

        if (!settler)
                return swb_oom(err);
        settler->parts = *parts;
        r = swb_worker_start(&settler->worker, run, settler, err);
        if (r < 0) {
                free(settler);
                return r;
        }
        *ret = settler;
        return 0;
}

struct swb_settler *swb_settler_free(struct swb_settler *settler)
{
        if (!settler)
                return NULL;
        swb_worker_end(&settler->worker);
        free(settler);
        return NULL;
}

bool swb_settler_is_busy(struct swb_settler *settler)
{
        bool busy;

        swb_worker_lock(&settler->worker);
        busy = settler->posted || settler->working;
        swb_worker_unlock(&settler->worker);
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

        swb_worker_lock(&settler->worker);
        while (settler->posted || settler->working)
                swb_worker_wait(&settler->worker);
        r = take_failure(settler, survived, err);
        if (r >= 0) {
                settler->job = *job;
                settler->posted = true;
                swb_worker_tell(&settler->worker);
        }
        swb_worker_unlock(&settler->worker);
        return r;
}

int swb_settler_wait(struct swb_settler *settler, struct swb_error *survived, struct swb_error *err)
{
        int r;

        swb_worker_lock(&settler->worker);
        while (settler->posted || settler->working)
                swb_worker_wait(&settler->worker);
        r = take_failure(settler, survived, err);
        swb_worker_unlock(&settler->worker);
        return r;
}
