/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/diff/opened.h"

#include "generator/diff/opened_programs.h"
#include "open/find.h"
#include "open/segments.h"
#include "open/wrapper.h"

/* A run of encoded pieces that open to this much is compared with its like by itself: a kernel's
 * program, where addresses are predicted, begins where the run does. */
#define RUN_MIN_BYTES ((uint64_t)1 << 20)
#define RUNS_MAX 16u
#define UNPLANNED_RATIO 8u
/* What nobody planned to open is compared a second time only if so large a part of it is encoded: a
 * few pictures inside a large program save less than their bytes, and cost all of its time again.
 */
#define ENCODED_SHARE_MIN 64u
/* Behind what opened: what takes little memory beside all else, and by so much more. */
#define AGAIN_CLOSED (1u << SWB_PACKING_XZ | 1u << SWB_PACKING_ZSTD)
/* A difference is one of so many target bytes, or of one span. */
#define SEGMENT_BYTES ((uint64_t)16 << 20)
#define AGAIN_MORE_BYTES ((uint64_t)192 << 20)

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

static int find_in(const struct swb_find_limits *limits, const uint8_t *data, size_t n,
                   enum swb_find_side which, struct side *ret)
{
        const struct swb_piece plain = {n, n, 0, 0};
        struct swb_found *found = &ret->found;
        int r = swb_recipe_find(data, n, which, limits, found);

        ret->n_pieces = r;
        if (r != 0 || n == 0)
                return r < 0 ? r : 0;
        found->opened = SWB_BUF_INIT(n);
        r = swb_buf_append(&found->opened, data, n);
        if (r >= 0)
                r = swb_recipe_add(&found->recipe, &plain);
        return r < 0 ? r : swb_recipe_measure(&found->recipe);
}

static int find(const struct swb_opened_pair *pair, const uint8_t *data, size_t n,
                enum swb_find_side which, struct side *ret)
{
        const struct swb_find_limits limits = limits_of(pair, n);

        return find_in(&limits, data, n, which, ret);
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
        const struct swb_patch_span span = {old, old_end - old, new, new_end - new};

        return new_end > new ? add_span(o, &span) : 0;
}

