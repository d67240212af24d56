/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/plan/openable.h"

#include "generator/pack/shelf.h"
#include "generator/plan/pair.h"
#include "open/find.h"
#include "open/wrapper.h"

/* Small files share a difference, and are opened there. */
#define FILE_MIN_BLOCKS ((64u << 10) / SWB_BLOCK_BYTES)
/* A file of which less than one part in this many is compressed is compared as it is. */
#define ENCODED_SHARE 8u
#define LOOK_MAX_BYTES ((uint64_t)32 << 20)
/* Contents are looked at afterwards up to this. */
#define WHY_MAX_BLOCKS (((uint64_t)256 << 20) / SWB_BLOCK_BYTES)

struct look {
        const struct swb_plan_input *input;
        const struct swb_file *old, *new;
        struct swb_openable *ret;
};

static int discard(void *context _unused_, const uint8_t *data _unused_, size_t n _unused_)
{
        return 0;
}

static struct swb_find_limits limits_of(const struct look *l, const struct swb_unchanged *unchanged)
{
        struct swb_find_limits limits = SWB_FIND_LIMITS_INIT;

        swb_find_limits_give(&limits, l->input->rules->open_memory_bytes);
        limits.encoders = l->input->rules->encoders;
        limits.unchanged = unchanged;
        limits.write = discard;
        return limits;
}

/* Is most of it compressed? What stays closed because it is unchanged tells as much. */
static bool is_worth_it(const struct swb_found *new, uint64_t n_bytes)
{
        uint64_t n_encoded = swb_recipe_encoded(&new->recipe);

        for (size_t i = 0; i < new->unchanged.n; i++)
                n_encoded += new->unchanged.items[i].n;
        return new->recipe.n_pieces > 0 && n_encoded >= n_bytes / ENCODED_SHARE;
}

static int keep(struct swb_openable *openable, const struct swb_found *old, struct swb_found *new,
                struct swb_error *err)
{
        openable->known = calloc(1, sizeof(*openable->known));
        if (!openable->known)
                return swb_oom(err);
        openable->n_old = old->recipe.n_opened;
        openable->n_new = new->recipe.n_opened;
        *openable->known = new->recipe;
        new->recipe = (struct swb_recipe){0};
        return 0;
}

/* A little that stays closed beside much that opens is not worth a word. */
static void keep_reason(const struct swb_closed *closed, uint64_t n_bytes, struct swb_closed *ret)
{
        if (closed->n_all >= n_bytes / ENCODED_SHARE)
                *ret = *closed;
}

static int look_at(const struct look *l, const uint8_t *from, const uint8_t *to,
                   struct swb_error *err)
{
        _cleanup_(swb_found_done) struct swb_found old = {0}, new = {0};
        _cleanup_(swb_unchanged_done) struct swb_unchanged unchanged = {0};
        size_t n_old = (size_t)l->old->blocks.n_blocks * SWB_BLOCK_BYTES;
        size_t n_new = (size_t)l->new->blocks.n_blocks *SWB_BLOCK_BYTES;
        struct swb_closed closed = {0};
        struct swb_find_limits limits = limits_of(l, &unchanged);
        int r = swb_unchanged_find(from, n_old, to, n_new, &unchanged);

        limits.why_closed = &closed;
        if (r >= 0)
                r = swb_recipe_find(to, n_new, SWB_FIND_NEW, &limits, &new);
        keep_reason(&closed, n_new, &l->ret->closed);
        limits.why_closed = NULL;
        if (r >= 0 && !is_worth_it(&new, n_new))
                return 0;
        if (r >= 0)
                r = swb_recipe_find(from, n_old, SWB_FIND_OLD, &limits, &old);
        if (r < 0)
                return swb_oom(err);
        if (old.recipe.n_pieces > 0)
                return keep(l->ret, &old, &new, err);
        if (l->ret->closed.why == SWB_CLOSED_NOT)
                l->ret->closed = (struct swb_closed){.why = SWB_CLOSED_OLD};
        return 0;
}

