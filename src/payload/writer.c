/* SPDX-License-Identifier: Apache-2.0 */
#include "payload/writer.h"

#include "base/endian.h"
#include "payload/manifest.h"

#define MINOR_WIDE_OFFSETS                                                                         \
        6 /* from here on clients read 64 bits of data_offset and data_length                      \
           */

#define MINOR_SOURCE_HASH 3 /* older clients do not know src_sha256_hash */

/* Protocol buffers, the writing half. Buffers have no useful ceiling but the manifest's own. */

static int put_varint(struct swb_buf *buf, uint64_t value)
{
        uint8_t raw[10];
        size_t n = 0;

        for (; value >= 0x80; value >>= 7)
                raw[n++] = (uint8_t)(value | 0x80);
        raw[n++] = (uint8_t)value;
        return swb_buf_append(buf, raw, n);
}

static int put_number(struct swb_buf *buf, unsigned field, uint64_t value)
{
        int r;

        r = put_varint(buf, field << 3 | SWB_WIRE_VARINT);
        return r < 0 ? r : put_varint(buf, value);
}

static int put_bytes(struct swb_buf *buf, unsigned field, const void *data, size_t n)
{
        int r;

        r = put_varint(buf, field << 3 | SWB_WIRE_BYTES);
        if (r >= 0)
                r = put_varint(buf, n);
        return r < 0 ? r : swb_buf_append(buf, data, n);
}

static int put_text(struct swb_buf *buf, unsigned field, const char *text)
{
        return *text ? put_bytes(buf, field, text, strlen(text)) : 0;
}

static int put_extents(struct swb_buf *buf, unsigned field, const struct swb_extent *extents,
                       size_t n)
{
        int r = 0;

        for (size_t i = 0; i < n && r >= 0; i++) {
                uint8_t memory[32];
                struct swb_buf one = {
                        .data = memory, .cap = sizeof(memory), .max_bytes = sizeof(memory)};

                r = put_number(&one, 1, extents[i].start_block);
                if (r >= 0)
                        r = put_number(&one, 2, extents[i].n_blocks);
                if (r >= 0)
                        r = put_bytes(buf, field, one.data, one.n_bytes);
        }
        return r;
}

static int put_operation(struct swb_buf *buf, const struct swb_operation *op)
{
        int r;

        r = put_number(buf, 1, op->type);
        if (r >= 0 && swb_op_has_data(op->type))
                r = put_number(buf, 2, op->data_offset);
        if (r >= 0 && swb_op_has_data(op->type))
                r = put_number(buf, 3, op->data_length);
        if (r >= 0)
                r = put_extents(buf, 4, op->src, op->n_src);
        if (r >= 0 && op->src_length > 0)
                r = put_number(buf, 5, op->src_length);
        if (r >= 0)
                r = put_extents(buf, 6, op->dst, op->n_dst);
        if (r >= 0 && op->dst_length > 0)
                r = put_number(buf, 7, op->dst_length);
        if (r >= 0 && op->has_data_hash)
                r = put_bytes(buf, 8, op->data_hash, sizeof(op->data_hash));
        if (r >= 0 && op->has_src_hash)
                r = put_bytes(buf, 9, op->src_hash, sizeof(op->src_hash));
        if (r >= 0 && op->has_dst_hash)
                r = put_bytes(buf, 16, op->dst_hash, sizeof(op->dst_hash));
        if (r >= 0 && op->n_tag_bytes > 0)
                r = put_bytes(buf, 17, op->tags, op->n_tag_bytes);
        return r;
}

static int put_operations(struct swb_buf *buf, const struct swb_operation *operations, size_t n)
{
        _cleanup_(swb_buf_done) struct swb_buf one = SWB_BUF_INIT(SWB_MANIFEST_MAX_BYTES);
        int r = 0;

        for (size_t i = 0; i < n && r >= 0; i++) {
                swb_buf_reset(&one);
                r = put_operation(&one, &operations[i]);
                if (r >= 0)
                        r = put_bytes(buf, 8, one.data, one.n_bytes);
        }
        return r;
}

static int put_info(struct swb_buf *buf, unsigned field, uint64_t n_bytes, const uint8_t *hash)
{
        uint8_t memory[64];
        struct swb_buf one = {.data = memory, .cap = sizeof(memory), .max_bytes = sizeof(memory)};
        int r;

        r = put_number(&one, 1, n_bytes);
        if (r >= 0)
                r = put_bytes(&one, 2, hash, 32);
        return r < 0 ? r : put_bytes(buf, field, one.data, one.n_bytes);
}

