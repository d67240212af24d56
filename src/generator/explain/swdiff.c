/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/swd2.h"
#include "generator/explain/costs.h"

/* One operation, its data and its contents. */
struct operation {
        const struct swb_costs_input *in;
        const struct swb_operation *op;
        struct swb_share_input input;
        uint8_t *blob, *old, *new;
        struct swb_share *shares;
        size_t n;
        struct swb_part_list parts;
};

static void operation_done(struct operation *o)
{
        free(o->blob);
        free(o->old);
        free(o->new);
        free(o->shares);
        free(o->parts.items);
}

/* A hole is of the file in which it lies: that of the block before it. */
static size_t owner_of(const struct operation *o, const struct swb_extent *extent, uint64_t k)
{
        const struct swb_scan *scan = o->in->scan;

        if (extent->start_block == SWB_SPARSE_HOLE)
                return o->n > 0 ? o->shares[o->n - 1].owner : scan->n_files - 1;
        return extent->start_block + k < scan->image->n_blocks
                       ? scan->owner[extent->start_block + k]
                       : scan->n_files - 1;
}

/* Neighbouring blocks of one file. */
static int list_shares(struct operation *o)
{
        uint64_t at = 0;

        o->shares = calloc((size_t)(o->input.n_new / SWB_BLOCK_BYTES) + 1, sizeof(*o->shares));
        if (!o->shares)
                return -ENOMEM;
        for (size_t i = 0; i < o->op->n_dst; i++)
                for (uint64_t k = 0; k < o->op->dst[i].n_blocks; k++, at += SWB_BLOCK_BYTES) {
                        size_t owner = owner_of(o, &o->op->dst[i], k);

                        if (o->n == 0 || o->shares[o->n - 1].owner != owner)
                                o->shares[o->n++] = (struct swb_share){.owner = owner, .begin = at};
                        o->shares[o->n - 1].n_bytes += SWB_BLOCK_BYTES;
                }
        return 0;
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

static int load(struct operation *o, struct swb_error *err)
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
        if (r == 0 && o->in->try_plain)
                r = read_image(o->in->scan->image, op->dst, op->n_dst, o->input.n_new, &o->new,
                               err);
        o->input.old = o->old;
        if (r < 0)
                return r;
        return list_shares(o) < 0 ? swb_oom(err) : 0;
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

        cost->blocks += share->n_bytes / SWB_BLOCK_BYTES;
        cost->fresh_blocks += share->n_bytes / SWB_BLOCK_BYTES;
        cost->bytes += share->bytes;
        cost->by[transform_of(share)] += share->bytes;
        cost->fields += share->fields;
        cost->right += share->right;
        cost->n_stored += share->n_stored;
        cost->n_opened += share->n_opened;
        cost->encoders |= share->encoders;
        cost->depth = SWB_MAX(cost->depth, share->depth);
}

/* ---- the same, byte by byte */

/* What parts there were, if the contents were not opened: positions are those of the files. */
static int make_plain(const struct operation *o, struct swb_buf *patch)
{
        const struct swb_swd2_part all = {.n_source = o->input.n_old, .n_target = o->input.n_new};
        bool is_opened = swb_open_is_wrapped(o->blob, o->input.n_blob) || o->parts.n == 0;
        const struct swb_swd2_part *parts = is_opened ? &all : o->parts.items;
        size_t n = is_opened ? 1 : o->parts.n;
        _cleanup_(swb_swd2_done) struct swb_swd2 swd2;
        int r = 0;

        swb_swd2_init(&swd2, SWB_SWD2_BYTES, SWB_PATCH_MEMORY_BYTES);
        for (size_t i = 0; i < n && r == 0; i++)
                r = swb_swd2_add(&swd2, o->old + parts[i].source, (size_t)parts[i].n_source,
                                 parts[i].source, o->new + parts[i].target,
                                 (size_t)parts[i].n_target);
        return r < 0 ? r : swb_swd2_write(&swd2, patch);
}

static int add_plain(struct operation *o, struct swb_costs *costs)
{
        _cleanup_(swb_buf_done) struct swb_buf patch = SWB_BUF_INIT(SIZE_MAX);
        struct swb_share_input input = o->input;
        int r = make_plain(o, &patch);

        for (size_t i = 0; i < o->n; i++)
                o->shares[i] = (struct swb_share){.owner = o->shares[i].owner,
                                                  .begin = o->shares[i].begin,
                                                  .n_bytes = o->shares[i].n_bytes};
        input.blob = patch.data;
        input.n_blob = patch.n_bytes;
        if (r == 0)
                r = swb_shares_count(&input, o->shares, o->n, NULL, NULL, NULL);
        for (size_t i = 0; i < o->n && r == 0; i++)
                costs->items[o->shares[i].owner].plain_bytes += o->shares[i].bytes;
        return r;
}

int swb_costs_add_swdiff(const struct swb_costs_input *in, const struct swb_operation *op,
                         struct swb_costs *costs, struct swb_error *err)
{
        _cleanup_(operation_done) struct operation o = {.in = in, .op = op};
        struct swb_device_cost device;
        int r = load(&o, err);

        if (r < 0)
                return r;
        r = swb_shares_count(&o.input, o.shares, o.n, &device, &costs->kinds, &o.parts);
        if (r < 0)
                return swb_fail(err, r, r == -ENOMEM ? SWB_FAULT_NO_MEMORY : SWB_FAULT_FORMAT,
                                "its difference can't be decoded; is the old image the one that "
                                "the payload was made from?");
        swb_device_cost_add(&costs->device, &device);
        for (size_t i = 0; i < o.n; i++) {
                add_share(costs, &o.shares[i]);
                costs->is_guessed |= !in->old && o.shares[i].n_predicted > 0;
        }
        r = in->try_plain ? add_plain(&o, costs) : 0;
        return r < 0 ? swb_fail_errno(err, r, "compare byte by byte") : 0;
}
