/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of docs/spec/payload.md for operations, one function a clause or two. */
#include "payload/manifest.h"

#define SOURCE_READS_MAX 64u
#define MINOR_NO_LENGTHS 4 /* from here on src_length and dst_length are gone */

struct checker {
        const struct swb_manifest *manifest;
        enum swb_manifest_strictness strictness;
        uint64_t next_data; /* offset at which the next blob must begin */
        /* Blocks, per partition: */
        uint64_t n_written[SWB_PARTITIONS_MAX];
        uint64_t n_dropped[SWB_PARTITIONS_MAX]; /* into holes */
        uint64_t n_read[SWB_PARTITIONS_MAX];    /* of the source */
};

static uint64_t blocks_of(uint64_t n_bytes)
{
        return n_bytes / SWB_BLOCK_BYTES + (n_bytes % SWB_BLOCK_BYTES != 0);
}

/* PF-30 */
static int check_type(const struct checker *c, const struct swb_operation *op,
                      struct swb_error *err)
{
        const char *name = swb_op_to_string(op->type);

        if (!swb_op_allowed(op->type, c->manifest->minor))
                return swb_fail(err, -EPROTONOSUPPORT, SWB_FAULT_UNSUPPORTED,
                                "type %u (%s) is not one of minor version %u", op->type, name,
                                c->manifest->minor);
        if (c->strictness == SWB_MANIFEST_TO_APPLY && !swb_op_supported(op->type))
                return swb_fail(err, -EPROTONOSUPPORT, SWB_FAULT_UNSUPPORTED,
                                "type %u (%s) can't be applied by this version of Switchback",
                                op->type, name);
        return 0;
}

/* PF-31 */
static int check_extents(const char *side, const struct swb_extent *extents, size_t n,
                         uint64_t partition_bytes, struct swb_error *err)
{
        uint64_t n_blocks = blocks_of(partition_bytes);

        for (size_t i = 0; i < n; i++) {
                const struct swb_extent *e = &extents[i];

                if (e->n_blocks == 0)
                        return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT, "%s extent %zu is empty",
                                        side, i);
                if (e->start_block == SWB_SPARSE_HOLE && e->n_blocks <= n_blocks)
                        continue;
                if (e->start_block > n_blocks || e->n_blocks > n_blocks - e->start_block)
                        return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                        "%s extent %zu (%ju blocks at %ju) lies outside the "
                                        "partition of %ju blocks",
                                        side, i, (uintmax_t)e->n_blocks, (uintmax_t)e->start_block,
                                        (uintmax_t)n_blocks);
        }
        return 0;
}

/* PF-32: source extents exactly where the type reads a source. */
static int check_source(const struct swb_partition *p, const struct swb_operation *op,
                        struct swb_error *err)
{
        if (!swb_op_has_source(op->type)) {
                if (op->n_src > 0 || op->has_src_hash)
                        return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                        "%s with source extents or source hash",
                                        swb_op_to_string(op->type));
                return 0;
        }
        if (!p->has_old || op->n_src == 0)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT, "%s without %s",
                                swb_op_to_string(op->type),
                                p->has_old ? "source extents" : "an old_partition_info");
        return check_extents("source", op->src, op->n_src, p->old_bytes, err);
}

/* PF-33: blobs lie end to end in the order of the operations, each with its hash. */
static int check_blob(struct checker *c, const struct swb_operation *op, struct swb_error *err)
{
        const char *name = swb_op_to_string(op->type);

        if (!swb_op_has_data(op->type)) {
                if (op->data_length != 0 || op->data_offset != 0 || op->has_data_hash)
                        return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT, "%s with data", name);
                return 0;
        }
        if (op->data_length == 0)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT, "%s without data", name);
        if (op->data_length > SWB_OPERATION_DATA_MAX_BYTES)
                return swb_fail(err, -E2BIG, SWB_FAULT_LIMIT, "%ju bytes of data, at most %u",
                                (uintmax_t)op->data_length, SWB_OPERATION_DATA_MAX_BYTES);
        if (!op->has_data_hash)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT, "data_sha256_hash is missing");
        if (op->data_offset != c->next_data)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                "data at offset %ju, the blob before ends at %ju",
                                (uintmax_t)op->data_offset, (uintmax_t)c->next_data);
        c->next_data += op->data_length;
        return 0;
}

/* Whole blocks, the last of which may be begun only. */
static bool fills_blocks(uint64_t n_bytes, uint64_t n_blocks)
{
        return n_bytes <= n_blocks * SWB_BLOCK_BYTES && blocks_of(n_bytes) == n_blocks;
}

