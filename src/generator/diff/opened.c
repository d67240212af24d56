/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/diff/opened.h"

#include "generator/diff/opened_spans.h"
#include "open/segments.h"
#include "open/wrapper.h"

/* A run of encoded pieces that open to this much is compared with its like by itself: a kernel's
 * program, where addresses are predicted, begins where the run does. */
#define RUN_MIN_BYTES ((uint64_t)1 << 20)
#define RUNS_MAX 16u
#define UNPLANNED_RATIO 8u
/* What nobody planned to open is compared a second time only if so large a part of it is encoded,
 * or files with so many bytes of which at least half is: a few pictures inside a large program save
 * less than their bytes, and cost all of its time again.
 */
#define ENCODED_SHARE_MIN 64u
#define ENCODED_FILES_MIN_BYTES ((uint64_t)32 << 10)
/* Behind what opened: what takes little memory beside all else, and by so much more. */
#define AGAIN_CLOSED (1u << SWB_PACKING_XZ | 1u << SWB_PACKING_ZSTD | 1u << SWB_PACKING_LZMA)
/* A difference is one of so many target bytes, or of one span. */
#define SEGMENT_BYTES ((uint64_t)16 << 20)
#define AGAIN_MORE_BYTES ((uint64_t)192 << 20)
/* What differences take together is guessed at first, as so small a part of what opened. */
#define ROOM_SHARE 128u
#define ROUNDS_MAX 4u

/* The long runs of encoded pieces in one side of a part: new: where, n_new: how long. */
struct runs {
        struct swb_patch_span items[RUNS_MAX];
        size_t n;
};

/* Both sides of a task so far. */
struct opening {
        const struct swb_opened_pair *pair;
        struct swb_opened_content old, new;
        struct swb_span_list spans;
};

static void opening_init(struct opening *o, const struct swb_opened_pair *pair)
{
        *o = (struct opening){.pair = pair,
                              .old = SWB_OPENED_CONTENT_INIT(pair->folder),
                              .new = SWB_OPENED_CONTENT_INIT(pair->folder)};
}

static void opening_done(struct opening *o)
{
        swb_opened_content_done(&o->old);
        swb_opened_content_done(&o->new);
        swb_span_list_done(&o->spans);
}

/* What the plan did not foresee must not take many times the memory of the contents themselves. */
static struct swb_find_limits limits_of(const struct swb_opened_pair *pair,
                                        const struct swb_unchanged *unchanged, size_t n)
{
        struct swb_find_limits limits = SWB_FIND_LIMITS_INIT;

        swb_find_limits_give(&limits, pair->rules->open_memory_bytes);
        limits.encoders = pair->rules->encoders;
        limits.unchanged = unchanged;
        if (pair->task->n_opened_new == 0)
                limits.max_opened_bytes = UNPLANNED_RATIO * n;
        return limits;
}

/* Nothing, if they are too many. */
static void list_runs(const struct swb_recipe *recipe, struct runs *ret)
{
        uint64_t at = 0, begin = 0;

        for (size_t i = 0; i <= recipe->n_pieces; i++) {
                const struct swb_piece *piece = &recipe->pieces[i];
                bool encoded = i < recipe->n_pieces && piece->setting > 0;

                if (i < recipe->n_pieces && swb_recipe_has_inner(recipe, i))
                        continue;
                if (!encoded && at - begin >= RUN_MIN_BYTES && ret->n < RUNS_MAX)
                        ret->items[ret->n++] =
                                (struct swb_patch_span){.new = begin, .n_new = at - begin};
                if (i == recipe->n_pieces)
                        break;
                at += piece->n_opened;
                if (!encoded)
                        begin = at;
        }
}

/* Between two places of both sides; nothing when there is nothing to be made. */
static int add_between(struct opening *o, uint64_t old, uint64_t old_end, uint64_t new,
                       uint64_t new_end)
{
        const struct swb_patch_span span = {old, old_end - old, new, new_end - new};

        return new_end > new ? swb_span_list_add(&o->spans, &span) : 0;
}

/* Run against run where both sides have as many, what lies between against what lies between.
 * `from`, `to`: where the part begins. */
static int add_spans(struct opening *o, uint64_t from, const struct runs *old, uint64_t to,
                     const struct runs *new)
{
        const uint64_t old_base = from, new_base = to;
        size_t n = old->n == new->n ? new->n : 0;
        int r = 0;

        for (size_t i = 0; i < n && r >= 0; i++) {
                const struct swb_patch_span *a = &old->items[i], *b = &new->items[i];

                r = add_between(o, from, old_base + a->new, to, new_base + b->new);
                from = old_base + a->new + a->n_new;
                to = new_base + b->new + b->n_new;
                if (r >= 0)
                        r = add_between(o, old_base + a->new, from, new_base + b->new, to);
        }
        return r < 0 ? r : add_between(o, from, o->old.shelf.n_bytes, to, o->new.shelf.n_bytes);
}

