/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: one byte that picks what the rest is: 0: a byte with the target's size in blocks, two
 * bytes with the source's, the source, and a difference in the format SWO1, applied to it; 1: a
 * recipe; 3: an old content and a new one, half and half; else: a content, in which what can be
 * opened is looked for. Checks: reads stay inside the source, what is written stays inside the
 * target, a recipe that was read is written as it was, and what was opened closes to the same
 * bytes.
 */
#include "fuzz.h"

#include "codec/swpatch.h"
#include "fuzz-memory.h"
#include "open/closer.h"
#include "open/find.h"
#include "open/wrapper.h"

#include <string.h>

#define BLOCK_BYTES 4096u
#define SCRATCH_BYTES ((size_t)1 << 20)
#define MEMORY_BYTES ((uint64_t)8 << 20)

static int read_scratch(void *context, uint64_t offset, uint8_t *data, size_t n)
{
        const uint8_t *scratch = context;

        swb_assert(offset <= SCRATCH_BYTES && n <= SCRATCH_BYTES - offset);
        memcpy(data, scratch + offset, n);
        return 0;
}

static int write_scratch(void *context, uint64_t offset, const uint8_t *data, size_t n)
{
        uint8_t *scratch = context;

        swb_assert(offset <= SCRATCH_BYTES && n <= SCRATCH_BYTES - offset);
        memcpy(scratch + offset, data, n);
        return 0;
}

static void apply(size_t n_target, const struct versions *v)
{
        _cleanup_free_ uint8_t *bytes = calloc(1, SCRATCH_BYTES);
        struct memory memory = {v->old, v->n_old, SWB_BUF_INIT(n_target)};
        const struct swb_bspatch_io io = memory_io(&memory);
        const struct swb_open_scratch scratch = {bytes, SCRATCH_BYTES, write_scratch, read_scratch};
        const struct swb_open_limits limits = {MEMORY_BYTES, &scratch};
        int r = swb_open_patch(v->new, v->n_new, v->n_old, n_target, &limits, swb_swpatch,
                               SWB_DECODER_MEMORY_BYTES, &io);

        swb_assert(r < 0 || memory.target.n_bytes == n_target);
        swb_buf_done(&memory.target);
}

static void read_recipe(const uint8_t *data, size_t n)
{
        _cleanup_(swb_recipe_done) struct swb_recipe recipe = {0}, again = {0};
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT((size_t)4 << 20);
        struct swb_cursor c = SWB_CURSOR(data, n);

        if (swb_recipe_read(&c, &recipe) < 0)
                return;
        swb_assert(swb_recipe_write(&recipe, &buf) == 0);
        c = SWB_CURSOR(buf.data, buf.n_bytes);
        swb_assert(swb_recipe_read(&c, &again) == 0);
        swb_assert(again.n_content == recipe.n_content && again.n_opened == recipe.n_opened);
        swb_assert(again.n_pieces == recipe.n_pieces);
}

static void close_again(const struct swb_found *found, const uint8_t *data, size_t n)
{
        _cleanup_(swb_closer_freep) struct swb_closer *closer = NULL;
        struct memory memory = {.target = SWB_BUF_INIT(n)};

        swb_assert(swb_closer_new(&found->recipe, UINT64_MAX, memory_write, &memory, &closer) == 0);
        swb_assert(swb_closer_put(closer, found->opened.data, found->opened.n_bytes) == 0);
        swb_assert(swb_closer_finish(closer) == 0);
        memory_check(&memory, data, n);
}

/* Number by number: a piece has padding. */
static void check_piece(const struct swb_piece *piece, const struct swb_piece *expected)
{
        swb_assert(piece->n_encoded == expected->n_encoded);
        swb_assert(piece->n_opened == expected->n_opened);
        swb_assert(piece->setting == expected->setting);
        swb_assert(piece->depth == expected->depth);
        swb_assert(piece->correction == expected->correction);
        swb_assert(piece->n_correction == expected->n_correction);
}

/* What was found once is found again without trying. */
static void find_again(const struct swb_found *found, struct swb_find_limits limits,
                       const uint8_t *data, size_t n, int n_pieces)
{
        _cleanup_(swb_found_done) struct swb_found again = {0};

        limits.known = &found->recipe;
        swb_assert(swb_recipe_find(data, n, SWB_FIND_NEW, &limits, &again) == n_pieces);
        swb_assert(again.recipe.n_pieces == found->recipe.n_pieces);
        for (size_t i = 0; i < found->recipe.n_pieces; i++)
                check_piece(&again.recipe.pieces[i], &found->recipe.pieces[i]);
        swb_assert(again.opened.n_bytes == found->opened.n_bytes);
}

static void open_and_close(const uint8_t *data, size_t n, const struct swb_unchanged *unchanged)
{
        struct swb_find_limits limits = SWB_FIND_LIMITS_INIT;
        _cleanup_(swb_found_done) struct swb_found found = {0};
        int r;

        limits.max_opened_bytes = (uint64_t)4 << 20;
        limits.unchanged = unchanged;
        r = swb_recipe_find(data, n, SWB_FIND_NEW, &limits, &found);
        swb_assert(r >= 0);
        if (r == 0)
                return;
        for (size_t i = 0; i < found.unchanged.n; i++)
                swb_assert(found.unchanged.items[i].at + found.unchanged.items[i].n <=
                           found.opened.n_bytes);
        close_again(&found, data, n);
        find_again(&found, limits, data, n, r);
}

/* The first half is the old image of the second one. */
static void open_changed(const uint8_t *data, size_t n)
{
        _cleanup_(swb_unchanged_done) struct swb_unchanged unchanged = {0};

        swb_assert(swb_unchanged_find(data, n / 2, data + n / 2, n - n / 2, &unchanged) == 0);
        open_and_close(data + n / 2, n - n / 2, &unchanged);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
        struct versions versions;

        if (n_bytes < 4)
                return 0;
        versions = versions_of(data + 2, n_bytes - 2);
        if (data[0] == 0)
                apply(data[1] * BLOCK_BYTES, &versions);
        else if (data[0] == 1)
                read_recipe(data + 1, n_bytes - 1);
        else if (data[0] == 3)
                open_changed(data + 1, n_bytes - 1);
        else
                open_and_close(data + 1, n_bytes - 1, NULL);
        return 0;
}
