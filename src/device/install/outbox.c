/* SPDX-License-Identifier: Apache-2.0 */
#include "device/install/outbox.h"

#include <pthread.h>

#include "device/install/beside.h"

/* Extents of whole blocks, the first one of which may be begun. */
#define ITEM_EXTENTS_MAX (SWB_OUTBOX_BYTES / SWB_BLOCK_BYTES + 1)

struct item {
        struct swb_extent_place place;
        struct swb_extent extents[ITEM_EXTENTS_MAX];
        size_t n;
};

struct swb_outbox {
        uint8_t *memory; /* the buffers, end to end; the count of those put says whose each is */
        pthread_t thread;
        pthread_mutex_t mutex; /* over all that follows, but for what an item holds */
        pthread_cond_t changed;
        struct item items[SWB_OUTBOX_BUFFERS];
        uint64_t put, written;
        bool stop;
        struct swb_error failure;
};

static uint8_t *buffer_of(const struct swb_outbox *outbox, uint64_t number)
{
        return outbox->memory + number % SWB_OUTBOX_BUFFERS * SWB_OUTBOX_BYTES;
}

/* Locked before and after, not between. */
static void write_next(struct swb_outbox *outbox)
{
        struct item *item = &outbox->items[outbox->written % SWB_OUTBOX_BUFFERS];
        const uint8_t *data = buffer_of(outbox, outbox->written);
        struct swb_error failure = outbox->failure;
        int r = failure.code;

        (void)pthread_mutex_unlock(&outbox->mutex);
        if (r >= 0)
                r = swb_extent_place_write(&item->place, data, item->n, &failure);
        (void)pthread_mutex_lock(&outbox->mutex);
        if (r < 0)
                outbox->failure = failure;
        outbox->written++;
        (void)pthread_cond_broadcast(&outbox->changed);
}

static void *run(void *context)
{
        struct swb_outbox *outbox = context;

        (void)pthread_mutex_lock(&outbox->mutex);
        while (outbox->written < outbox->put || !outbox->stop)
                if (outbox->written < outbox->put)
                        write_next(outbox);
                else
                        (void)pthread_cond_wait(&outbox->changed, &outbox->mutex);
        (void)pthread_mutex_unlock(&outbox->mutex);
        return NULL;
}

static void release(struct swb_outbox *outbox)
{
        (void)pthread_cond_destroy(&outbox->changed);
        (void)pthread_mutex_destroy(&outbox->mutex);
        free(outbox->memory);
        free(outbox);
}

int swb_outbox_new(struct swb_outbox **ret, struct swb_error *err)
{
        struct swb_outbox *outbox = calloc(1, sizeof(*outbox));
        int r;

        if (!outbox)
                return swb_oom(err);
        (void)pthread_mutex_init(&outbox->mutex, NULL); /* both can't fail without attributes */
        (void)pthread_cond_init(&outbox->changed, NULL);
        outbox->memory = aligned_alloc(SWB_BLOCK_BYTES, SWB_OUTBOX_BUFFERS * SWB_OUTBOX_BYTES);
        r = outbox->memory ? swb_small_thread(run, outbox, &outbox->thread) : ENOMEM;
        if (r != 0) {
                release(outbox);
                return swb_fail_errno(err, r, "start a thread that writes");
        }
        *ret = outbox;
        return 0;
}

struct swb_outbox *swb_outbox_free(struct swb_outbox *outbox)
{
        if (!outbox)
                return NULL;
        swb_small_thread_end(outbox->thread, &outbox->mutex, &outbox->changed, &outbox->stop);
        release(outbox);
        return NULL;
}

/* Locked: until `count` are written, or none will be. */
static int wait_for(struct swb_outbox *outbox, uint64_t count, struct swb_error *err)
{
        while (outbox->written < count)
                (void)pthread_cond_wait(&outbox->changed, &outbox->mutex);
        if (outbox->failure.code < 0 && err)
                *err = outbox->failure;
        return outbox->failure.code;
}

int swb_outbox_take(struct swb_outbox *outbox, uint8_t **ret_buffer, struct swb_error *err)
{
        int r;

        (void)pthread_mutex_lock(&outbox->mutex);
        r = wait_for(outbox,
                     outbox->put < SWB_OUTBOX_BUFFERS ? 0 : outbox->put - SWB_OUTBOX_BUFFERS + 1,
                     err);
        (void)pthread_mutex_unlock(&outbox->mutex);
        if (r >= 0)
                *ret_buffer = buffer_of(outbox, outbox->put);
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
        fill_item(&outbox->items[outbox->put % SWB_OUTBOX_BUFFERS], place, n); /* taken: ours */
        (void)pthread_mutex_lock(&outbox->mutex);
        outbox->put++;
        (void)pthread_cond_broadcast(&outbox->changed);
        (void)pthread_mutex_unlock(&outbox->mutex);
}

uint64_t swb_outbox_count(const struct swb_outbox *outbox)
{
        return outbox->put;
}

int swb_outbox_wait(struct swb_outbox *outbox, uint64_t count, struct swb_error *err)
{
        int r;

        (void)pthread_mutex_lock(&outbox->mutex);
        r = wait_for(outbox, count, err);
        (void)pthread_mutex_unlock(&outbox->mutex);
        return r;
}