static int put_tree(struct swb_buf *buf, const struct swb_hash_tree *tree)
{
        int r = put_extents(buf, 10, &tree->data, 1);

        if (r >= 0)
                r = put_extents(buf, 11, &tree->tree, 1);
        if (r >= 0)
                r = put_text(buf, 12, tree->algorithm);
        return r < 0 || tree->n_salt == 0 ? r : put_bytes(buf, 13, tree->salt, tree->n_salt);
}

static int put_fec(struct swb_buf *buf, const struct swb_error_correction *fec)
{
        int r = put_extents(buf, 14, &fec->covered, 1);

        if (r >= 0)
                r = put_extents(buf, 15, &fec->fec, 1);
        return r < 0 ? r : put_number(buf, 16, fec->roots);
}

static int put_partition(struct swb_buf *buf, const struct swb_partition *p,
                         const struct swb_operation *operations)
{
        int r;

        r = put_text(buf, 1, p->name);
        if (r >= 0 && p->run_postinstall)
                r = put_number(buf, 2, 1);
        if (r >= 0)
                r = put_text(buf, 3, p->postinstall_path);
        if (r >= 0)
                r = put_text(buf, 4, p->filesystem_type);
        if (r >= 0 && p->has_old)
                r = put_info(buf, 6, p->old_bytes, p->old_hash);
        if (r >= 0 && p->has_new)
                r = put_info(buf, 7, p->new_bytes, p->new_hash);
        if (r >= 0)
                r = put_operations(buf, operations, p->n_operations);
        if (r >= 0 && p->postinstall_optional)
                r = put_number(buf, 9, 1);
        if (r >= 0 && p->has_tree)
                r = put_tree(buf, &p->tree);
        if (r >= 0 && p->has_fec)
                r = put_fec(buf, &p->fec);
        return r < 0 ? r : put_text(buf, 17, p->version);
}

static int put_partitions(struct swb_buf *buf, const struct swb_manifest *m,
                          const struct swb_operation *const *operations)
{
        _cleanup_(swb_buf_done) struct swb_buf one = SWB_BUF_INIT(SWB_MANIFEST_MAX_BYTES);
        int r = 0;

        for (size_t i = 0; i < m->n_partitions && r >= 0; i++) {
                swb_buf_reset(&one);
                r = put_partition(&one, &m->partitions[i], operations[i]);
                if (r >= 0)
                        r = put_bytes(buf, 13, one.data, one.n_bytes);
        }
        return r;
}

static int put_needs(struct swb_buf *buf, const struct swb_needs *needs)
{
        uint8_t memory[256];
        struct swb_buf one = {.data = memory, .cap = sizeof(memory), .max_bytes = sizeof(memory)};
        int r = put_text(&one, 1, needs->encoders);

        if (r >= 0)
                r = put_number(&one, 2, needs->memory_bytes);
        if (r >= 0)
                r = put_number(&one, 3, needs->scratch_bytes);
        return r < 0 ? r : put_bytes(buf, 40, one.data, one.n_bytes);
}

static int put_manifest(struct swb_buf *buf, const struct swb_manifest *m,
                        const struct swb_operation *const *operations, uint32_t n_signature_bytes)
{
        int r;

        r = put_number(buf, 3, m->block_size);
        if (r >= 0 && n_signature_bytes > 0)
                r = put_number(buf, 4, m->signatures_offset);
        if (r >= 0 && n_signature_bytes > 0)
                r = put_number(buf, 5, n_signature_bytes);
        if (r >= 0)
                r = put_number(buf, 12, m->minor);
        if (r >= 0)
                r = put_partitions(buf, m, operations);
        if (r >= 0 && m->max_timestamp != 0)
                r = put_number(buf, 14, (uint64_t)m->max_timestamp);
        if (r >= 0 && m->partial_update)
                r = put_number(buf, 16, 1);
        if (r >= 0 && *m->needs.encoders)
                r = put_needs(buf, &m->needs);
        return r;
}

/* What binds writers only. PF-33: clients of the older shared minor versions keep the lower half of
 * an offset. PF-39: a patch on another source than its own makes rubbish. */
static int check_operation(const struct swb_manifest *m, const struct swb_operation *op,
                           struct swb_error *err)
{
        if (m->minor < MINOR_WIDE_OFFSETS && op->data_offset > UINT32_MAX)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                "payload above 4 GiB in minor version %u", m->minor);
        if (m->minor >= MINOR_SOURCE_HASH && swb_op_has_data(op->type) &&
            swb_op_has_source(op->type) && !op->has_src_hash)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT, "%s without src_sha256_hash",
                                swb_op_to_string(op->type));
        return 0;
}

