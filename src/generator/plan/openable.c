/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/plan/openable.h"

#include "generator/diff/patch.h"
#include "generator/plan/pair.h"
#include "open/find.h"

/* Small files share a difference, and are opened there. */
#define FILE_MIN_BLOCKS ((64u << 10) / SWB_BLOCK_BYTES)
/* A file of which less than one part in this many is compressed is compared as it is. */
#define ENCODED_SHARE 8u
/* Both contents, and what the new one opens to, lie in memory together. */
#define MEMORY_SHARE 4u

struct look {
        const struct swb_plan_input *input;
        const struct swb_file *old, *new;
        struct swb_openable *ret;
};

/* Opened or not: 0 and nothing found. */
static int open_file(const struct look *l, const struct swb_image *image,
                     const struct swb_file *file, enum swb_find_side side, struct swb_found *ret,
                     struct swb_error *err)
{
        struct swb_find_limits limits = SWB_FIND_LIMITS_INIT;
        size_t n_bytes = (size_t)file->blocks.n_blocks * SWB_BLOCK_BYTES;
        _cleanup_free_ uint8_t *data = malloc(n_bytes);
        int r;

        if (!data)
                return swb_oom(err);
        r = swb_image_read_extents(image, file->blocks.items, file->blocks.n, data, err);
        if (r < 0)
                return r;
        limits.encoders = l->input->rules->encoders;
        limits.max_opened_bytes =
                SWB_MIN(limits.max_opened_bytes, l->input->pool->memory_bytes / MEMORY_SHARE);
        r = swb_recipe_find(data, n_bytes, side, &limits, ret);
        return r < 0 ? swb_oom(err) : 0;
}

static uint64_t difference_bytes(const struct swb_rules *rules, const struct swb_found *old,
                                 const struct swb_found *new)
{
        uint64_t n_old = old->recipe.n_opened, n_new = new->recipe.n_opened;

        return swb_patch_memory(rules, n_old, n_old, n_new) + n_old + n_new;
}

static int look(void *object, struct swb_error *err)
{
        struct look *l = object;
        _cleanup_(swb_found_done) struct swb_found old = {0}, new = {0};
        uint64_t n_bytes = l->new->blocks.n_blocks *SWB_BLOCK_BYTES;
        int r = open_file(l, l->input->new.scan->image, l->new, SWB_FIND_NEW, &new, err);

        if (r < 0 || swb_recipe_encoded(&new.recipe) < n_bytes / ENCODED_SHARE ||
            new.recipe.n_pieces == 0)
                return r;
        r = open_file(l, l->input->old->scan->image, l->old, SWB_FIND_OLD, &old, err);
        if (r < 0 || old.recipe.n_pieces == 0 ||
            difference_bytes(l->input->rules, &old, &new) > l->input->pool->memory_bytes)
                return r;
        *l->ret = (struct swb_openable){old.recipe.n_opened, new.recipe.n_opened};
        return 0;
}

static struct swb_job job_of(struct look *l)
{
        uint64_t n = (l->old->blocks.n_blocks + l->new->blocks.n_blocks) * SWB_BLOCK_BYTES;

        return (struct swb_job){
                .run = look, .object = l, .memory_bytes = 8 * n, .work = n / SWB_BLOCK_BYTES};
}

/* A regular file, or an image that is none of files: a squashfs. */
static bool is_candidate(const struct swb_plan_input *input, const struct swb_file *old,
                         const struct swb_file *new)
{
        uint64_t n_blocks = old->blocks.n_blocks + new->blocks.n_blocks;

        if (new->kind != SWB_FILE_REGULAR && !input->new.scan->raw)
                return false;
        return new->blocks.n_blocks >= FILE_MIN_BLOCKS &&n_blocks *SWB_BLOCK_BYTES <=
               input->pool->memory_bytes / MEMORY_SHARE;
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

                ret[i] = (struct swb_openable){0};
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
