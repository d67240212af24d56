/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of the manifest, one spoilt field at a time; the writer holds them with the reader's
 * code. */
#include "payload/manifest.h"

#include "base/test.h"
#include "payload/test_payload.h"

typedef void spoil_fn(struct test_payload *p);

static void assert_refused(spoil_fn *spoil, uint32_t minor, enum swb_fault fault, const char *text)
{
        _cleanup_free_ struct test_payload *p = malloc(sizeof(*p));
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(1 << 20);
        struct swb_error err = SWB_ERROR_INIT;
        int r;

        if (minor == SWB_MINOR_FULL)
                test_payload_init_full(p);
        else
                test_payload_init(p, minor);
        spoil(p);
        r = test_payload_write_manifest(p, &buf, &err);
        if (r >= 0)
                fail_msg("accepted: %s", text);
        if (err.fault != fault || !strstr(err.text, text))
                fail_msg("%s [%s], wanted %s [%s]", err.text, swb_fault_to_string(err.fault), text,
                         swb_fault_to_string(fault));
        assert_int_equal(buf.n_bytes, 0);
}

static void leave_alone(struct test_payload *p)
{
        (void)p;
}

static void block_size(struct test_payload *p)
{
        p->manifest.block_size = 8192;
}

static void minor_1(struct test_payload *p)
{
        p->manifest.minor = 1;
}

static void minor_1005(struct test_payload *p)
{
        p->manifest.minor = 1005;
}

static void needs_in_binary(struct test_payload *p)
{
        memcpy(p->manifest.needs.encoders, "x\tz", 4);
}

static void no_partition(struct test_payload *p)
{
        p->manifest.n_partitions = 0;
}

static void empty_name(struct test_payload *p)
{
        p->manifest.partitions[0].name[0] = '\0';
}

static void path_name(struct test_payload *p)
{
        p->manifest.partitions[0].name[1] = '/';
}

static void same_name(struct test_payload *p)
{
        p->manifest.partitions[1] = p->manifest.partitions[0];
        p->manifest.partitions[1].n_operations = 0;
}

static void control_in_version(struct test_payload *p)
{
        p->manifest.partitions[0].version[1] = '\n';
}

static void no_new_info(struct test_payload *p)
{
        p->manifest.partitions[1].has_new = false;
}

static void new_size_0(struct test_payload *p)
{
        p->manifest.partitions[1].new_bytes = 0;
}

static void huge(struct test_payload *p)
{
        p->manifest.partitions[1].new_bytes = SWB_PARTITION_MAX_BYTES + 1;
}

static void one_old_info(struct test_payload *p)
{
        p->manifest.partitions[1].has_old = false;
}

static void both_old_infos(struct test_payload *p)
{
        p->manifest.partitions[0].has_old = p->manifest.partitions[1].has_old = true;
}

static void no_old_infos(struct test_payload *p)
{
        p->manifest.partitions[0].has_old = p->manifest.partitions[1].has_old = false;
}

static void partial(struct test_payload *p)
{
        p->manifest.partial_update = true;
}

static void unknown_type(struct test_payload *p)
{
        p->root[4].type = 77;
}

static void brotli(struct test_payload *p)
{
        p->root[2].type = SWB_OP_BROTLI_BSDIFF;
        p->root[4].type = SWB_OP_REPLACE_BZ;
}

static void no_destination(struct test_payload *p)
{
        p->root[4].n_dst = 0;
}

static void empty_extent(struct test_payload *p)
{
        p->extents[8].n_blocks = 0;
}

static void beyond_end(struct test_payload *p)
{
        p->extents[8].start_block = 19;
}

static void extent_overflow(struct test_payload *p)
{
        p->extents[8] = (struct swb_extent){UINT64_MAX - 1, 2};
}

static void endless_hole(struct test_payload *p)
{
        p->extents[8] = (struct swb_extent){SWB_SPARSE_HOLE, 21};
}

static void source_beyond_end(struct test_payload *p)
{
        p->extents[4] = (struct swb_extent){17, 5};
}

static void no_source(struct test_payload *p)
{
        p->root[0].n_src = 0;
}

static void source_on_zero(struct test_payload *p)
{
        p->root[4].src = p->extents;
        p->root[4].n_src = 1;
}

