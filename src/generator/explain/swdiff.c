/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/explain/try.h"

/* One operation, its data and its contents. */
struct operation {
        const struct swb_costs_input *in;
        const struct swb_operation *op;
        struct swb_share_input input;
        uint8_t *blob, *old, *new;
        struct swb_runs runs;
        struct swb_part_list parts;
};

static void operation_done(struct operation *o)
{
        free(o->blob);
        free(o->old);
        free(o->new);
        swb_runs_done(&o->runs);
        free(o->parts.items);
}

static int read_image(const struct swb_image *image, const struct swb_extent *extents, size_t n,
                      uint64_t n_bytes, uint8_t **ret, struct swb_error *err)
{
        for (size_t i = 0; i < n; i++)
                if (extents[i].start_block != SWB_SPARSE_HOLE &&
                    (extents[i].start_block > image->n_blocks ||
                     extents[i].n_blocks > image->n_blocks - extents[i].start_block))
                        return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                        "it reads or writes outside of '%s'", image->path);
        *ret = malloc((size_t)n_bytes + 1);
        return *ret ? swb_image_read_extents(image, extents, n, *ret, err) : swb_oom(err);
}

static int load(struct operation *o, struct swb_classes *classes, struct swb_error *err)
{
        const struct swb_operation *op = o->op;
        int r = swb_blob_read(o->in->file, op, &o->blob, err);

        o->input = (struct swb_share_input){
                .blob = o->blob,
                .n_blob = (size_t)op->data_length,
                .n_old = swb_extents_blocks(op->src, op->n_src) * SWB_BLOCK_BYTES,
                .n_new = swb_extents_blocks(op->dst, op->n_dst) * SWB_BLOCK_BYTES,
                .scratch = o->in->scratch};
        if (r == 0 && o->in->old)
                r = read_image(o->in->old, op->src, op->n_src, o->input.n_old, &o->old, err);
        if (r == 0 && o->in->try_others)
                r = read_image(o->in->scan->image, op->dst, op->n_dst, o->input.n_new, &o->new,
                               err);
        o->input.old = o->old;
        if (r < 0)
                return r;
        return swb_runs_list(classes, op->dst, op->n_dst, &o->runs, err);
}

static enum swb_transform transform_of(const struct swb_share *share)
{
        bool is_predicted = share->n_predicted > (double)share->n_bytes / 2;

        if (share->depth > 1)
                return SWB_TRANSFORM_NESTED;
        if (share->depth > 0 && share->n_stored > (double)share->n_bytes / 2)
                return is_predicted ? SWB_TRANSFORM_OPENED_PREDICTED : SWB_TRANSFORM_OPENED;
        return is_predicted ? SWB_TRANSFORM_PREDICTED : SWB_TRANSFORM_BYTES;
}

static void add_share(struct swb_costs *costs, const struct swb_share *share)
{
        struct swb_file_cost *cost = &costs->items[share->owner];

        cost->bytes += share->bytes;
        cost->by[transform_of(share)] += share->bytes;
        cost->fields += share->fields;
        cost->right += share->right;
        cost->n_stored += share->n_stored;
        cost->n_opened += share->n_opened;
        cost->encoders |= share->encoders;
        cost->depth = SWB_MAX(cost->depth, share->depth);
}

/* A block is that of the run in which it begins. */
static void count_blocks(struct swb_costs *costs, const struct swb_share *share)
{
        uint64_t first = (share->begin + SWB_BLOCK_BYTES - 1) / SWB_BLOCK_BYTES;
        uint64_t end = (share->begin + share->n_bytes + SWB_BLOCK_BYTES - 1) / SWB_BLOCK_BYTES;

        costs->items[share->owner].blocks += end - first;
        costs->items[share->owner].fresh_blocks += end - first;
}

static void add_shares(const struct operation *o, const struct swb_classes *classes,
                       struct swb_costs *costs)
{
        for (size_t i = 0; i < o->runs.n; i++) {
                const struct swb_share *share = &o->runs.items[i];

                add_share(costs, share);
                count_blocks(costs, share);
                swb_account_add_share(costs->account, classes->sorts[share->owner].class, share);
                costs->is_guessed |= !o->in->old && share->n_predicted > 0;
        }
}

int swb_costs_add_swdiff(const struct swb_costs_input *in, const struct swb_operation *op,
                         struct swb_classes *classes, struct swb_costs *costs,
                         struct swb_error *err)
{
        _cleanup_(operation_done) struct operation o = {.in = in, .op = op};
        struct swb_try try = {.input = &o.input, .runs = &o.runs, .parts = &o.parts};
        struct swb_device_cost device;
        int r = load(&o, classes, err);

        if (r < 0)
                return r;
        r = swb_shares_count(&o.input, o.runs.items, o.runs.n, &device, &costs->kinds, &o.parts);
        if (r < 0)
                return swb_fail(err, r, r == -ENOMEM ? SWB_FAULT_NO_MEMORY : SWB_FAULT_FORMAT,
                                "its difference can't be decoded; is the old image the one that "
                                "the payload was made from?");
        add_shares(&o, classes, costs);
        swb_costs_add_device(costs, &o.runs, &device);
        if (!in->try_others)
                return 0;
        try.new = o.new;
        r = swb_try_others(&try, costs);
        return r < 0 ? swb_fail_errno(err, r, "make the difference in other ways") : 0;
}
