/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/diff/equal_runs.h"

#include <string.h>

/* A window of the old content at each multiple of this, one of the new content at each byte. */
#define WINDOW_BYTES 4096u
/* A part of a difference costs some bytes of its own. */
#define RUN_MIN_BYTES ((uint64_t)64 << 10)
#define RUNS_MAX 8192u
#define FACTOR 0x9e3779b97f4a7c15u
#define FILTER_BITS 22
#define NOWHERE UINT64_MAX
/* Of a window that stands in more places, those are left out. */
#define PLACES_MAX 16u

struct finder {
        const uint8_t *old, *new; /* where the span begins */
        uint64_t n_old, n_new;
        uint64_t *slots; /* positions of windows in old, by hash */
        size_t mask;
        uint64_t *filter; /* a bit for each of FILTER_BITS bits of the hashes that are there */
        uint64_t last_factor;
};

static void finder_done(struct finder *f)
{
        free(f->slots);
        free(f->filter);
}

static uint64_t hash_window(const uint8_t *data)
{
        uint64_t hash = 0;

        for (size_t i = 0; i < WINDOW_BYTES; i++)
                hash = hash * FACTOR + data[i] + 1;
        return hash;
}

static uint64_t roll(const struct finder *f, uint64_t hash, const uint8_t *window)
{
        return (hash - (window[0] + 1u) * f->last_factor) * FACTOR + window[WINDOW_BYTES] + 1;
}

/* The low bits of such a hash are those of the last few bytes alone. */
static uint64_t spread(uint64_t hash)
{
        return (hash ^ hash >> 32) * FACTOR >> 16;
}

static uint64_t *filter_word(const struct finder *f, uint64_t spread_hash)
{
        return &f->filter[(spread_hash & ((1u << FILTER_BITS) - 1)) / 64];
}

/* Long runs of one byte are everywhere. */
static bool is_plain(const uint8_t *data)
{
        return memcmp(data, data + 1, WINDOW_BYTES - 1) == 0;
}

static void put_window(struct finder *f, uint64_t at)
{
        uint64_t hash = spread(hash_window(f->old + at));
        size_t i = (size_t)(hash >> 8) & f->mask;

        for (unsigned tries = 0; f->slots[i] != NOWHERE; tries++) {
                if (tries == PLACES_MAX)
                        return;
                i = (i + 1) & f->mask;
        }
        f->slots[i] = at;
        *filter_word(f, hash) |= (uint64_t)1 << hash % 64;
}

static int index_old(struct finder *f)
{
        size_t n_slots = 1024;

        while (n_slots < 2 * (f->n_old / WINDOW_BYTES))
                n_slots *= 2;
        f->slots = malloc(n_slots * sizeof(*f->slots));
        f->filter = calloc((1u << FILTER_BITS) / 64, sizeof(*f->filter));
        if (!f->slots || !f->filter)
                return -ENOMEM;
        memset(f->slots, 0xff, n_slots * sizeof(*f->slots));
        f->mask = n_slots - 1;
        f->last_factor = 1;
        for (size_t i = 1; i < WINDOW_BYTES; i++)
                f->last_factor *= FACTOR;
        for (uint64_t at = 0; at + WINDOW_BYTES <= f->n_old; at += WINDOW_BYTES)
                if (!is_plain(f->old + at))
                        put_window(f, at);
        return 0;
}

static uint64_t count_equal(const uint8_t *a, const uint8_t *b, uint64_t n)
{
        uint64_t i = 0;

        while (n - i >= WINDOW_BYTES && memcmp(a + i, b + i, WINDOW_BYTES) == 0)
                i += WINDOW_BYTES;
        while (i < n && a[i] == b[i])
                i++;
        return i;
}

static uint64_t count_equal_before(const uint8_t *a, const uint8_t *b, uint64_t n)
{
        uint64_t i = 0;

        while (i < n && a[-1 - (int64_t)i] == b[-1 - (int64_t)i])
                i++;
        return i;
}

/* The run around a window of new, as far back as `begin`; of several the longest. */
static struct swb_patch_span longest_run(const struct finder *f, uint64_t hash, uint64_t at,
                                         uint64_t begin)
{
        struct swb_patch_span best = {0};
        size_t i = (size_t)(hash >> 8) & f->mask;

        for (unsigned tries = 0; tries < PLACES_MAX && f->slots[i] != NOWHERE; tries++) {
                uint64_t old = f->slots[i], n, n_before;

                i = (i + 1) & f->mask;
                n = count_equal(f->old + old, f->new + at, SWB_MIN(f->n_old - old, f->n_new - at));
                if (n < WINDOW_BYTES)
                        continue;
                n_before = count_equal_before(f->old + old, f->new + at, SWB_MIN(old, at - begin));
                if (n + n_before > best.n_new)
                        best = (struct swb_patch_span){old - n_before, n + n_before, at - n_before,
                                                       n + n_before};
        }
        return best;
}

static bool may_be_there(const struct finder *f, uint64_t hash)
{
        return *filter_word(f, hash) >> hash % 64 & 1;
}

static int find_runs(const struct finder *f, struct swb_span_list *runs)
{
        uint64_t at = 0, begin = 0, hash = hash_window(f->new);
        int r = 0;

        while (r >= 0 && runs->n < RUNS_MAX) {
                uint64_t spread_hash = spread(hash), next = at + 1;

                if (may_be_there(f, spread_hash)) {
                        struct swb_patch_span run = longest_run(f, spread_hash, at, begin);

                        if (run.n_new > 0)
                                next = swb_span_new_end(&run);
                        if (run.n_new >= RUN_MIN_BYTES) {
                                r = swb_span_list_add(runs, &run);
                                begin = next;
                        }
                }
                if (f->n_new - next < WINDOW_BYTES)
                        break;
                hash = next == at + 1 ? roll(f, hash, f->new + at) : hash_window(f->new + next);
                at = next;
        }
        return r;
}

int swb_equal_runs_find(const uint8_t *old, const uint8_t *new, const struct swb_patch_span *within,
                        struct swb_span_list *ret)
{
        _cleanup_(finder_done) struct finder f = {.old = old + within->old,
                                                  .new = new + within->new,
                                                  .n_old = within->n_old,
                                                  .n_new = within->n_new};
        _cleanup_(swb_span_list_done) struct swb_span_list runs = {0};
        int r;

        if (f.n_old < RUN_MIN_BYTES || f.n_new < RUN_MIN_BYTES)
                return 0;
        r = index_old(&f);
        if (r >= 0)
                r = find_runs(&f, &runs);
        if (r >= 0)
                r = swb_span_list_ascend(&runs);
        for (size_t i = 0; i < runs.n && r >= 0; i++) {
                const struct swb_patch_span run = {
                        runs.items[i].old + within->old, runs.items[i].n_old,
                        runs.items[i].new + within->new, runs.items[i].n_new};

                r = swb_span_list_add(ret, &run);
        }
        return r;
}
