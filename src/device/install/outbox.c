/* SPDX-License-Identifier: Apache-2.0 */
#include "device/install/outbox.h"

#include "device/install/worker.h"

/* Extents of whole blocks, the first one of which may be begun. */
#define ITEM_EXTENTS_MAX (SWB_OUTBOX_BYTES / SWB_BLOCK_BYTES + 1)

/* A buffer that is to be written. */
struct item {
        uint8_t *buffer;
        struct swb_extent_place place;
        struct swb_extent extents[ITEM_EXTENTS_MAX];
        size_t n;
};

struct swb_outbox {
        struct swb_worker worker; /* its lock: over all that follows, but for what an item holds */
        struct item items[SWB_OUTBOX_BUFFERS_MAX]; /* by their count */
        uint64_t put, written;
        uint8_t *idle[SWB_OUTBOX_BUFFERS_MAX]; /* buffers that nobody has */
        size_t n_idle, n_buffers, n_allowed;   /* n_buffers: of all there are */
        uint8_t *taken;                        /* the caller's; NULL: none */
        struct swb_error failure;
};

/* ---- buffers, all locked ---- */

static bool make_buffer(struct swb_outbox *outbox)
{
        uint8_t *buffer = aligned_alloc(SWB_BLOCK_BYTES, SWB_OUTBOX_BYTES);

        if (!buffer)
                return false;
        outbox->idle[outbox->n_idle++] = buffer;
        outbox->n_buffers++;
        return true;
}

static void drop_idle(struct swb_outbox *outbox)
{
        free(outbox->idle[--outbox->n_idle]);
        outbox->n_buffers--;
}

/* More than there must be are had if there is the memory. */
static bool has_idle(struct swb_outbox *outbox)
{
        if (outbox->n_idle == 0 && outbox->n_buffers < outbox->n_allowed && !make_buffer(outbox))
                outbox->n_allowed = outbox->n_buffers;
        return outbox->n_idle > 0;
}

/* ---- the thread ---- */

/* Locked before and after, not between. */
static void write_next(struct swb_outbox *outbox)
{
        struct item *item = &outbox->items[outbox->written % SWB_OUTBOX_BUFFERS_MAX];
        struct swb_error failure = outbox->failure;
        int r = failure.code;

        swb_worker_unlock(&outbox->worker);
        if (r >= 0)
                r = swb_extent_place_write(&item->place, item->buffer, item->n, &failure);
        swb_worker_lock(&outbox->worker);
        if (r < 0)
                outbox->failure = failure;
        outbox->idle[outbox->n_idle++] = item->buffer;
        outbox->written++;
        swb_worker_tell(&outbox->worker);
}

static void run(void *context)
{
        struct swb_outbox *outbox = context;

        while (outbox->written < outbox->put || !outbox->worker.stop)
                if (outbox->written < outbox->put)
                        write_next(outbox);
                else
                        swb_worker_wait(&outbox->worker);
}

/* ---- its employer ---- */

/* Nothing is on its way. */
static void release(struct swb_outbox *outbox)
{
        free(outbox->taken);
        while (outbox->n_idle > 0)
                drop_idle(outbox);
        free(outbox);
}

static int start(struct swb_outbox *outbox, struct swb_error *err)
{
        outbox->n_allowed = SWB_OUTBOX_BUFFERS;
        while (outbox->n_buffers < SWB_OUTBOX_BUFFERS)
                if (!make_buffer(outbox))
                        return swb_oom(err);
        return swb_worker_start(&outbox->worker, run, outbox, err);
}

int swb_outbox_new(struct swb_outbox **ret, struct swb_error *err)
{
        struct swb_outbox *outbox = calloc(1, sizeof(*outbox));
        int r;

        if (!outbox)
                return swb_oom(err);
        r = start(outbox, err);
        if (r < 0) {
                release(outbox);
                return r;
        }
        *ret = outbox;
        return 0;
}

struct swb_outbox *swb_outbox_free(struct swb_outbox *outbox)
{
        if (!outbox)
                return NULL;
        swb_worker_end(&outbox->worker);
        release(outbox);
        return NULL;
}

void swb_outbox_allow(struct swb_outbox *outbox, uint64_t n_bytes)
{
        uint64_t n = SWB_MIN(n_bytes / SWB_OUTBOX_BYTES, (uint64_t)SWB_OUTBOX_BUFFERS_MAX);

        swb_worker_lock(&outbox->worker);
        outbox->n_allowed = SWB_MAX((size_t)n, (size_t)SWB_OUTBOX_BUFFERS);
        while (outbox->n_buffers > outbox->n_allowed)
                if (outbox->n_idle > 0)
                        drop_idle(outbox);
                else
                        swb_worker_wait(&outbox->worker);
        swb_worker_unlock(&outbox->worker);
}

/* Locked. */
static int tell_failure(const struct swb_outbox *outbox, struct swb_error *err)
{
        if (outbox->failure.code < 0 && err)
                *err = outbox->failure;
        return outbox->failure.code;
}

int swb_outbox_take(struct swb_outbox *outbox, uint8_t **ret_buffer, struct swb_error *err)
{
        int r;

        swb_worker_lock(&outbox->worker);
        while (!outbox->taken)
                if (has_idle(outbox))
                        outbox->taken = outbox->idle[--outbox->n_idle];
                else
                        swb_worker_wait(&outbox->worker);
        r = tell_failure(outbox, err);
        swb_worker_unlock(&outbox->worker);
        if (r >= 0)
                *ret_buffer = outbox->taken;
        return r;
}

/* The operation's extents do not outlive it. */
static void fill_item(struct item *item, const struct swb_extent_place *place, size_t n)
{
        uint64_t left = place->done + n;

        item->place = *place;
        item->place.extents = item->extents;
        item->n = n;
        for (size_t i = 0; left > 0; i++) {
                swb_assert(i < ITEM_EXTENTS_MAX);
                item->extents[i] = place->extents[i];
                left -= SWB_MIN(left, item->extents[i].n_blocks * SWB_BLOCK_BYTES);
        }
}

void swb_outbox_put(struct swb_outbox *outbox, const struct swb_extent_place *place, size_t n)
{
        struct item *item = &outbox->items[outbox->put % SWB_OUTBOX_BUFFERS_MAX];

        swb_assert(outbox->taken);
        fill_item(item, place, n); /* there are no more items than buffers: it is ours */
        swb_worker_lock(&outbox->worker);
        item->buffer = outbox->taken;
        outbox->taken = NULL;
        outbox->put++;
        swb_worker_tell(&outbox->worker);
        swb_worker_unlock(&outbox->worker);
}

uint64_t swb_outbox_count(const struct swb_outbox *outbox)
{
        return outbox->put;
}

int swb_outbox_wait(struct swb_outbox *outbox, uint64_t count, struct swb_error *err)
{
        int r;

        swb_worker_lock(&outbox->worker);
        while (outbox->written < count)
                swb_worker_wait(&outbox->worker);
        r = tell_failure(outbox, err);
        swb_worker_unlock(&outbox->worker);
        return r;
}