/* One side of a part. */
static int add_side(struct opening *o, struct swb_opened_content *content, const uint8_t *data,
                    size_t n, const struct swb_unchanged *unchanged, struct runs *ret_runs)
{
        _cleanup_(swb_recipe_done) struct swb_recipe recipe = {0};
        struct swb_find_limits limits = limits_of(o->pair, unchanged, n);
        bool is_new = content == &o->new;
        int r;

        limits.known = is_new ? o->pair->task->known : NULL;
        r = swb_opened_content_add(content, data, n, is_new ? SWB_FIND_NEW : SWB_FIND_OLD, &limits,
                                   &recipe);
        if (r >= 0)
                list_runs(&recipe, ret_runs);
        return r;
}

static int add_part(struct opening *o, const struct swb_task_part *part, uint64_t src, uint64_t dst)
{
        _cleanup_(swb_unchanged_done) struct swb_unchanged unchanged = {0};
        struct runs from = {0}, to = {0};
        const uint8_t *old = o->pair->old + src * SWB_BLOCK_BYTES;
        const uint8_t *new = o->pair->new + dst *SWB_BLOCK_BYTES;
        size_t n_old = (size_t)part->src_blocks * SWB_BLOCK_BYTES;
        size_t n_new = (size_t)part->dst_blocks * SWB_BLOCK_BYTES;
        uint64_t old_begin = o->old.shelf.n_bytes, new_begin = o->new.shelf.n_bytes;
        int r = swb_unchanged_find(old, n_old, new, n_new, &unchanged);

        if (r >= 0)
                r = add_side(o, &o->new, new, n_new, &unchanged, &to);
        if (r >= 0)
                r = add_side(o, &o->old, old, n_old, &unchanged, &from);
        return r < 0 ? r : add_spans(o, old_begin, &from, new_begin, &to);
}