static int check_operations(const struct swb_manifest *m,
                            const struct swb_operation *const *operations, struct swb_error *err)
{
        int r = 0;

        for (size_t i = 0; i < m->n_partitions; i++)
                for (size_t k = 0; k < m->partitions[i].n_operations && r >= 0; k++)
                        r = check_operation(m, &operations[i][k], err);
        return r;
}

/* What was written is read back by the rules that a reader holds, so no rule stands here twice. */
static int check_written(const struct swb_buf *manifest, struct swb_error *err)
{
        _cleanup_free_ struct swb_manifest *m = malloc(sizeof(*m));
        struct swb_manifest_view view;
        int r;

        if (!m)
                return swb_oom(err);
        r = swb_manifest_parse(manifest->data, manifest->n_bytes, m, &view, err);
        if (r < 0)
                return r;
        return swb_manifest_check(m, &view, SWB_MANIFEST_TO_INSPECT, err);
}

static int fail_append(int r, struct swb_error *err)
{
        if (r == -E2BIG)
                return swb_fail(err, r, SWB_FAULT_LIMIT, "manifest of more than %u bytes",
                                SWB_MANIFEST_MAX_BYTES);
        return swb_fail_errno(err, r, "write the manifest");
}

static int append_header(struct swb_buf *buf, size_t n_manifest, uint32_t n_signature_bytes)
{
        uint8_t header[SWB_PAYLOAD_HEADER_BYTES] = SWB_PAYLOAD_MAGIC;

        swb_put_be64(header + 4, SWB_PAYLOAD_MAJOR);
        swb_put_be64(header + 12, n_manifest);
        swb_put_be32(header + 20, n_signature_bytes);
        return swb_buf_append(buf, header, sizeof(header));
}

int swb_manifest_write(const struct swb_manifest *manifest,
                       const struct swb_operation *const *operations, uint32_t n_signature_bytes,
                       struct swb_buf *buf, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf bytes = SWB_BUF_INIT(SWB_MANIFEST_MAX_BYTES);
        size_t start = buf->n_bytes;
        int r;

        r = check_operations(manifest, operations, err);
        if (r < 0)
                return r;
        r = put_manifest(&bytes, manifest, operations, n_signature_bytes);
        if (r < 0)
                return fail_append(r, err);
        r = check_written(&bytes, err);
        if (r < 0)
                return r;
        r = append_header(buf, bytes.n_bytes, n_signature_bytes);
        if (r >= 0)
                r = swb_buf_append(buf, bytes.data, bytes.n_bytes);
        if (r < 0) {
                buf->n_bytes = start;
                return fail_append(r, err);
        }
        return 0;
}

static int put_signature(struct swb_buf *buf, const struct swb_signature *signature,
                         size_t n_padded, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf one = SWB_BUF_INIT(SWB_SIGNATURES_MAX_BYTES);
        _cleanup_free_ uint8_t *padded = NULL;
        uint8_t unpadded[5] = {3 << 3 | SWB_WIRE_FIXED32};
        int r;

        if (signature->n_bytes == 0 || signature->n_bytes > n_padded)
                return swb_fail(err, -EINVAL, SWB_FAULT_FORMAT,
                                "signature of %zu bytes, to be padded to %zu", signature->n_bytes,
                                n_padded);
        padded = calloc(1, n_padded);
        if (!padded)
                return swb_oom(err);
        memcpy(padded, signature->data, signature->n_bytes);
        swb_put_le32(unpadded + 1, (uint32_t)signature->n_bytes);
        r = put_bytes(&one, 2, padded, n_padded);
        if (r >= 0)
                r = swb_buf_append(&one, unpadded, sizeof(unpadded));
        if (r >= 0)
                r = put_bytes(buf, 1, one.data, one.n_bytes);
        return r < 0 ? swb_fail(err, r, r == -E2BIG ? SWB_FAULT_LIMIT : SWB_FAULT_NO_MEMORY,
                                "write %zu bytes of signature", n_padded)
                     : 0;
}

int swb_signatures_write(const struct swb_signature *signatures, const size_t *n_padded, size_t n,
                         struct swb_buf *buf, struct swb_error *err)
{
        size_t start = buf->n_bytes;
        int r = 0;

        for (size_t i = 0; i < n && r >= 0; i++)
                r = put_signature(buf, &signatures[i], n_padded[i], err);
        if (r >= 0 && buf->n_bytes - start > SWB_SIGNATURES_MAX_BYTES)
                r = swb_fail(err, -E2BIG, SWB_FAULT_LIMIT, "more than %u bytes of signatures",
                             SWB_SIGNATURES_MAX_BYTES);
        if (r < 0)
                buf->n_bytes = start;
        return r;
}