/* PF-34 */
static int check_size(const struct swb_operation *op, struct swb_error *err)
{
        uint64_t n_dst = swb_extents_blocks(op->dst, op->n_dst);
        uint64_t n_src = swb_extents_blocks(op->src, op->n_src);

        if (op->type == SWB_OP_SOURCE_COPY && n_src != n_dst)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT, "copies %ju blocks to %ju blocks",
                                (uintmax_t)n_src, (uintmax_t)n_dst);
        if (op->type == SWB_OP_REPLACE && !fills_blocks(op->data_length, n_dst))
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT, "%ju bytes of data for %ju blocks",
                                (uintmax_t)op->data_length, (uintmax_t)n_dst);
        if (op->type != SWB_OP_REPLACE && swb_op_has_data(op->type) &&
            op->data_length >= n_dst * SWB_BLOCK_BYTES)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                "%ju bytes of data make only %ju blocks: not smaller than REPLACE",
                                (uintmax_t)op->data_length, (uintmax_t)n_dst);
        return 0;
}

/* PF-35: what the first deltas said about the bytes in the last block. */
static int check_lengths(const struct checker *c, const struct swb_operation *op,
                         struct swb_error *err)
{
        uint64_t n_dst = swb_extents_blocks(op->dst, op->n_dst);
        uint64_t n_src = swb_extents_blocks(op->src, op->n_src);

        if (op->src_length == 0 && op->dst_length == 0)
                return 0;
        if (op->type != SWB_OP_SOURCE_BSDIFF || c->manifest->minor >= MINOR_NO_LENGTHS)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                "src_length or dst_length on %s in minor version %u",
                                swb_op_to_string(op->type), c->manifest->minor);
        if ((op->src_length != 0 && !fills_blocks(op->src_length, n_src)) ||
            (op->dst_length != 0 && !fills_blocks(op->dst_length, n_dst)))
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                "src_length %ju or dst_length %ju does not fit its extents",
                                (uintmax_t)op->src_length, (uintmax_t)op->dst_length);
        return 0;
}

/* PF-90, PF-91: a piece tells what it makes. */
static int check_piece(const struct checker *c, const struct swb_operation *op,
                       struct swb_error *err)
{
        uint64_t n_dst = swb_extents_blocks(op->dst, op->n_dst);

        if (c->manifest->minor != SWB_MINOR_PIECES || !swb_op_has_data(op->type))
                return 0;
        if (n_dst > SWB_PIECE_MAX_BYTES / SWB_BLOCK_BYTES)
                return swb_fail(err, -E2BIG, SWB_FAULT_LIMIT, "piece of %ju blocks, at most %u",
                                (uintmax_t)n_dst, SWB_PIECE_MAX_BYTES / SWB_BLOCK_BYTES);
        for (size_t i = 0; i < op->n_dst; i++)
                if (op->dst[i].start_block == SWB_SPARSE_HOLE)
                        return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT, "piece with a hole");
        if (!op->has_dst_hash || op->n_tag_bytes != n_dst * SWB_TAG_BYTES)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                "piece of %ju blocks with %s hash and %zu bytes of tags",
                                (uintmax_t)n_dst, op->has_dst_hash ? "a" : "no", op->n_tag_bytes);
        return 0;
}

/* PF-38: a few bytes of manifest must not keep a device busy for days. The sums can't overflow:
 * each is looked at after each extent, none of which is larger than a partition. */
static int check_work(struct checker *c, size_t partition, const struct swb_operation *op,
                      struct swb_error *err)
{
        const struct swb_partition *p = &c->manifest->partitions[partition];
        uint64_t n_new = blocks_of(p->new_bytes);
        uint64_t most = SOURCE_READS_MAX * (blocks_of(p->old_bytes) + n_new);

        for (size_t i = 0; i < op->n_dst; i++) {
                bool hole = op->dst[i].start_block == SWB_SPARSE_HOLE;
                uint64_t *sum = hole ? &c->n_dropped[partition] : &c->n_written[partition];

                *sum += op->dst[i].n_blocks;
                if (hole && *sum > n_new)
                        return swb_fail(err, -E2BIG, SWB_FAULT_LIMIT,
                                        "more than %ju blocks, the whole partition, into holes",
                                        (uintmax_t)n_new);
        }
        for (size_t i = 0; i < op->n_src; i++) {
                c->n_read[partition] += op->src[i].n_blocks;
                if (c->n_read[partition] > most)
                        return swb_fail(err, -E2BIG, SWB_FAULT_LIMIT,
                                        "more than %ju blocks of source are read, %u times as many "
                                        "as there are",
                                        (uintmax_t)most, SOURCE_READS_MAX);
        }
        return 0;
}