/* Does enough of the new content open? What does not costs no more than this look. */
static int look(const struct swb_opened_pair *pair, const struct swb_task_part *parts,
                size_t n_parts)
{
        uint64_t dst = 0, n_encoded = 0, n_in_files = 0;
        int r = 0;

        for (size_t i = 0; i < n_parts && r >= 0; i++) {
                size_t n = (size_t)parts[i].dst_blocks * SWB_BLOCK_BYTES;
                const struct swb_find_limits limits = limits_of(pair, NULL, n);
                _cleanup_(swb_found_done) struct swb_found found = {0};

                r = swb_recipe_find(pair->new + dst *SWB_BLOCK_BYTES, n, SWB_FIND_NEW, &limits,
                                    &found);
                if (r > 0) {
                        uint64_t encoded = swb_recipe_encoded(&found.recipe);

                        n_encoded += encoded;
                        n_in_files += encoded >= n / 2 ? encoded : 0;
                }
                dst += parts[i].dst_blocks;
        }
        if (r < 0)
                return r;
        return n_encoded > 0 && (n_in_files >= ENCODED_FILES_MIN_BYTES ||
                                 n_encoded >= dst * SWB_BLOCK_BYTES / ENCODED_SHARE_MIN);
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
        if (r >= 0)
                r = swb_opened_content_close(&o->old);
        return r < 0 ? r : swb_opened_content_close(&o->new);
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
static bool fits_device(const struct swb_rules *rules, const struct swb_open_head *head,
                        uint64_t inner_bytes)
{
        const struct swb_open_needs needs =
                swb_open_needs(head, rules->open_memory_bytes, inner_bytes);

        return swb_open_needs_fit(&needs, rules->open_memory_bytes);
}

/* Behind a first layer, with what it leaves where devices give more than by default. */
static struct swb_find_limits limits_again(const struct swb_rules *rules,
                                           const struct swb_open_head *first)
{
        const struct swb_open_needs needs = swb_open_needs(first, rules->open_memory_bytes, 0);
        struct swb_find_limits limits = SWB_FIND_LIMITS_INIT;
        uint64_t left =
                rules->open_memory_bytes - SWB_MIN(rules->open_memory_bytes, needs.memory_bytes);

        limits.encoders = rules->encoders;
        limits.no_images = true;
        if (left > SWB_OPEN_MEMORY_BYTES)
                swb_find_limits_give(&limits, left);
        else
                limits.closed_packings = AGAIN_CLOSED;
        return limits;
}

/* What `from` opens to, opened once more. Return: how many pieces did, or an error. */
static int open_side_again(const struct swb_find_limits *most,
                           const struct swb_opened_content *from, enum swb_find_side side,
                           struct swb_opened_content *ret)
{
        _cleanup_(swb_recipe_done) struct swb_recipe recipe = {0};
        struct swb_find_limits limits = *most;
        int n, r;

        limits.closed = &from->unchanged;
        limits.max_opened_bytes = from->n_bytes + AGAIN_MORE_BYTES;
        n = swb_opened_content_add(ret, from->data, (size_t)from->n_bytes, side, &limits, &recipe);
        r = n < 0 ? n : swb_opened_content_close(ret);
        return r < 0 ? r : n;
}

/*
 * What lies in many pieces of the first layer, as a kernel in the blocks of an image, opens behind
 * it. Return: whether both sides have some of that and a device can have both layers.
 */
static int open_again(struct opening layers[static SWB_OPEN_LAYERS_MAX])
{
        const struct swb_rules *rules = layers[0].pair->rules;
        struct swb_open_head head = head_of(layers, 1);
        const struct swb_find_limits limits = limits_again(rules, &head);
        int r = open_side_again(&limits, &layers[0].new, SWB_FIND_NEW, &layers[1].new);

        if (r > 0)
                r = open_side_again(&limits, &layers[0].old, SWB_FIND_OLD, &layers[1].old);
        if (r <= 0)
                return r;
        head = head_of(layers, SWB_OPEN_LAYERS_MAX);
        return fits_device(rules, &head, 0);
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

/* ---- differences */

/* Some spans, and their difference. */
struct piece {
        const struct swb_patch_span *spans;
        size_t n_spans;
        uint64_t n_target;
        struct swb_buf patch; /* n_bytes 0: not made */
};

struct pieces {
        struct piece *items;
        size_t n;
};

static void pieces_done(struct pieces *pieces)
{
        for (size_t i = 0; i < pieces->n; i++)
                swb_buf_done(&pieces->items[i].patch);
        free(pieces->items);
}

/* How many of the spans make one difference: within it, the old content is read front to back. */
static size_t spans_in_piece(const struct swb_patch_span *spans, size_t n, uint64_t *ret_bytes)
{
        size_t i = 0;

        *ret_bytes = 0;
        while (i < n && (i == 0 || (*ret_bytes + spans[i].n_new <= SEGMENT_BYTES &&
                                    swb_span_old_end(&spans[i - 1]) <= spans[i].old)))
                *ret_bytes += spans[i++].n_new;
        return i;
}

static int list_pieces(const struct swb_span_list *spans, struct pieces *ret)
{
        ret->items = calloc(spans->n + 1, sizeof(*ret->items));
        if (!ret->items)
                return -ENOMEM;
        for (size_t done = 0; done < spans->n;) {
                struct piece *piece = &ret->items[ret->n++];

                *piece = (struct piece){.spans = spans->items + done,
                                        .patch = SWB_BUF_INIT(SIZE_MAX)};
                piece->n_spans = spans_in_piece(piece->spans, spans->n - done, &piece->n_target);
                done += piece->n_spans;
        }
        return 0;
}

/* Those that are not there yet, or need more of a device than this beside all of their bytes. */
static int make_pieces(const struct opening *o, uint64_t memory_bytes, struct pieces *pieces)
{
        struct swb_patch_input input = {.rules = o->pair->rules,
                                        .task = o->pair->task,
                                        .memory_bytes = memory_bytes,
                                        .old = o->old.data,
                                        .new = o->new.data};
        int r = 0;

        for (size_t i = 0; i < pieces->n && r >= 0; i++) {
                struct piece *piece = &pieces->items[i];

                if (piece->patch.n_bytes > 0 &&
                    swb_patch_needs(piece->patch.data, piece->patch.n_bytes) <= memory_bytes)
                        continue;
                swb_buf_reset(&piece->patch);
                input.spans = piece->spans;
                input.n_spans = piece->n_spans;
                r = swb_patch_make(&input, &piece->patch);
        }
        return r;
}

static uint64_t bytes_of(const struct pieces *pieces)
{
        uint64_t n = 0;

        for (size_t i = 0; i < pieces->n; i++)
                n += pieces->items[i].patch.n_bytes;
        return n;
}

static int write_pieces(const struct pieces *pieces, struct swb_buf *patch)
{
        _cleanup_(swb_segments_done) struct swb_segments segments = {0};

        segments.items = calloc(pieces->n + 1, sizeof(*segments.items));
        if (!segments.items)
                return -ENOMEM;
        segments.n = pieces->n;
        for (size_t i = 0; i < pieces->n; i++)
                segments.items[i] = (struct swb_segment){.data = pieces->items[i].patch.data,
                                                         .n_bytes = pieces->items[i].patch.n_bytes,
                                                         .n_target = pieces->items[i].n_target};
        return swb_segments_write(&segments, patch);
}

static int write_layers(const struct swb_open_head *head, struct swb_buf *patch)
{
        int r = 0;

        for (unsigned i = 0; i < head->n_layers && r >= 0; i++)
                r = swb_open_head_write(&head->layers[i].old, &head->layers[i].new, patch);
        return r;
}

/* Recipes, and differences in what of a device's memory they and all differences leave. */
static int write_patch(const struct opening *last, struct swb_open_head *head,
                       struct swb_buf *patch)
{
        _cleanup_(pieces_done) struct pieces pieces = {0};
        size_t start = patch->n_bytes;
        const struct swb_rules *rules = last->pair->rules;
        uint64_t room = swb_open_inner_room(head, rules->open_memory_bytes), kept, needs;
        int r = write_layers(head, patch);

        if (r >= 0)
                r = list_pieces(&last->spans, &pieces);
        head->n_bytes = patch->n_bytes - start;
        kept = head->n_bytes + (pieces.n > 1 ? last->new.n_bytes / ROOM_SHARE : 0);
        for (unsigned i = 0; i < ROUNDS_MAX && r >= 0; i++) {
                r = make_pieces(last, SWB_MIN(room - SWB_MIN(kept, room), SWB_PATCH_MEMORY_BYTES),
                                &pieces);
                patch->n_bytes = start + head->n_bytes;
                if (r >= 0)
                        r = write_pieces(&pieces, patch);
                if (r < 0)
                        break;
                needs = swb_open_inner_needs(head, patch->data + start, patch->n_bytes - start);
                if (fits_device(rules, head, patch->n_bytes - start + needs))
                        return SWB_OPENED;
                /* less for each, as all of them take more than was thought */
                kept = patch->n_bytes - start + bytes_of(&pieces) / 16 * (i + 1);
        }
        patch->n_bytes = start;
        return r < 0 ? r : SWB_NOT_OPENED;
}

/* Everything is one part: more may open, and is cut into what belongs together. Return: layers, or
 * an error. */
static int look_closer(struct opening layers[static SWB_OPEN_LAYERS_MAX])
{
        _cleanup_(swb_span_list_done) struct swb_span_list spans = {0};
        const struct swb_opened_pair *pair = layers[0].pair;
        int again = open_again(layers), r = 0;
        struct opening *last = &layers[again > 0 ? 1 : 0];

        if (again < 0)
                return again;
        if (again > 0) {
                swb_opened_content_forget(&layers[0].old);
                swb_opened_content_forget(&layers[0].new);
                r = add_between(last, 0, last->old.n_bytes, 0, last->new.n_bytes);
        } else {
                opening_done(&layers[1]);
        }
        if (r >= 0)
                r = swb_opened_spans_cut(&last->old, &last->new, &last->spans,
                                         pair->rules->predicted, pair->max_bytes, &spans);
        if (r < 0)
                return r;
        swb_span_list_done(&last->spans);
        last->spans = spans;
        spans = (struct swb_span_list){0};
        return again > 0 ? 2 : 1;
}

static void layers_done(struct opening (*layers)[SWB_OPEN_LAYERS_MAX])
{
        for (unsigned i = 0; i < SWB_OPEN_LAYERS_MAX; i++)
                opening_done(&(*layers)[i]);
}

int swb_opened_diff(const struct swb_opened_pair *pair, struct swb_buf *patch)
{
        _cleanup_(layers_done) struct opening layers[SWB_OPEN_LAYERS_MAX] = {0};
        const struct swb_task *task = pair->task;
        const struct swb_task_part all = {task->src.n_blocks, task->dst.n_blocks};
        const struct swb_task_part *parts = task->n_parts > 0 ? task->parts : &all;
        size_t n_parts = task->n_parts > 0 ? task->n_parts : 1;
        struct swb_open_head head;
        int n_layers = 1, r;

        for (unsigned i = 0; i < SWB_OPEN_LAYERS_MAX; i++)
                opening_init(&layers[i], pair);
        if (!are_whole(task, parts, n_parts))
                return SWB_NOT_OPENED;
        /* Of what is planned opened that is known. */
        r = task->n_opened_new > 0 ? 1 : look(pair, parts, n_parts);
        if (r <= 0)
                return r;
        r = open_parts(&layers[0], parts, n_parts);
        if (r >= 0 && n_parts == 1)
                n_layers = look_closer(layers);
        if (r < 0 || n_layers < 0)
                return r < 0 ? r : n_layers;
        head = head_of(layers, (unsigned)n_layers);
        if (!fits_device(pair->rules, &head, 0))
                return SWB_NOT_OPENED;
        return write_patch(&layers[n_layers - 1], &head, patch);
}