static void source_hash_on_replace(struct test_payload *p)
{
        p->root[1].has_src_hash = true;
}

static void no_source_hash(struct test_payload *p)
{
        p->root[2].has_src_hash = false;
}

static void copy_of_other_size(struct test_payload *p)
{
        p->extents[1].n_blocks = 2;
}

static void no_data(struct test_payload *p)
{
        p->root[1].data_length = 0;
}

static void hash_on_zero(struct test_payload *p)
{
        p->root[4].has_data_hash = true;
}

static void no_hash(struct test_payload *p)
{
        p->root[1].has_data_hash = false;
}

static void gap(struct test_payload *p)
{
        p->root[2].data_offset++;
}

static void too_much_data(struct test_payload *p)
{
        p->root[1].data_length = SWB_OPERATION_DATA_MAX_BYTES + 1;
}

static void replace_too_long(struct test_payload *p)
{
        p->root[1].data_length++;
}

static void replace_too_short(struct test_payload *p)
{
        p->root[1].data_length = SWB_BLOCK_BYTES;
}

static void compressed_too_long(struct test_payload *p)
{
        p->boot[0].data_length = 2 * SWB_BLOCK_BYTES;
}

static void lengths(struct test_payload *p)
{
        p->root[2].src_length = 5 * SWB_BLOCK_BYTES;
        p->root[2].dst_length = 6 * SWB_BLOCK_BYTES - 100;
}

static void delta_of_minor_3(struct test_payload *p)
{
        p->root[4].type = SWB_OP_SOURCE_COPY;
        p->root[4].src = p->extents;
        p->root[4].n_src = 1;
}

static void wrong_lengths(struct test_payload *p)
{
        delta_of_minor_3(p);
        lengths(p);
        p->root[2].src_length = 4 * SWB_BLOCK_BYTES;
}

static void length_on_replace(struct test_payload *p)
{
        delta_of_minor_3(p);
        p->root[1].dst_length = 2 * SWB_BLOCK_BYTES;
}

static void too_many_blocks(struct test_payload *p)
{
        p->manifest.partitions[1].new_bytes = 3 * SWB_BLOCK_BYTES;
        p->extents[9] = (struct swb_extent){1, 2};
        p->extents[10] = (struct swb_extent){0, 2};
        p->boot[0].n_dst = 2;
}

static void too_few_blocks(struct test_payload *p)
{
        p->manifest.partitions[1].new_bytes = 2 * SWB_BLOCK_BYTES + 1;
}

static void signatures_elsewhere(struct test_payload *p)
{
        p->manifest.signatures_offset++;
}

