/* SPDX-License-Identifier: Apache-2.0 */
#include "device/install/scratch.h"

#include "base/test.h"

static void write_and_read(const char *folder)
{
        _cleanup_(swb_scratch_file_done) struct swb_scratch_file scratch;
        const struct swb_open_scratch *open = &scratch.open;
        uint8_t data[5] = {0};

        assert_int_equal(swb_scratch_file_init(&scratch, folder), 0);
        assert_true(open->read(open->context, 0, data, 1) < 0);
        assert_int_equal(open->write(open->context, 70000, (const uint8_t *)"hello", 5), 0);
        assert_int_equal(open->write(open->context, 0, (const uint8_t *)"world", 5), 0);
        assert_int_equal(open->read(open->context, 70000, data, 5), 0);
        assert_memory_equal(data, "hello", 5);
        assert_int_equal(open->read(open->context, 0, data, 5), 0);
        assert_memory_equal(data, "world", 5);
}

/* The folder is empty all the time. */
static void test_in_a_folder(void **state)
{
        char folder[] = "/tmp/test-scratch-XXXXXX";

        (void)state;
        assert_non_null(mkdtemp(folder));
        write_and_read(folder);
        assert_int_equal(rmdir(folder), 0);
}

static void test_in_memory(void **state)
{
        (void)state;
        write_and_read(NULL);
}

static void test_without_the_folder(void **state)
{
        _cleanup_(swb_scratch_file_done) struct swb_scratch_file scratch;
        const struct swb_open_scratch *open = &scratch.open;

        (void)state;
        assert_int_equal(swb_scratch_file_init(&scratch, "/nonexistent"), 0);
        assert_int_equal(open->write(open->context, 0, (const uint8_t *)"x", 1), -ENOENT);
}

/* What no file system has; in memory nothing is taken. */
static void test_reserve(void **state)
{
        char folder[] = "/tmp/test-scratch-XXXXXX";

        (void)state;
        assert_non_null(mkdtemp(folder));
        for (int i = 0; i < 2; i++) {
                _cleanup_(swb_scratch_file_done) struct swb_scratch_file scratch;

                assert_int_equal(swb_scratch_file_init(&scratch, i == 0 ? folder : NULL), 0);
                assert_int_equal(swb_scratch_file_reserve(&scratch, 4096), 0);
                assert_int_equal(swb_scratch_file_reserve(&scratch, (uint64_t)1 << 60),
                                 i == 0 ? -ENOSPC : 0);
        }
        assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_in_a_folder),
                cmocka_unit_test(test_in_memory),
                cmocka_unit_test(test_without_the_folder),
                cmocka_unit_test(test_reserve),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
