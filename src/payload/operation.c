/* SPDX-License-Identifier: Apache-2.0 */
#include "payload/manifest.h"

enum {
        OP_TYPE = 1,
        OP_DATA_OFFSET = 2,
        OP_DATA_LENGTH = 3,
        OP_SRC_EXTENTS = 4,
        OP_SRC_LENGTH = 5,
        OP_DST_EXTENTS = 6,
        OP_DST_LENGTH = 7,
        OP_DATA_HASH = 8,
        OP_SRC_HASH = 9,
        OP_DST_HASH = 16,
        OP_DST_TAGS = 17,
};

static const struct swb_wire_known op_fields[] = {
        {OP_TYPE, SWB_WIRE_VARINT},        {OP_DATA_OFFSET, SWB_WIRE_VARINT},
        {OP_DATA_LENGTH, SWB_WIRE_VARINT}, {OP_SRC_EXTENTS, SWB_WIRE_BYTES, .repeated = true},
        {OP_SRC_LENGTH, SWB_WIRE_VARINT},  {OP_DST_EXTENTS, SWB_WIRE_BYTES, .repeated = true},
        {OP_DST_LENGTH, SWB_WIRE_VARINT},  {OP_DATA_HASH, SWB_WIRE_BYTES},
        {OP_SRC_HASH, SWB_WIRE_BYTES},     {OP_DST_HASH, SWB_WIRE_BYTES},
        {OP_DST_TAGS, SWB_WIRE_BYTES},     {0},
};

#define PARTITION_OPERATIONS 8

static const struct swb_wire_known only_operations[] = {
        {PARTITION_OPERATIONS, SWB_WIRE_BYTES, .repeated = true},
        {0},
};

/* Makes room for one more. */
static int grow_extents(struct swb_extent **extents, size_t n, size_t *cap, struct swb_error *err)
{
        size_t new_cap = SWB_MIN(SWB_MAX(2 * n, (size_t)8), (size_t)SWB_EXTENTS_MAX);
        struct swb_extent *bigger;

        if (n < *cap)
                return 0;
        if (n == SWB_EXTENTS_MAX)
                return swb_fail(err, -E2BIG, SWB_FAULT_LIMIT, "more than %u extents",
                                SWB_EXTENTS_MAX);
        bigger = reallocarray(*extents, new_cap, sizeof(**extents));
        if (!bigger)
                return swb_oom(err);
        *extents = bigger;
        *cap = new_cap;
        return 0;
}

static int add_extent(const struct swb_wire_field *field, struct swb_extent **extents, size_t *n,
                      size_t *cap, struct swb_error *err)
{
        int r;

        r = grow_extents(extents, *n, cap, err);
        if (r >= 0)
                r = swb_wire_extent(field, &(*extents)[*n], err);
        if (r < 0)
                return r;
        (*n)++;
        return 0;
}

static int take_op_field(struct swb_op_walk *walk, const struct swb_wire *wire,
                         const struct swb_wire_field *f, struct swb_error *err)
{
        struct swb_operation *op = &walk->operation;

        switch (f->number) {
        case OP_TYPE:
                return swb_wire_u32(wire, f, &op->type, err);
        case OP_DATA_OFFSET:
                op->data_offset = f->value;
                return 0;
        case OP_DATA_LENGTH:
                op->data_length = f->value;
                return 0;
        case OP_SRC_EXTENTS:
                return add_extent(f, &op->src, &op->n_src, &walk->cap_src, err);
        case OP_SRC_LENGTH:
                op->src_length = f->value;
                return 0;
        case OP_DST_EXTENTS:
                return add_extent(f, &op->dst, &op->n_dst, &walk->cap_dst, err);
        case OP_DST_LENGTH:
                op->dst_length = f->value;
                return 0;
        case OP_DATA_HASH:
                op->has_data_hash = true;
                return swb_wire_hash(wire, f, op->data_hash, err);
        case OP_DST_HASH:
                op->has_dst_hash = true;
                return swb_wire_hash(wire, f, op->dst_hash, err);
        case OP_DST_TAGS:
                op->tags = f->data;
                op->n_tag_bytes = f->n_bytes;
                return 0;
        default:
                op->has_src_hash = true;
                return swb_wire_hash(wire, f, op->src_hash, err);
        }
}

static int parse_operation(struct swb_op_walk *walk, const struct swb_wire_field *field,
                           struct swb_error *err)
{
        struct swb_wire wire = SWB_WIRE("InstallOperation", op_fields, field->data, field->n_bytes);
        struct swb_wire_field f;
        int r;

        walk->operation = (struct swb_operation){
                .src = walk->operation.src,
                .dst = walk->operation.dst,
        };
        while ((r = swb_wire_next(&wire, &f, err)) > 0) {
                r = take_op_field(walk, &wire, &f, err);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        return swb_wire_require(&wire, OP_TYPE, "type", err);
}

static void enter_partition(struct swb_op_walk *walk, size_t partition)
{
        walk->partition = partition;
        walk->wire =
                SWB_WIRE("PartitionUpdate", only_operations, walk->view->partitions[partition].data,
                         walk->view->partitions[partition].n_bytes);
}

void swb_op_walk_init(struct swb_op_walk *walk, const struct swb_manifest *manifest,
                      const struct swb_manifest_view *view)
{
        *walk = (struct swb_op_walk){.manifest = manifest, .view = view};
        enter_partition(walk, 0);
}

void swb_op_walk_done(struct swb_op_walk *walk)
{
        free(walk->operation.src);
        free(walk->operation.dst);
        *walk = (struct swb_op_walk){0};
}

void swb_op_walk_rewind(struct swb_op_walk *walk)
{
        walk->n_done = walk->number = 0;
        enter_partition(walk, 0);
}

int swb_op_walk_next(struct swb_op_walk *walk, struct swb_error *err)
{
        struct swb_wire_field f;
        int r;

        while ((r = swb_wire_next(&walk->wire, &f, err)) == 0) {
                if (walk->partition + 1 >= walk->manifest->n_partitions)
                        return 0;
                enter_partition(walk, walk->partition + 1);
        }
        if (r > 0)
                r = parse_operation(walk, &f, err);
        if (r < 0)
                return swb_wrap(err, r, "partition '%s', operation %zu",
                                walk->manifest->partitions[walk->partition].name, walk->n_done);
        walk->number = walk->n_done++;
        return 1;
}