static void test_refused(void **state)
{
        static const struct {
                spoil_fn *spoil;
                uint32_t minor;
                enum swb_fault fault;
                const char *text;
        } cases[] = {
                {block_size, 4, SWB_FAULT_UNSUPPORTED, "blocks of 8192 bytes"},
                {minor_1, 4, SWB_FAULT_UNSUPPORTED, "minor version 1, known are"},
                {minor_1005, 4, SWB_FAULT_UNSUPPORTED, "minor version 1005"},
                {needs_in_binary, 1004, SWB_FAULT_FORMAT, "byte 0x09"},
                {no_partition, 4, SWB_FAULT_FORMAT, "any partition is missing"},
                {empty_name, 4, SWB_FAULT_FORMAT, "partition_name is missing"},
                {path_name, 4, SWB_FAULT_FORMAT, "partition name 'r/ot'"},
                {same_name, 4, SWB_FAULT_FORMAT, "'root' stands twice"},
                {control_in_version, 4, SWB_FAULT_FORMAT, "byte 0x0a"},
                {no_new_info, 4, SWB_FAULT_FORMAT, "new_partition_info is missing"},
                {new_size_0, 4, SWB_FAULT_FORMAT, "new size is 0"},
                {huge, 4, SWB_FAULT_LIMIT, "partition of"},
                {one_old_info, 4, SWB_FAULT_FORMAT,
                 "'root' has an old_partition_info and 'boot' has none"},
                {both_old_infos, 0, SWB_FAULT_FORMAT, "delta or partial payload with minor"},
                {no_old_infos, 4, SWB_FAULT_FORMAT, "full payload with minor version 4"},
                {partial, 6, SWB_FAULT_FORMAT, "partial_update in minor version 6"},
                {unknown_type, 4, SWB_FAULT_UNSUPPORTED,
                 "partition 'root', operation 4: type 77 (unknown) is not one of minor version 4"},
                {brotli, 3, SWB_FAULT_UNSUPPORTED, "(BROTLI_BSDIFF) is not one of minor version 3"},
                {leave_alone, 2, SWB_FAULT_UNSUPPORTED, "(ZERO) is not one of minor version 2"},
                {no_destination, 4, SWB_FAULT_FORMAT, "no destination extents"},
                {empty_extent, 4, SWB_FAULT_FORMAT, "destination extent 0 is empty"},
                {beyond_end, 4, SWB_FAULT_FORMAT, "(2 blocks at 19) lies outside"},
                {extent_overflow, 4, SWB_FAULT_FORMAT, "lies outside"},
                {endless_hole, 4, SWB_FAULT_FORMAT, "lies outside"},
                {source_beyond_end, 4, SWB_FAULT_FORMAT, "source extent 0 (5 blocks at 17)"},
                {no_source, 4, SWB_FAULT_FORMAT, "SOURCE_COPY without source extents"},
                {no_old_infos, 1000, SWB_FAULT_FORMAT, "SOURCE_COPY without an old_partition_info"},
                {source_on_zero, 4, SWB_FAULT_FORMAT, "ZERO with source extents"},
                {source_hash_on_replace, 4, SWB_FAULT_FORMAT, "REPLACE with source"},
                {no_source_hash, 4, SWB_FAULT_FORMAT, "SOURCE_BSDIFF without src_sha256_hash"},
                {copy_of_other_size, 4, SWB_FAULT_FORMAT, "copies 4 blocks to 3 blocks"},
                {no_data, 4, SWB_FAULT_FORMAT, "REPLACE without data"},
                {hash_on_zero, 4, SWB_FAULT_FORMAT, "ZERO with data"},
                {no_hash, 4, SWB_FAULT_FORMAT, "data_sha256_hash is missing"},
                {gap, 4, SWB_FAULT_FORMAT, "data at offset 8193, the blob before ends at 8192"},
                {too_much_data, 4, SWB_FAULT_LIMIT, "25165825 bytes of data"},
                {replace_too_long, 4, SWB_FAULT_FORMAT, "8193 bytes of data for 2 blocks"},
                {replace_too_short, 4, SWB_FAULT_FORMAT, "4096 bytes of data for 2 blocks"},
                {compressed_too_long, 4, SWB_FAULT_FORMAT, "not smaller than REPLACE"},
                {lengths, 4, SWB_FAULT_FORMAT, "src_length or dst_length on SOURCE_BSDIFF"},
                {wrong_lengths, 3, SWB_FAULT_FORMAT, "does not fit its extents"},
                {length_on_replace, 3, SWB_FAULT_FORMAT, "dst_length on REPLACE"},
                {too_many_blocks, 4, SWB_FAULT_FORMAT, "4 blocks are written, it has 3"},
                {too_few_blocks, 0, SWB_FAULT_FORMAT, "2 blocks are written, it has 3"},
                {signatures_elsewhere, 4, SWB_FAULT_FORMAT, "the last blob ends at"},
        };

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(cases); i++)
                assert_refused(cases[i].spoil, cases[i].minor, cases[i].fault, cases[i].text);
}

static void assert_written(spoil_fn *change, uint32_t minor)
{
        _cleanup_free_ struct test_payload *p = malloc(sizeof(*p));
        _cleanup_(swb_buf_done) struct swb_buf one = SWB_BUF_INIT(1 << 20),
                                               two = SWB_BUF_INIT(1 << 20);
        struct swb_error err;

        test_payload_init(p, minor);
        change(p);
        assert_ok(test_payload_write_manifest(p, &one, &err), &err);
        assert_ok(test_payload_write_manifest(p, &two, &err), &err);
        assert_int_equal(one.n_bytes, two.n_bytes);
        assert_memory_equal(one.data, two.data, one.n_bytes);
}

static void old_lengths(struct test_payload *p)
{
        delta_of_minor_3(p);
        lengths(p);
}

