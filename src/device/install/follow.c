/* SPDX-License-Identifier: Apache-2.0 */
#include "device/install/follow.h"

#include "device/install/worker.h"

#define PIECE_BYTES ((size_t)512 << 10)

struct swb_follower {
        const struct swb_slots *slots;
        struct swb_worker worker;                           /* its lock: over all up to `ends` */
        bool busy;                                          /* reads or hashes */
        bool paused;                                        /* is not to begin with it */
        uint64_t ends[SWB_PARTITIONS_MAX];                  /* where to stop */
        struct swb_readback readback;                       /* the thread's */
        struct swb_readback_walk walks[SWB_PARTITIONS_MAX]; /* the caller's while paused */
};

/* ---- the thread ---- */

/* The slot to be read on; as many as there are if there is nothing to do. */
static size_t find_unread(const struct swb_follower *follower)
{
        size_t i = 0;

        while (i < follower->slots->n && follower->walks[i].offset >= follower->ends[i])
                i++;
        return i;
}

/* One piece, or what is left to be hashed. Locked before and after, not between. */
static void step(struct swb_follower *follower, size_t i)
{
        uint64_t end = i < follower->slots->n ? follower->ends[i] : 0;
        bool fails = false;

        follower->busy = true;
        swb_worker_unlock(&follower->worker);
        if (end > 0)
                fails = !swb_readback_ahead(&follower->readback, &follower->slots->slots[i],
                                            &follower->walks[i], end);
        else
                swb_readback_settle(&follower->readback);
        swb_worker_lock(&follower->worker);
        if (fails)
                follower->ends[i] = 0; /* until it is told to go again */
        if (end > 0)
                return;
        follower->busy = false;
        swb_worker_tell(&follower->worker);
}

static void run(void *context)
{
        struct swb_follower *follower = context;
        struct swb_worker *worker = &follower->worker;

        while (!worker->stop || follower->busy) {
                size_t n = follower->slots->n;
                size_t i = follower->paused || worker->stop ? n : find_unread(follower);

                if (i < n || follower->busy)
                        step(follower, i);
                else
                        swb_worker_wait(worker);
        }
}

/* ---- its employer ---- */

static void release(struct swb_follower *follower)
{
        swb_beside_free(follower->readback.beside);
        free(follower->readback.buffers[0]);
        free(follower);
}

static int start(struct swb_follower *follower, struct swb_error *err)
{
        uint8_t *memory = aligned_alloc(SWB_BLOCK_BYTES, 2 * PIECE_BYTES);
        int r;

        follower->readback.buffers[0] = memory;
        if (!memory)
                return swb_oom(err);
        follower->readback.buffers[1] = memory + PIECE_BYTES;
        follower->readback.n_buffer = PIECE_BYTES;
        r = swb_beside_new(&follower->readback.beside, err);
        return r < 0 ? r : swb_worker_start(&follower->worker, run, follower, err);
}

int swb_follower_new(const struct swb_slots *slots, struct swb_follower **ret,
                     struct swb_error *err)
{
        struct swb_follower *follower = calloc(1, sizeof(*follower));
        int r;

        if (!follower)
                return swb_oom(err);
        follower->slots = slots;
        for (size_t i = 0; i < SWB_PARTITIONS_MAX; i++)
                swb_readback_start(&follower->walks[i]);
        r = start(follower, err);
        if (r < 0) {
                release(follower);
                return r;
        }
        *ret = follower;
        return 0;
}

struct swb_follower *swb_follower_free(struct swb_follower *follower)
{
        if (!follower)
                return NULL;
        swb_worker_end(&follower->worker);
        release(follower);
        return NULL;
}

void swb_follower_go(struct swb_follower *follower, const uint64_t *ends)
{
        swb_worker_lock(&follower->worker);
        memcpy(follower->ends, ends, sizeof(follower->ends));
        follower->paused = false;
        swb_worker_tell(&follower->worker);
        swb_worker_unlock(&follower->worker);
}

void swb_follower_pause(struct swb_follower *follower)
{
        swb_worker_lock(&follower->worker);
        follower->paused = true;
        while (follower->busy)
                swb_worker_wait(&follower->worker);
        swb_worker_unlock(&follower->worker);
}

struct swb_readback_walk *swb_follower_walk(struct swb_follower *follower, size_t slot)
{
        return &follower->walks[slot];
}
