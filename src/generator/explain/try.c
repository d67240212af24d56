/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/explain/try.h"

#include "codec/swd2.h"
#include "generator/diff/replace.h"
#include "open/layers.h"
#include "open/segments.h"

/* Opening has the memory of a build host. */
#define OPENING_BYTES SWB_OPEN_MEMORY_MAX

typedef void (*take_bytes)(struct swb_runners_up *tried, uint64_t bytes);

static void take_by_bytes(struct swb_runners_up *tried, uint64_t bytes)
{
        tried->by_bytes += bytes;
}

static void take_opened(struct swb_runners_up *tried, uint64_t bytes)
{
        tried->opened += bytes;
}

/* What the runs take of this blob, in place of the one that there is. */
static int count(const struct swb_try *try, const struct swb_buf *blob, take_bytes take,
                 struct swb_costs *costs)
{
        struct swb_share_input input = *try->input;
        _cleanup_free_ struct swb_share *shares = calloc(try->runs->n + 1, sizeof(*shares));
        int r;

        if (!shares)
                return -ENOMEM;
        for (size_t i = 0; i < try->runs->n; i++) {
                const struct swb_share *run = &try->runs->items[i];

                shares[i] = (struct swb_share){
                        .owner = run->owner, .begin = run->begin, .n_bytes = run->n_bytes};
        }
        input.blob = blob->data;
        input.n_blob = blob->n_bytes;
        r = swb_shares_count(&input, shares, try->runs->n, NULL, NULL, NULL);
        for (size_t i = 0; i < try->runs->n && r == 0; i++)
                take(&costs->items[shares[i].owner].tried, shares[i].bytes);
        return r;
}

/* ---- a difference byte by byte */

static int make(const struct swb_swd2_part *parts, size_t n, const uint8_t *old, const uint8_t *new,
                struct swb_buf *patch)
{
        _cleanup_(swb_swd2_done) struct swb_swd2 swd2;
        int r = 0;

        swb_swd2_init(&swd2, SWB_SWD2_BYTES, SWB_PATCH_MEMORY_BYTES);
        for (size_t i = 0; i < n && r == 0; i++)
                r = swb_swd2_add(&swd2, old + parts[i].source, (size_t)parts[i].n_source,
                                 parts[i].source, new + parts[i].target, (size_t)parts[i].n_target);
        return r < 0 ? r : swb_swd2_write(&swd2, patch);
}

/* What parts there are now are kept, unless they are those of opened contents. */
static int try_bytes(const struct swb_try *try, struct swb_costs *costs)
{
        const struct swb_swd2_part all = {.n_source = try->input->n_old,
                                          .n_target = try->input->n_new};
        bool is_opened = swb_open_is_wrapped(try->input->blob, try->input->n_blob);
        bool has_parts = !is_opened && try->parts->n > 0;
        _cleanup_(swb_buf_done) struct swb_buf blob = SWB_BUF_INIT(SIZE_MAX);
        int r = make(has_parts ? try->parts->items : &all, has_parts ? try->parts->n : 1,
                     try->input->old, try->new, &blob);

        return r < 0 ? r : count(try, &blob, take_by_bytes, costs);
}

/* ---- between the opened contents, byte by byte */

struct opening {
        struct swb_open_head head, new_head; /* the latter opens the new content as an old one */
        uint8_t *old, *new;
        uint64_t n_old, n_new;
        struct swb_segments segments, made;
        struct swb_buf *patches; /* of each segment */
};

static void opening_done(struct opening *o)
{
        for (size_t i = 0; o->patches && i < o->segments.n; i++)
                swb_buf_done(&o->patches[i]);
        free(o->patches);
        free(o->made.items);
        swb_segments_done(&o->segments);
        swb_open_head_done(&o->head); /* the other one's recipes are the same */
        free(o->old);
        free(o->new);
}

static int read_memory(void *context, uint64_t offset, uint8_t *data, size_t n)
{
        const struct swb_view *view = context;

        if (offset > view->n_bytes || n > view->n_bytes - offset)
                return -EBADMSG;
        memcpy(data, view->memory + offset, n);
        return 0;
}

/* All of a content, opened through the old sides of the head's recipes. */
static int open_content(const struct swb_open_head *head, const uint8_t *content, uint64_t n,
                        const struct swb_open_scratch *scratch, uint8_t **ret)
{
        const struct swb_open_limits limits = {OPENING_BYTES, scratch};
        struct swb_view view = SWB_VIEW_OF_MEMORY(content, n);
        uint64_t n_opened = head->layers[head->n_layers - 1].old.n_opened;
        _cleanup_(swb_open_source_freep) struct swb_open_source *source = NULL;
        int r;

        *ret = malloc((size_t)n_opened + 1);
        if (!*ret)
                return -ENOMEM;
        r = swb_open_source_new(head, read_memory, &view, &limits, false, &source);
        return r < 0 ? r : swb_open_source_read(source, 0, *ret, (size_t)n_opened);
}

