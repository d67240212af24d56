/* SPDX-License-Identifier: Apache-2.0 */
#include "payload/test_payload.h"

#include "base/test.h"

static void give_data(struct test_payload *p, struct swb_operation *op, size_t n)
{
        op->data_offset = p->n_blobs;
        op->data_length = n;
        op->has_data_hash = true;
        memset(op->data_hash, (int)(n % 251), sizeof(op->data_hash));
        p->n_blobs += n;
        assert_true(p->n_blobs <= sizeof(p->blobs));
}

static void make_partition(struct swb_partition *p, const char *name, uint64_t n_blocks,
                           size_t n_operations)
{
        (void)snprintf(p->name, sizeof(p->name), "%s", name);
        (void)snprintf(p->version, sizeof(p->version), "2.4.%ju", (uintmax_t)n_blocks);
        p->has_old = p->has_new = true;
        p->old_bytes = (n_blocks + 1) * SWB_BLOCK_BYTES;
        p->new_bytes = n_blocks * SWB_BLOCK_BYTES;
        memset(p->old_hash, 0x0d, sizeof(p->old_hash));
        memset(p->new_hash, 0x4e, sizeof(p->new_hash));
        p->n_operations = n_operations;
}

static void sign(struct test_payload *p)
{
        memset(p->signature, 0x51, sizeof(p->signature));
        p->manifest.signatures_offset = p->n_blobs;
        for (size_t i = 0; i < sizeof(p->blobs); i++)
                p->blobs[i] = (uint8_t)(i * 13);
}

void test_payload_init(struct test_payload *p, uint32_t minor)
{
        static const struct swb_extent extents[12] = {
                {3, 2},  {SWB_SPARSE_HOLE, 1}, /* copied from */
                {0, 3},                        /* copied to */
                {3, 2},                        /* REPLACE */
                {10, 5}, {5, 6},               /* BSDIFF */
                {11, 1}, {14, 2},              /* REPLACE_BZ */
                {12, 2},                       /* ZERO or REPLACE_BZ */
                {0, 2},                        /* boot */
        };

        memset(p, 0, sizeof(*p));
        memcpy(p->extents, extents, sizeof(extents));
        p->manifest.block_size = SWB_BLOCK_BYTES;
        p->manifest.minor = minor;
        p->manifest.max_timestamp = 1700000000;
        p->manifest.n_partitions = 2;
        make_partition(&p->manifest.partitions[0], "root", 20, TEST_ROOT_OPS);
        make_partition(&p->manifest.partitions[1], "boot", 2, TEST_BOOT_OPS);
        p->manifest.partitions[0].run_postinstall = true;
        (void)snprintf(p->manifest.partitions[0].postinstall_path,
                       sizeof(p->manifest.partitions[0].postinstall_path), "bin/postinst");
        (void)snprintf(p->manifest.partitions[0].filesystem_type,
                       sizeof(p->manifest.partitions[0].filesystem_type), "ext4");
        p->root[0] = (struct swb_operation){.type = SWB_OP_SOURCE_COPY,
                                            .src = &p->extents[0],
                                            .n_src = 2,
                                            .dst = &p->extents[2],
                                            .n_dst = 1,
                                            .has_src_hash = true};
        p->root[1] =
                (struct swb_operation){.type = SWB_OP_REPLACE, .dst = &p->extents[3], .n_dst = 1};
        p->root[2] = (struct swb_operation){.type = SWB_OP_SOURCE_BSDIFF,
                                            .src = &p->extents[4],
                                            .n_src = 1,
                                            .dst = &p->extents[5],
                                            .n_dst = 1,
                                            .has_src_hash = true};
        p->root[3] = (struct swb_operation){
                .type = SWB_OP_REPLACE_BZ, .dst = &p->extents[6], .n_dst = 2};
        p->root[4] = (struct swb_operation){.type = SWB_OP_ZERO, .dst = &p->extents[8], .n_dst = 1};
        p->boot[0] = (struct swb_operation){
                .type = SWB_OP_REPLACE_XZ, .dst = &p->extents[9], .n_dst = 1};
        give_data(p, &p->root[1], 2 * SWB_BLOCK_BYTES);
        give_data(p, &p->root[2], 300);
        give_data(p, &p->root[3], 1000);
        give_data(p, &p->boot[0], 1);
        sign(p);
}

void test_payload_init_full(struct test_payload *p)
{
        test_payload_init(p, SWB_MINOR_FULL);
        p->manifest.partitions[0].has_old = p->manifest.partitions[1].has_old = false;
        p->manifest.partitions[0].new_bytes = 3 * SWB_BLOCK_BYTES;
        p->manifest.partitions[0].n_operations = 1;
        p->root[0] = (struct swb_operation){
                .type = SWB_OP_REPLACE_BZ, .dst = &p->extents[2], .n_dst = 1};
        p->n_blobs = 0;
        give_data(p, &p->root[0], 700);
        give_data(p, &p->boot[0], 1);
        sign(p);
}

static int write_signatures(const struct test_payload *p, struct swb_buf *buf,
                            struct swb_error *err)
{
        const struct swb_signature signature = {p->signature, sizeof(p->signature) - 3};
        const size_t n_padded = sizeof(p->signature);

        return swb_signatures_write(&signature, &n_padded, 1, buf, err);
}

static uint32_t signatures_size(const struct test_payload *p)
{
        _cleanup_(swb_buf_done) struct swb_buf message = SWB_BUF_INIT(1000);
        struct swb_error err;

        assert_ok(write_signatures(p, &message, &err), &err);
        return (uint32_t)message.n_bytes;
}

int test_payload_write_manifest(const struct test_payload *p, struct swb_buf *buf,
                                struct swb_error *err)
{
        const struct swb_operation *const operations[] = {p->root, p->boot};

        return swb_manifest_write(&p->manifest, operations, signatures_size(p), buf, err);
}

struct swb_buf test_payload_write(const struct test_payload *p)
{
        struct swb_buf buf = SWB_BUF_INIT(1 << 20);
        struct swb_error err;

        assert_ok(test_payload_write_manifest(p, &buf, &err), &err);
        assert_ok(write_signatures(p, &buf, &err), &err);
        assert_int_equal(swb_buf_append(&buf, p->blobs, p->n_blobs), 0);
        assert_ok(write_signatures(p, &buf, &err), &err);
        return buf;
}