static void zstd(struct test_payload *p)
{
        p->root[3].type = SWB_OP_REPLACE_ZSTD;
}

static void test_accepted(void **state)
{
        (void)state;
        assert_written(leave_alone, 4);
        assert_written(leave_alone, 9);
        assert_written(leave_alone, 1000);
        assert_written(old_lengths, 3);
        assert_written(partial, 7);
        assert_written(zstd, 1000);
        assert_written(needs_in_binary, 1003); /* means nothing there */
}

static void test_4_gib(void **state)
{
        _cleanup_free_ struct test_payload *p = malloc(sizeof(*p));
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(1 << 20);
        struct swb_error err;

        (void)state;
        test_payload_init(p, 5);
        p->boot[0].data_offset = (uint64_t)1 << 32;
        assert_fault(test_payload_write_manifest(p, &buf, &err), &err, SWB_FAULT_FORMAT);
        assert_non_null(strstr(err.text, "above 4 GiB in minor version 5"));
}

static void test_extents_limit(void **state)
{
        const size_t n = SWB_EXTENTS_MAX + 1;
        _cleanup_free_ struct test_payload *p = malloc(sizeof(*p));
        _cleanup_free_ struct swb_extent *many = calloc(n, sizeof(*many));
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(SWB_MANIFEST_MAX_BYTES);
        struct swb_error err;

        (void)state;
        for (size_t i = 0; i < n; i++)
                many[i] = (struct swb_extent){2 * i, 1};
        test_payload_init(p, 4);
        p->manifest.partitions[0].new_bytes = 2 * n * SWB_BLOCK_BYTES;
        p->root[4].dst = many;
        p->root[4].n_dst = n;
        assert_fault(test_payload_write_manifest(p, &buf, &err), &err, SWB_FAULT_LIMIT);
        p->root[4].n_dst = n - 1;
        assert_ok(test_payload_write_manifest(p, &buf, &err), &err);
}

static void test_signatures(void **state)
{
        const struct swb_signature two[] = {{(const uint8_t *)"first", 5},
                                            {(const uint8_t *)"second", 6}};
        const size_t n_padded[] = {8, 6}, too_small[] = {8, 5};
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(1000);
        struct swb_signature got[2];
        struct swb_error err;
        size_t n;

        (void)state;
        assert_ok(swb_signatures_write(two, n_padded, 2, &buf, &err), &err);
        assert_ok(swb_signatures_parse(buf.data, buf.n_bytes, got, 2, &n, &err), &err);
        assert_int_equal(n, 2);
        assert_int_equal(got[0].n_bytes, 5);
        assert_memory_equal(got[0].data, "first\0\0", 8);
        assert_int_equal(got[1].n_bytes, 6);
        assert_ok(swb_signatures_parse(buf.data, buf.n_bytes, got, 1, &n, &err), &err);
        assert_int_equal(n, 1);
        assert_ok(swb_signatures_parse(buf.data, buf.n_bytes, NULL, 0, &n, &err), &err);
        assert_int_equal(n, 0);
        assert_fault(swb_signatures_write(two, too_small, 2, &buf, &err), &err, SWB_FAULT_FORMAT);
        /* version (deprecated) and no unpadded size, as the first payloads had it */
        assert_ok(swb_signatures_parse((const uint8_t *)"\x0a\x07\x08\x02\x12\x03"
                                                        "abc",
                                       9, got, 2, &n, &err),
                  &err);
        assert_int_equal(n, 1);
        assert_int_equal(got[0].n_bytes, 3);
        assert_fault(swb_signatures_parse((const uint8_t *)"\x0a\x0a\x12\x03"
                                                           "abc"
                                                           "\x1d\x04\0\0\0",
                                          12, got, 2, &n, &err),
                     &err, SWB_FAULT_FORMAT);
        assert_fault(swb_signatures_parse((const uint8_t *)"\x0a\x00", 2, got, 2, &n, &err), &err,
                     SWB_FAULT_FORMAT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_refused),    cmocka_unit_test(test_accepted),
                cmocka_unit_test(test_4_gib),      cmocka_unit_test(test_extents_limit),
                cmocka_unit_test(test_signatures),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