static int look(void *object, struct swb_error *err)
{
        struct look *l = object;
        _cleanup_(swb_shelf_done) struct swb_shelf old = SWB_SHELF_INIT(l->input->pool->folder);
        _cleanup_(swb_shelf_done) struct swb_shelf new = SWB_SHELF_INIT(l->input->pool->folder);
        const uint8_t *from, *to;
        int r = swb_shelf_take(&new, l->input->new.scan->image, &l->new->blocks, &to, err);

        if (r == 0)
                r = swb_shelf_take(&old, l->input->old->scan->image, &l->old->blocks, &from, err);
        return r < 0 ? r : look_at(l, from, to, err);
}

/* Pieces are opened one by one, and contents are on disk. What is above is for large encoders. */
static struct swb_job job_of(struct look *l)
{
        uint64_t n = (l->old->blocks.n_blocks + l->new->blocks.n_blocks) * SWB_BLOCK_BYTES;

        return (struct swb_job){.run = look,
                                .object = l,
                                .memory_bytes = 8 * SWB_MIN(n, LOOK_MAX_BYTES) +
                                                swb_open_extra(l->input->rules->open_memory_bytes),
                                .work = n / SWB_BLOCK_BYTES};
}

/* A regular file, or an image that is none of files: a squashfs. */
static bool is_candidate(const struct swb_plan_input *input, const struct swb_file *old,
                         const struct swb_file *new)
{
        uint64_t n_blocks = old->blocks.n_blocks + new->blocks.n_blocks;

        if (new->kind != SWB_FILE_REGULAR && !input->new.scan->raw)
                return false;
        if (!input->pool->folder && n_blocks > input->pool->memory_bytes / 8 / SWB_BLOCK_BYTES)
                return false;
        return new->blocks.n_blocks >= FILE_MIN_BLOCKS &&n_blocks <= 2 * SWB_OPENABLE_MAX_BLOCKS;
}

void swb_openable_done(struct swb_openable *list, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                if (list[i].known)
                        swb_recipe_done(list[i].known);
                free(list[i].known);
        }
        free(list);
}

int swb_openable_find(const struct swb_plan_input *input, const uint32_t *partners,
                      const bool *needed, struct swb_openable *ret, struct swb_error *err)
{
        const struct swb_scan *scan = input->new.scan;
        _cleanup_free_ struct look *looks = calloc(scan->n_files + 1, sizeof(*looks));
        _cleanup_free_ struct swb_job *jobs = calloc(scan->n_files + 1, sizeof(*jobs));
        size_t n = 0;

        if (!looks || !jobs)
                return swb_oom(err);
        for (size_t i = 0; i < scan->n_files; i++) {
                const struct swb_file *file = &scan->files[i];

                if (!needed[i] || partners[i] == SWB_PAIR_NONE ||
                    !is_candidate(input, &input->old->scan->files[partners[i]], file))
                        continue;
                looks[n] = (struct look){.input = input,
                                         .old = &input->old->scan->files[partners[i]],
                                         .new = file,
                                         .ret = &ret[i]};
                jobs[n] = job_of(&looks[n]);
                n++;
        }
        return swb_pool_run(input->pool, "open", jobs, n, err);
}

int swb_openable_why(const struct swb_image *image, const struct swb_file *file,
                     struct swb_closed *ret, struct swb_error *err)
{
        _cleanup_(swb_shelf_done) struct swb_shelf shelf = SWB_SHELF_INIT(NULL);
        _cleanup_(swb_found_done) struct swb_found found = {0};
        struct swb_find_limits limits = SWB_FIND_LIMITS_INIT;
        size_t n = (size_t)file->blocks.n_blocks * SWB_BLOCK_BYTES;
        struct swb_closed closed = {0};
        const uint8_t *data;
        int r;

        *ret = closed;
        if (file->blocks.n_blocks < FILE_MIN_BLOCKS || file->blocks.n_blocks > WHY_MAX_BLOCKS)
                return 0;
        r = swb_shelf_take(&shelf, image, &file->blocks, &data, err);
        if (r < 0)
                return r;
        limits.write = discard;
        limits.why_closed = &closed;
        if (swb_recipe_find(data, n, SWB_FIND_NEW, &limits, &found) < 0)
                return swb_oom(err);
        keep_reason(&closed, n, ret);
        return 0;
}