static int open_both(const struct swb_try *try, struct opening *o)
{
        const struct swb_share_input *in = try->input;
        const struct swb_open_layer *last;
        int r = swb_open_head_read(in->blob, in->n_blob, in->n_old, in->n_new, &o->head);

        if (r < 0)
                return r;
        last = &o->head.layers[o->head.n_layers - 1];
        o->n_old = last->old.n_opened;
        o->n_new = last->new.n_opened;
        o->new_head = o->head;
        for (unsigned i = 0; i < o->head.n_layers; i++)
                o->new_head.layers[i].old = o->head.layers[i].new;
        r = open_content(&o->head, in->old, in->n_old, in->scratch, &o->old);
        if (r >= 0)
                r = open_content(&o->new_head, try->new, in->n_new, in->scratch, &o->new);
        return r < 0 ? r
                     : swb_segments_read(in->blob + o->head.n_bytes, in->n_blob - o->head.n_bytes,
                                         o->n_new, &o->segments);
}

/* The parts of a segment are those that make its piece of the target; one of SWD1 has none. */
static int remake_segment(const struct swb_try *try, struct opening *o, size_t number,
                          uint64_t begin, size_t *part)
{
        uint64_t n_target = o->segments.items[number].n_target;
        struct swb_swd2_part all = {.n_source = o->n_old, .target = begin, .n_target = n_target};
        const struct swb_swd2_part *parts = &all;
        size_t n = 1;

        if (*part < try->parts->n && try->parts->items[*part].target == begin) {
                parts = &try->parts->items[*part];
                for (n = 0;
                     *part < try->parts->n && try->parts->items[*part].target < begin + n_target;
                     n++)
                        ++*part;
        }
        o->patches[number] = SWB_BUF_INIT(SIZE_MAX);
        return make(parts, n, o->old, o->new, &o->patches[number]);
}

static int remake(const struct swb_try *try, struct opening *o, struct swb_buf *blob)
{
        uint64_t begin = 0;
        size_t part = 0;
        int r = swb_buf_append(blob, try->input->blob, o->head.n_bytes);

        o->patches = calloc(o->segments.n + 1, sizeof(*o->patches));
        o->made.items = calloc(o->segments.n + 1, sizeof(*o->made.items));
        if (!o->patches || !o->made.items)
                return -ENOMEM;
        for (size_t i = 0; i < o->segments.n && r == 0; i++) {
                r = remake_segment(try, o, i, begin, &part);
                begin += o->segments.items[i].n_target;
                o->made.items[o->made.n++] = (struct swb_segment){
                        o->patches[i].data, o->patches[i].n_bytes, o->segments.items[i].n_target};
        }
        return r < 0 ? r : swb_segments_write(&o->made, blob);
}

static int try_opened(const struct swb_try *try, struct swb_costs *costs)
{
        _cleanup_(opening_done) struct opening o = {0};
        _cleanup_(swb_buf_done) struct swb_buf blob = SWB_BUF_INIT(SIZE_MAX);
        int r = open_both(try, &o);

        if (r >= 0)
                r = remake(try, &o, &blob);
        return r < 0 ? r : count(try, &blob, take_opened, costs);
}

/* ---- without anything old: each file by itself, as what replaces it would be packed */

static int try_packed(const struct swb_try *try, struct swb_costs *costs)
{
        const struct swb_runs *runs = try->runs;
        struct swb_rules rules;
        size_t i = 0;
        int r = swb_rules_init(&rules, SWB_PROFILE_SWITCHBACK, true, SWB_MINOR_DEFAULT, NULL);

        while (i < runs->n && r == 0) {
                const struct swb_share *first = &runs->items[i];
                _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(SIZE_MAX);
                enum swb_op_type type;
                uint64_t n = 0;

                for (; i < runs->n && runs->items[i].owner == first->owner; i++)
                        n += runs->items[i].n_bytes;
                r = swb_replace_encode(&rules, try->new + first->begin, (size_t)n, &type, &buf);
                costs->items[first->owner].tried.packed += buf.n_bytes;
        }
        return r;
}

int swb_try_others(const struct swb_try *try, struct swb_costs *costs)
{
        int r = try_bytes(try, costs);

        if (r == 0 && swb_open_is_wrapped(try->input->blob, try->input->n_blob))
                r = try_opened(try, costs);
        return r < 0 ? r : try_packed(try, costs);
}
