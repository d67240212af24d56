/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/diff/opened.h"

#include "generator/diff/patch.h"
#include "open/find.h"
#include "open/wrapper.h"

/* A run of encoded pieces that open to this much is compared with its like by itself: a kernel's
 * program, where addresses are predicted, begins where the run does. */
#define RUN_MIN_BYTES ((uint64_t)1 << 20)
#define RUNS_MAX 16u
#define UNPLANNED_RATIO 8u

/* What opened of one side of a part, or all of it as one plain piece. */
struct side {
        struct swb_found found;
        int n_pieces;                         /* encoded */
        struct swb_patch_span runs[RUNS_MAX]; /* new: where, n_new: how long */
        size_t n_runs;
};

/* Both sides of a task so far. */
struct opening {
        const struct swb_opened_pair *pair;
        struct swb_found old, new;
        struct swb_patch_span *spans;
        size_t n_spans, cap;
};

static void side_done(struct side *side)
{
        swb_found_done(&side->found);
}

static void opening_done(struct opening *o)
{
        swb_found_done(&o->old);
        swb_found_done(&o->new);
        free(o->spans);
}

/* What the plan did not foresee must not take many times the memory of the contents themselves. */
static struct swb_find_limits limits_of(const struct swb_opened_pair *pair, size_t n)
{
        struct swb_find_limits limits = SWB_FIND_LIMITS_INIT;

        limits.encoders = pair->rules->encoders;
        if (pair->task->n_opened_new == 0)
                limits.max_opened_bytes = UNPLANNED_RATIO * n;
        return limits;
}

static int find(const struct swb_opened_pair *pair, const uint8_t *data, size_t n,
                enum swb_find_side which, struct side *ret)
{
        const struct swb_find_limits limits = limits_of(pair, n);
        const struct swb_piece plain = {n, n, 0, 0};
        struct swb_found *found = &ret->found;
        int r = swb_recipe_find(data, n, which, &limits, found);

        ret->n_pieces = r;
        if (r != 0 || n == 0)
                return r < 0 ? r : 0;
        found->opened = SWB_BUF_INIT(n);
        r = swb_buf_append(&found->opened, data, n);
        if (r >= 0)
                r = swb_recipe_add(&found->recipe, &plain);
        return r < 0 ? r : swb_recipe_measure(&found->recipe);
}

/* The long runs of encoded pieces, if they are not too many. */
static void list_runs(struct side *side)
{
        const struct swb_recipe *recipe = &side->found.recipe;
        uint64_t at = 0, begin = 0;

        for (size_t i = 0; i <= recipe->n_pieces; i++) {
                const struct swb_piece *piece = &recipe->pieces[i];
                bool encoded = i < recipe->n_pieces && piece->setting > 0;

                if (i < recipe->n_pieces && swb_recipe_has_inner(recipe, i))
                        continue;
                if (!encoded && at - begin >= RUN_MIN_BYTES && side->n_runs < RUNS_MAX)
                        side->runs[side->n_runs++] =
                                (struct swb_patch_span){.new = begin, .n_new = at - begin};
                if (i == recipe->n_pieces)
                        break;
                at += piece->n_opened;
                if (!encoded)
                        begin = at;
        }
}

static int add_span(struct opening *o, const struct swb_patch_span *span)
{
        if (o->n_spans == o->cap) {
                size_t cap = o->cap ? o->cap * 2 : 16;
                struct swb_patch_span *bigger = reallocarray(o->spans, cap, sizeof(*bigger));

                if (!bigger)
                        return -ENOMEM;
                o->spans = bigger;
                o->cap = cap;
        }
        o->spans[o->n_spans++] = *span;
        return 0;
}

/* Between two places of both sides; nothing when there is nothing to be made. */
static int add_between(struct opening *o, uint64_t old, uint64_t old_end, uint64_t new,
                       uint64_t new_end)
{
        const struct swb_patch_span span = {o->old.opened.n_bytes + old, old_end - old,
                                            o->new.opened.n_bytes + new, new_end - new};

        return new_end > new ? add_span(o, &span) : 0;
}

/* Run against run where both sides have as many, what lies between against what lies between. */
static int add_spans(struct opening *o, const struct side *old, const struct side *new)
{
        size_t n = old->n_runs == new->n_runs ? new->n_runs : 0;
        uint64_t from = 0, to = 0;
        int r = 0;

        for (size_t i = 0; i < n && r >= 0; i++) {
                const struct swb_patch_span *a = &old->runs[i], *b = &new->runs[i];

                r = add_between(o, from, a->new, to, b->new);
                from = a->new + a->n_new;
                to = b->new + b->n_new;
                if (r >= 0)
                        r = add_between(o, a->new, from, b->new, to);
        }
        return r < 0 ? r
                     : add_between(o, from, old->found.opened.n_bytes, to,
                                   new->found.opened.n_bytes);
}

static int take_side(struct swb_found *all, const struct side *side)
{
        int r = swb_recipe_append(&all->recipe, &side->found.recipe);

        return r < 0 ? r
                     : swb_buf_append(&all->opened, side->found.opened.data,
                                      side->found.opened.n_bytes);
}