static int check_operation(struct checker *c, size_t partition, const struct swb_operation *op,
                           struct swb_error *err)
{
        const struct swb_partition *p = &c->manifest->partitions[partition];
        int r;

        r = check_type(c, op, err);
        if (r >= 0 && op->n_dst == 0)
                r = swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT, "no destination extents");
        if (r >= 0)
                r = check_extents("destination", op->dst, op->n_dst, p->new_bytes, err);
        if (r >= 0)
                r = check_source(p, op, err);
        if (r >= 0)
                r = check_blob(c, op, err);
        if (r >= 0)
                r = check_size(op, err);
        if (r >= 0)
                r = check_lengths(c, op, err);
        if (r >= 0)
                r = check_piece(c, op, err);
        return r < 0 ? r : check_work(c, partition, op, err);
}

/* PF-36: no block twice; a full payload leaves none out. Only the sums are looked at: a payload
 * that gets round them ends in a target with the wrong hash. */
static int check_coverage(const struct checker *c, struct swb_error *err)
{
        const struct swb_manifest *m = c->manifest;

        for (size_t i = 0; i < m->n_partitions; i++) {
                const struct swb_partition *p = &m->partitions[i];
                uint64_t n_blocks = blocks_of(p->new_bytes);

                if (p->has_tree)
                        n_blocks -= p->tree.tree.n_blocks; /* inside the partition: checked */
                if (p->has_fec)
                        n_blocks -= p->fec.fec.n_blocks; /* and behind the tree */
                if (c->n_written[i] > n_blocks || (!p->has_old && c->n_written[i] != n_blocks))
                        return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                        "partition '%s': %ju blocks are written, it has %ju",
                                        p->name, (uintmax_t)c->n_written[i], (uintmax_t)n_blocks);
        }
        return 0;
}

/* PF-37 */
static int check_signatures_place(const struct checker *c, struct swb_error *err)
{
        const struct swb_manifest *m = c->manifest;

        if (m->signatures_offset == 0 && m->signatures_size == 0)
                return 0;
        if (m->signatures_size == 0 || m->signatures_offset != c->next_data)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                "manifest: %ju bytes of signatures at offset %ju, the last blob "
                                "ends at %ju",
                                (uintmax_t)m->signatures_size, (uintmax_t)m->signatures_offset,
                                (uintmax_t)c->next_data);
        if (m->signatures_size > SWB_SIGNATURES_MAX_BYTES)
                return swb_fail(err, -E2BIG, SWB_FAULT_LIMIT,
                                "manifest: %ju bytes of signatures, at most %u",
                                (uintmax_t)m->signatures_size, SWB_SIGNATURES_MAX_BYTES);
        return 0;
}

static int check_all_operations(struct checker *c, struct swb_op_walk *walk, struct swb_error *err)
{
        int r;

        while ((r = swb_op_walk_next(walk, err)) > 0) {
                r = check_operation(c, walk->partition, &walk->operation, err);
                if (r < 0)
                        return swb_wrap(err, r, "partition '%s', operation %zu",
                                        c->manifest->partitions[walk->partition].name,
                                        walk->number);
        }
        return r;
}

/* PF-27: what no operation writes must be something that this build can make. */
static int check_device_makes(const struct checker *c, struct swb_error *err)
{
        if (c->strictness != SWB_MANIFEST_TO_APPLY)
                return 0;
        for (size_t i = 0; i < c->manifest->n_partitions; i++) {
                const struct swb_partition *p = &c->manifest->partitions[i];

                if (p->has_tree && strcmp(p->tree.algorithm, "sha256") != 0)
                        return swb_fail(err, -EPROTONOSUPPORT, SWB_FAULT_UNSUPPORTED,
                                        "partition '%s': hash tree of algorithm '%s', only sha256 "
                                        "can be made",
                                        p->name, p->tree.algorithm);
        }
        return 0;
}

int swb_manifest_check(const struct swb_manifest *manifest, const struct swb_manifest_view *view,
                       enum swb_manifest_strictness strictness, struct swb_error *err)
{
        struct checker c = {.manifest = manifest, .strictness = strictness};
        _cleanup_(swb_op_walk_done) struct swb_op_walk walk;
        int r;

        swb_op_walk_init(&walk, manifest, view);
        r = check_device_makes(&c, err);
        if (r < 0)
                return r;
        r = check_all_operations(&c, &walk, err);
        if (r >= 0)
                r = check_coverage(&c, err);
        if (r >= 0)
                r = check_signatures_place(&c, err);
        return r;
}