/* Run against run where both sides have as many, what lies between against what lies between. */
static int add_spans(struct opening *o, const struct side *old, const struct side *new)
{
        const uint64_t old_base = o->old.opened.n_bytes, new_base = o->new.opened.n_bytes;
        size_t n = old->n_runs == new->n_runs ? new->n_runs : 0;
        uint64_t from = old_base, to = new_base;
        int r = 0;

        for (size_t i = 0; i < n && r >= 0; i++) {
                const struct swb_patch_span *a = &old->runs[i], *b = &new->runs[i];

                r = add_between(o, from, old_base + a->new, to, new_base + b->new);
                from = old_base + a->new + a->n_new;
                to = new_base + b->new + b->n_new;
                if (r >= 0)
                        r = add_between(o, old_base + a->new, from, new_base + b->new, to);
        }
        return r < 0 ? r
                     : add_between(o, from, old_base + old->found.opened.n_bytes, to,
                                   new_base + new->found.opened.n_bytes);
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

static uint64_t encoded_bytes(const struct swb_recipe *recipe)
{
        uint64_t sum = 0;

        for (size_t i = 0; i < recipe->n_pieces; i++)
                if (recipe->pieces[i].setting > 0)
                        sum += recipe->pieces[i].n_encoded;
        return sum;
}

/* Does enough of the new content open? What does not costs no more than this look. */
static int look(const struct swb_opened_pair *pair, const struct swb_task_part *parts,
                size_t n_parts)
{
        uint64_t dst = 0, n_encoded = 0;
        int r = 0;

        for (size_t i = 0; i < n_parts && r >= 0; i++) {
                size_t n = (size_t)parts[i].dst_blocks * SWB_BLOCK_BYTES;
                const struct swb_find_limits limits = limits_of(pair, n);
                _cleanup_(swb_found_done) struct swb_found found = {0};

                r = swb_recipe_find(pair->new + dst *SWB_BLOCK_BYTES, n, SWB_FIND_NEW, &limits,
                                    &found);
                n_encoded += r > 0 ? encoded_bytes(&found.recipe) : 0;
                dst += parts[i].dst_blocks;
        }
        if (r < 0)
                return r;
        return n_encoded > 0 && n_encoded >= dst * SWB_BLOCK_BYTES / ENCODED_SHARE_MIN;
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

/* The layers that were found; their recipes are borrowed. */
static struct swb_open_head head_of(const struct opening *layers, unsigned n)
{
        struct swb_open_head head = {.n_layers = n};

        for (unsigned i = 0; i < n; i++)
                head.layers[i] =
                        (struct swb_open_layer){layers[i].old.recipe, layers[i].new.recipe};
        return head;
}

/* inner_bytes: of the whole blob, and what the inner difference needs. */
static bool fits_device(const struct swb_open_head *head, uint64_t inner_bytes)
{
        const struct swb_open_needs needs = swb_open_needs(head, inner_bytes);

        return swb_open_needs_fit(&needs);
}

/*
 * What lies in many pieces of the first layer, as a kernel in the blocks of an image, opens behind
 * it. Return: whether both sides have some of that and a device can have both layers.
 */
static int open_again(struct opening layers[static SWB_OPEN_LAYERS_MAX])
{
        _cleanup_(side_done) struct side old = {0}, new = {0};
        const struct swb_found *from = &layers[0].old, *to = &layers[0].new;
        struct swb_find_limits limits = SWB_FIND_LIMITS_INIT;
        struct swb_open_head head;
        int r;

        limits.encoders = layers[0].pair->rules->encoders;
        limits.no_images = true;
        limits.closed_packings = AGAIN_CLOSED;
        limits.max_opened_bytes = to->opened.n_bytes + AGAIN_MORE_BYTES;
        r = find_in(&limits, to->opened.data, to->opened.n_bytes, SWB_FIND_NEW, &new);
        if (r < 0 || new.n_pieces == 0)
                return r;
        limits.max_opened_bytes = from->opened.n_bytes + AGAIN_MORE_BYTES;
        r = find_in(&limits, from->opened.data, from->opened.n_bytes, SWB_FIND_OLD, &old);
        if (r < 0 || old.n_pieces == 0)
                return r;
        layers[1].old = old.found;
        layers[1].new = new.found;
        old.found = new.found = (struct swb_found){0};
        head = head_of(layers, SWB_OPEN_LAYERS_MAX);
        return fits_device(&head, 0);
}

/* Program against program in what the last layer opened to. */
static int add_programs(struct opening *o)
{
        _cleanup_(swb_program_pairs_done) struct swb_program_pairs pairs = {0};
        uint64_t from = 0, to = 0;
        int r = swb_program_pairs_find(&o->old, &o->new, &pairs);

        if (r < 0 || pairs.n == 0)
                return r;
        o->n_spans = 0;
        for (size_t i = 0; i < pairs.n && r >= 0; i++) {
                const struct swb_patch_span *pair = &pairs.items[i];

                r = add_between(o, from, pair->old, to, pair->new);
                if (r >= 0)
                        r = add_span(o, pair);
                from = pair->old + pair->n_old;
                to = pair->new + pair->n_new;
        }
        return r < 0 ? r : add_between(o, from, o->old.opened.n_bytes, to, o->new.opened.n_bytes);
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

/* How many of the spans make one difference. */
static size_t spans_in_segment(const struct swb_patch_span *spans, size_t n, uint64_t *ret_bytes)
{
        size_t i = 0;

        *ret_bytes = 0;
        while (i < n && (i == 0 || *ret_bytes + spans[i].n_new <= SEGMENT_BYTES))
                *ret_bytes += spans[i++].n_new;
        return i;
}

/* Differences of some spans each. The list's items know only how long they are. */
static int make_segments(const struct swb_opened_pair *pair, const struct opening *o,
                         uint64_t memory_bytes, struct swb_segments *segments,
                         struct swb_buf *patches)
{
        struct swb_patch_input input = {.rules = pair->rules,
                                        .task = pair->task,
                                        .memory_bytes = memory_bytes,
                                        .old = o->old.opened.data,
                                        .new = o->new.opened.data};
        size_t done = 0;
        int r = 0;

        segments->items = calloc(o->n_spans + 1, sizeof(*segments->items));
        if (!segments->items)
                return -ENOMEM;
        while (done < o->n_spans && r >= 0) {
                struct swb_segment *segment = &segments->items[segments->n++];
                size_t begin = patches->n_bytes;

                input.spans = o->spans + done;
                input.n_spans =
                        spans_in_segment(input.spans, o->n_spans - done, &segment->n_target);
                done += input.n_spans;
                r = swb_patch_make(&input, patches);
                segment->n_bytes = patches->n_bytes - begin;
        }
        return r;
}

static int make_patch(const struct swb_opened_pair *pair, const struct opening *o,
                      uint64_t memory_bytes, struct swb_buf *patch)
{
        _cleanup_(swb_segments_done) struct swb_segments segments = {0};
        _cleanup_(swb_buf_done) struct swb_buf patches = SWB_BUF_INIT(patch->max_bytes);
        size_t at = 0;
        int r = make_segments(pair, o, memory_bytes, &segments, &patches);

        for (size_t i = 0; i < segments.n && r >= 0; i++) {
                segments.items[i].data = patches.data + at;
                at += segments.items[i].n_bytes;
        }
        return r < 0 ? r : swb_segments_write(&segments, patch);
}

/* Everything is one part: more may open, and programs be found. Return: layers, or -ENOMEM. */
static int look_closer(const struct swb_opened_pair *pair,
                       struct opening layers[static SWB_OPEN_LAYERS_MAX])
{
        int again = open_again(layers), r = 0;
        struct opening *last = &layers[again > 0 ? 1 : 0];

        if (again > 0)
                r = add_between(last, 0, last->old.opened.n_bytes, 0, last->new.opened.n_bytes);
        if (again >= 0 && r >= 0 && pair->rules->predicted)
                r = add_programs(last);
        if (again < 0 || r < 0)
                return again < 0 ? again : r;
        return again > 0 ? 2 : 1;
}

static int write_layers(const struct swb_open_head *head, struct swb_buf *patch)
{
        int r = 0;

        for (unsigned i = 0; i < head->n_layers && r >= 0; i++)
                r = swb_open_head_write(&head->layers[i].old, &head->layers[i].new, patch);
        return r;
}

/* Recipes, and the difference in what of a device's memory they leave. Of several differences each
 * leaves room for the others' bytes: so small a part of what opened. */
static int write_patch(const struct swb_opened_pair *pair, const struct opening *last,
                       struct swb_open_head *head, uint64_t share, struct swb_buf *patch)
{
        size_t start = patch->n_bytes;
        uint64_t room = swb_open_inner_room(head), kept, needs;
        int r = write_layers(head, patch);

        if (r < 0)
                return r;
        head->n_bytes = patch->n_bytes - start;
        kept = head->n_bytes + (last->n_spans > 1 ? last->new.opened.n_bytes / share : 0);
        r = make_patch(pair, last, room - SWB_MIN(kept, room), patch);
        if (r < 0)
                return r;
        needs = swb_open_inner_needs(head, patch->data + start, patch->n_bytes - start);
        if (fits_device(head, patch->n_bytes - start + needs))
                return SWB_OPENED;
        patch->n_bytes = start;
        return SWB_NOT_OPENED;
}

/* The more room one of them has, the smaller it is; but all have to fit. */
static int try_shares(const struct swb_opened_pair *pair, const struct opening *last,
                      struct swb_open_head *head, struct swb_buf *patch)
{
        static const uint64_t shares[] = {100, 40, 16};
        size_t n = last->n_spans > 1 ? SWB_ELEMENTS(shares) : 1;
        int r = SWB_NOT_OPENED;

        for (size_t i = 0; i < n && r == SWB_NOT_OPENED; i++)
                r = write_patch(pair, last, head, shares[i], patch);
        return r;
}

static void layers_done(struct opening (*layers)[SWB_OPEN_LAYERS_MAX])
{
        for (unsigned i = 0; i < SWB_OPEN_LAYERS_MAX; i++)
                opening_done(&(*layers)[i]);
}

int swb_opened_diff(const struct swb_opened_pair *pair, struct swb_buf *patch)
{
        _cleanup_(layers_done) struct opening layers[SWB_OPEN_LAYERS_MAX] = {
                {.pair = pair,
                 .old.opened = SWB_BUF_INIT(SIZE_MAX),
                 .new.opened = SWB_BUF_INIT(SIZE_MAX)}};
        const struct swb_task *task = pair->task;
        const struct swb_task_part all = {task->src.n_blocks, task->dst.n_blocks};
        const struct swb_task_part *parts = task->n_parts > 0 ? task->parts : &all;
        size_t n_parts = task->n_parts > 0 ? task->n_parts : 1;
        struct swb_open_head head;
        int n_layers = 1, r;

        if (!are_whole(task, parts, n_parts))
                return SWB_NOT_OPENED;
        /* Of what is planned opened that is known. */
        r = task->n_opened_new > 0 ? 1 : look(pair, parts, n_parts);
        if (r <= 0)
                return r;
        r = open_parts(&layers[0], parts, n_parts);
        if (r >= 0 && n_parts == 1)
                n_layers = look_closer(pair, layers);
        if (r < 0 || n_layers < 0)
                return r < 0 ? r : n_layers;
        head = head_of(layers, (unsigned)n_layers);
        if (!fits_device(&head, 0))
                return SWB_NOT_OPENED;
        return try_shares(pair, &layers[n_layers - 1], &head, patch);
}