static int add_part(struct opening *o, const struct swb_task_part *part, uint64_t src, uint64_t dst)
{
        _cleanup_(side_done) struct side old = {0}, new = {0};
        int r = find(o->pair, o->pair->new + dst *SWB_BLOCK_BYTES,
                     (size_t)part->dst_blocks * SWB_BLOCK_BYTES, SWB_FIND_NEW, &new);

        if (r >= 0)
                r = find(o->pair, o->pair->old + src * SWB_BLOCK_BYTES,
                         (size_t)part->src_blocks * SWB_BLOCK_BYTES, SWB_FIND_OLD, &old);
        if (r < 0)
                return r;
        list_runs(&old);
        list_runs(&new);
        r = add_spans(o, &old, &new);
        if (r >= 0)
                r = take_side(&o->old, &old);
        return r < 0 ? r : take_side(&o->new, &new);
}

/* Does anything of the new content open? What does not costs no more than this look. */
static int look(const struct swb_opened_pair *pair, const struct swb_task_part *parts,
                size_t n_parts)
{
        uint64_t dst = 0;
        int r = 0;

        for (size_t i = 0; i < n_parts && r == 0; i++) {
                size_t n = (size_t)parts[i].dst_blocks * SWB_BLOCK_BYTES;
                const struct swb_find_limits limits = limits_of(pair, n);
                _cleanup_(swb_found_done) struct swb_found found = {0};

                r = swb_recipe_find(pair->new + dst *SWB_BLOCK_BYTES, n, SWB_FIND_NEW, &limits,
                                    &found);
                dst += parts[i].dst_blocks;
        }
        return r;
}

static int open_parts(struct opening *o, const struct swb_task_part *parts, size_t n_parts)
{
        uint64_t src = 0, dst = 0;
        int r = 0;

        for (size_t i = 0; i < n_parts && r >= 0; i++) {
                r = add_part(o, &parts[i], src, dst);
                src += parts[i].src_blocks;
                dst += parts[i].dst_blocks;
        }
        return r;
}

/* inner_bytes: of the whole blob, and what the inner difference needs. */
static bool fits_device(const struct opening *o, uint64_t inner_bytes)
{
        const struct swb_open_needs needs =
                swb_open_needs(&o->old.recipe, &o->new.recipe, inner_bytes);

        return swb_open_needs_fit(&needs);
}

/* Recipes, and the difference in what of a device's memory they leave. */
static int write_patch(const struct opening *o, struct swb_patch_input *input,
                       struct swb_buf *patch)
{
        size_t start = patch->n_bytes, head;
        int r = swb_open_head_write(&o->old.recipe, &o->new.recipe, patch);
        uint64_t needs;

        if (r < 0)
                return r;
        head = patch->n_bytes - start;
        input->memory_bytes = swb_open_inner_room(&o->old.recipe, &o->new.recipe);
        input->memory_bytes -= SWB_MIN(head, input->memory_bytes);
        r = swb_patch_make(input, patch);
        if (r < 0)
                return r;
        needs = swb_patch_needs(patch->data + start + head, patch->n_bytes - start - head);
        return fits_device(o, patch->n_bytes - start + needs) ? SWB_OPENED : SWB_NOT_OPENED;
}

/* A part may have lost all of its blocks: then what belongs together is not known any more. */
static bool are_whole(const struct swb_task *task, const struct swb_task_part *parts,
                      size_t n_parts)
{
        uint64_t n_blocks = 0;

        for (size_t i = 0; i < n_parts; i++) {
                if (parts[i].dst_blocks == 0)
                        return false;
                n_blocks += parts[i].dst_blocks;
        }
        return n_blocks == task->dst.n_blocks;
}

int swb_opened_diff(const struct swb_opened_pair *pair, struct swb_buf *patch)
{
        _cleanup_(opening_done) struct opening o = {.pair = pair,
                                                    .old.opened = SWB_BUF_INIT(SIZE_MAX),
                                                    .new.opened = SWB_BUF_INIT(SIZE_MAX)};
        const struct swb_task *task = pair->task;
        const struct swb_task_part all = {task->src.n_blocks, task->dst.n_blocks};
        const struct swb_task_part *parts = task->n_parts > 0 ? task->parts : &all;
        size_t n_parts = task->n_parts > 0 ? task->n_parts : 1;
        struct swb_patch_input input = {.rules = pair->rules, .task = task};
        int r;

        if (!are_whole(task, parts, n_parts))
                return SWB_NOT_OPENED;
        /* Of what is planned opened that is known. */
        r = task->n_opened_new > 0 ? 1 : look(pair, parts, n_parts);
        if (r <= 0)
                return r;
        r = open_parts(&o, parts, n_parts);
        if (r < 0 || !fits_device(&o, 0))
                return r < 0 ? r : SWB_NOT_OPENED;
        input.old = o.old.opened.data;
        input.new = o.new.opened.data;
        input.spans = o.spans;
        input.n_spans = o.n_spans;
        return write_patch(&o, &input, patch);
}
