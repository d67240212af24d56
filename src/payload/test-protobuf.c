/* SPDX-License-Identifier: Apache-2.0 */
/* Our reader and writer against the code that protoc-c makes of update_metadata.proto. */
#include "base/endian.h"
#include "base/test.h"
#include "payload/reader.h"
#include "payload/test_payload.h"
#include "update_metadata.pb-c.h"

static void assert_extents(const struct swb_extent *ours, size_t n, SwbProto__Extent **theirs,
                           size_t n_theirs)
{
        assert_int_equal(n, n_theirs);
        for (size_t i = 0; i < n; i++) {
                assert_true(theirs[i]->start_block == ours[i].start_block);
                assert_true(theirs[i]->num_blocks == ours[i].n_blocks);
        }
}

static void assert_operation(const struct swb_operation *ours,
                             const SwbProto__InstallOperation *theirs)
{
        assert_int_equal(theirs->type, ours->type);
        assert_int_equal(theirs->has_data_length, ours->data_length > 0);
        assert_int_equal(theirs->data_length, ours->data_length);
        assert_int_equal(theirs->data_offset, ours->data_offset);
        assert_extents(ours->src, ours->n_src, theirs->src_extents, theirs->n_src_extents);
        assert_extents(ours->dst, ours->n_dst, theirs->dst_extents, theirs->n_dst_extents);
        assert_int_equal(theirs->has_data_sha256_hash, ours->has_data_hash);
        if (ours->has_data_hash)
                assert_memory_equal(theirs->data_sha256_hash.data, ours->data_hash, 32);
        assert_int_equal(theirs->has_src_sha256_hash, ours->has_src_hash);
        assert_false(theirs->has_src_length || theirs->has_dst_length);
}

static void test_our_writer(void **state)
{
        _cleanup_free_ struct test_payload *p = malloc(sizeof(*p));
        _cleanup_(swb_buf_done) struct swb_buf file = {0};
        SwbProto__DeltaArchiveManifest *m;
        size_t n_manifest;

        (void)state;
        test_payload_init(p, 4);
        file = test_payload_write(p);
        n_manifest = (size_t)swb_get_be64(file.data + 12);
        m = swb_proto__delta_archive_manifest__unpack(NULL, n_manifest, file.data + 24);
        assert_non_null(m);
        assert_int_equal(m->base.n_unknown_fields, 0);
        assert_int_equal(m->block_size, 4096);
        assert_int_equal(m->minor_version, 4);
        assert_int_equal(m->signatures_offset, p->n_blobs);
        assert_int_equal(m->signatures_size, swb_get_be32(file.data + 20));
        assert_int_equal(m->max_timestamp, 1700000000);
        assert_int_equal(m->n_partitions, 2);
        assert_string_equal(m->partitions[0]->partition_name, "root");
        assert_string_equal(m->partitions[0]->version, "2.4.20");
        assert_string_equal(m->partitions[0]->postinstall_path, "bin/postinst");
        assert_string_equal(m->partitions[0]->filesystem_type, "ext4");
        assert_true(m->partitions[0]->run_postinstall);
        assert_false(m->partitions[1]->run_postinstall);
        assert_int_equal(m->partitions[0]->new_partition_info->size, 20 * 4096);
        assert_int_equal(m->partitions[0]->old_partition_info->size, 21 * 4096);
        assert_memory_equal(m->partitions[0]->new_partition_info->hash.data,
                            p->manifest.partitions[0].new_hash, 32);
        assert_int_equal(m->partitions[0]->n_operations, TEST_ROOT_OPS);
        for (size_t i = 0; i < TEST_ROOT_OPS; i++)
                assert_operation(&p->root[i], m->partitions[0]->operations[i]);
        assert_int_equal(m->partitions[1]->n_operations, TEST_BOOT_OPS);
        assert_operation(&p->boot[0], m->partitions[1]->operations[0]);
        swb_proto__delta_archive_manifest__free_unpacked(m, NULL);
}

static void test_needs(void **state)
{
        _cleanup_(swb_payload_reader_freep) struct swb_payload_reader *reader = NULL;
        _cleanup_free_ struct test_payload *p = malloc(sizeof(*p));
        _cleanup_(swb_buf_done) struct swb_buf file = {0};
        SwbProto__DeltaArchiveManifest *m;
        const struct swb_needs *needs;
        struct swb_error err;
        size_t used;

        (void)state;
        test_payload_init(p, SWB_MINOR_OPENED);
        p->manifest.needs = (struct swb_needs){"gzip zstd-1.5.4", 5 << 20, (uint64_t)1 << 33};
        file = test_payload_write(p);
        m = swb_proto__delta_archive_manifest__unpack(NULL, (size_t)swb_get_be64(file.data + 12),
                                                      file.data + 24);
        assert_non_null(m);
        assert_int_equal(m->base.n_unknown_fields, 0);
        assert_string_equal(m->opened_needs->encoders, "gzip zstd-1.5.4");
        assert_int_equal(m->opened_needs->memory, 5 << 20);
        assert_int_equal(m->opened_needs->scratch, (uint64_t)1 << 33);
        swb_proto__delta_archive_manifest__free_unpacked(m, NULL);
        assert_ok(swb_payload_reader_new(&reader, &err), &err);
        assert_int_equal(swb_payload_reader_feed(reader, file.data, file.n_bytes, &used, &err),
                         SWB_PAYLOAD_METADATA);
        assert_ok(swb_payload_reader_accept(reader, &err), &err);
        needs = &swb_payload_reader_manifest(reader)->needs;
        assert_memory_equal(needs, &p->manifest.needs, sizeof(*needs));
}

