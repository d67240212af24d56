/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/mman.h>

#include "base/test.h"
#include "device/install/extents.h"

#define FILE_BLOCKS 300u
#define FILE_BYTES (FILE_BLOCKS * SWB_BLOCK_BYTES - 1000u) /* the last block is cut */

/* Against the same bytes in memory: at any place, of any size, small ones from the cache. */
static void test_reader(void **state)
{
        const struct swb_extent extents[] = {
                {7, 1}, {200, 100}, {SWB_SPARSE_HOLE, 3}, {0, 90}, {7, 1}, {299, 1},
        };
        const size_t n_bytes = 196 * SWB_BLOCK_BYTES;
        _cleanup_(swb_extent_reader_done) struct swb_extent_reader reader = {0};
        _cleanup_free_ uint8_t *content = calloc(FILE_BLOCKS, SWB_BLOCK_BYTES);
        _cleanup_free_ uint8_t *want = calloc(1, n_bytes);
        _cleanup_free_ uint8_t *got = malloc(n_bytes);
        _cleanup_close_ int fd = memfd_create("test-extents", MFD_CLOEXEC);
        const struct swb_extent_file file = {fd, "file", FILE_BYTES};
        struct swb_error err = SWB_ERROR_INIT;
        uint32_t random = 1;
        size_t at = 0;

        (void)state;
        assert_true(content && want && got && fd >= 0);
        for (size_t i = 0; i < FILE_BYTES; i++)
                content[i] = (uint8_t)(i * 2654435761u >> 11);
        assert_int_equal(write(fd, content, FILE_BYTES), FILE_BYTES);
        for (size_t i = 0; i < SWB_ELEMENTS(extents); i++) {
                size_t n = extents[i].n_blocks * SWB_BLOCK_BYTES;

                if (extents[i].start_block != SWB_SPARSE_HOLE)
                        memcpy(want + at, content + extents[i].start_block * SWB_BLOCK_BYTES, n);
                at += n;
        }
        assert_ok(swb_extent_reader_init(&reader, &file, extents, SWB_ELEMENTS(extents), &err),
                  &err);
        assert_int_equal(reader.n_bytes, n_bytes);
        for (unsigned i = 0; i < 5000; i++) {
                size_t offset, n;

                random = random * 1664525 + 1013904223;
                offset = random % n_bytes;
                random = random * 1664525 + 1013904223;
                n = random >> (i % 4 == 0 ? 12 : 21); /* up to 1 MiB, most up to 2 KiB */
                n = SWB_MIN(n, n_bytes - offset);
                assert_ok(swb_extent_reader_get(&reader, offset, got, n, &err), &err);
                assert_memory_equal(got, want + offset, n);
        }
        assert_fault(swb_extent_reader_get(&reader, n_bytes - 9, got, 10, &err), &err,
                     SWB_FAULT_FORMAT);
}

/* What could not be read is not taken for read the next time. */
static void test_failing(void **state)
{
        const struct swb_extent extent = {0, 2};
        _cleanup_(swb_extent_reader_done) struct swb_extent_reader reader = {0};
        _cleanup_close_ int fd = memfd_create("test-extents", MFD_CLOEXEC);
        const struct swb_extent_file file = {fd, "file", 2 * SWB_BLOCK_BYTES};
        struct swb_error err = SWB_ERROR_INIT;
        uint8_t got[10];

        (void)state;
        assert_int_equal(ftruncate(fd, SWB_BLOCK_BYTES), 0); /* shorter than it should be */
        assert_ok(swb_extent_reader_init(&reader, &file, &extent, 1, &err), &err);
        assert_ok(swb_extent_reader_get(&reader, 4000, got, 10, &err), &err);
        for (unsigned i = 0; i < 2; i++)
                assert_fault(swb_extent_reader_get(&reader, 4090, got, 10, &err), &err,
                             SWB_FAULT_IO);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_reader),
                cmocka_unit_test(test_failing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