static void test_our_signatures(void **state)
{
        const struct swb_signature one = {(const uint8_t *)"signature", 9};
        const size_t n_padded = 256;
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(1000);
        SwbProto__Signatures *message;
        struct swb_error err;

        (void)state;
        assert_ok(swb_signatures_write(&one, &n_padded, 1, &buf, &err), &err);
        assert_int_equal(buf.n_bytes, 267); /* as other makers' for RSA-2048 */
        message = swb_proto__signatures__unpack(NULL, buf.n_bytes, buf.data);
        assert_non_null(message);
        assert_int_equal(message->n_signatures, 1);
        assert_int_equal(message->signatures[0]->data.len, 256);
        assert_int_equal(message->signatures[0]->unpadded_signature_size, 9);
        swb_proto__signatures__free_unpacked(message, NULL);
}

/* A full payload with all kinds of fields that our reader has no use for. */
static size_t pack_foreign_manifest(uint8_t *out)
{
        SwbProto__Extent extent = SWB_PROTO__EXTENT__INIT;
        SwbProto__Extent *extents[] = {&extent};
        SwbProto__PartitionInfo info = SWB_PROTO__PARTITION_INFO__INIT;
        SwbProto__InstallOperation op = SWB_PROTO__INSTALL_OPERATION__INIT;
        SwbProto__InstallOperation *operations[] = {&op};
        SwbProto__PartitionUpdate partition = SWB_PROTO__PARTITION_UPDATE__INIT;
        SwbProto__PartitionUpdate *partitions[] = {&partition};
        SwbProto__Signatures__Signature signature = SWB_PROTO__SIGNATURES__SIGNATURE__INIT;
        SwbProto__Signatures__Signature *signatures[] = {&signature};
        SwbProto__DeltaArchiveManifest m = SWB_PROTO__DELTA_ARCHIVE_MANIFEST__INIT;
        uint8_t hash[32] = {1, 2, 3};

        extent.has_num_blocks = true; /* start_block left out: 0 */
        extent.num_blocks = 3;
        info.has_size = info.has_hash = true;
        info.size = 3 * 4096;
        info.hash = (ProtobufCBinaryData){sizeof(hash), hash};
        op.type = SWB_OP_REPLACE_XZ;
        op.has_data_length = true; /* data_offset left out: 0 */
        op.data_length = 5;
        op.n_dst_extents = 1;
        op.dst_extents = extents;
        op.has_data_sha256_hash = true;
        op.data_sha256_hash = info.hash;
        signature.has_data = true;
        signature.data = info.hash;
        partition.partition_name = (char *)"system_a.img";
        partition.new_partition_info = &info;
        partition.n_operations = 1;
        partition.operations = operations;
        partition.n_new_partition_signature = 1;
        partition.new_partition_signature = signatures;
        partition.has_postinstall_optional = partition.postinstall_optional = true;
        m.n_partitions = 1;
        m.partitions = partitions;
        m.has_max_timestamp = true;
        m.max_timestamp = -5;
        m.security_patch_level = (char *)"2024-09-05";
        return swb_proto__delta_archive_manifest__pack(&m, out);
}

static void test_our_reader(void **state)
{
        _cleanup_(swb_payload_reader_freep) struct swb_payload_reader *reader = NULL;
        uint8_t file[1000] = SWB_PAYLOAD_MAGIC;
        size_t n = pack_foreign_manifest(file + 24), used, partition, number;
        const struct swb_manifest *m;
        const struct swb_operation *op;
        const uint8_t *blob;
        struct swb_error err;

        (void)state;
        swb_put_be64(file + 4, 2);
        swb_put_be64(file + 12, n);
        assert_ok(swb_payload_reader_new(&reader, &err), &err);
        assert_int_equal(swb_payload_reader_feed(reader, file, sizeof(file), &used, &err),
                         SWB_PAYLOAD_METADATA);
        assert_int_equal(used, 24 + n);
        assert_ok(swb_payload_reader_accept(reader, &err), &err);
        m = swb_payload_reader_manifest(reader);
        assert_int_equal(m->block_size, 4096);
        assert_int_equal(m->minor, 0);
        assert_int_equal(m->max_timestamp, -5);
        assert_string_equal(m->partitions[0].name, "system_a.img");
        assert_true(m->partitions[0].postinstall_optional);
        assert_int_equal(m->partitions[0].new_hash[2], 3);
        assert_int_equal(swb_payload_reader_feed(reader, (const uint8_t *)"12345", 5, &used, &err),
                         SWB_PAYLOAD_OPERATION);
        op = swb_payload_reader_operation(reader, &partition, &number, &blob);
        assert_int_equal(op->dst[0].start_block, 0);
        assert_int_equal(op->dst[0].n_blocks, 3);
        assert_memory_equal(blob, "12345", 5);
        assert_int_equal(swb_payload_reader_feed(reader, NULL, 0, &used, &err), SWB_PAYLOAD_END);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_our_writer),
                cmocka_unit_test(test_needs),
                cmocka_unit_test(test_our_signatures),
                cmocka_unit_test(test_our_reader),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
