/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include <string.h>

#include "generator/pack/shelf.h"

#define LARGE ((size_t)5 << 20)

static void fill(struct swb_shelf *shelf, const uint8_t *data, unsigned times)
{
        for (unsigned i = 0; i < times; i++)
                assert_int_equal(swb_shelf_put(shelf, data, LARGE), 0);
}

static void check(struct swb_shelf *shelf, const uint8_t *data, unsigned times)
{
        const uint8_t *bytes;

        assert_int_equal(swb_shelf_map(shelf, &bytes), 0);
        assert_int_equal(shelf->n_bytes, times * LARGE);
        for (unsigned i = 0; i < times; i++)
                assert_memory_equal(bytes + i * LARGE, data, LARGE);
}

static void test_shelf(void **state _unused_)
{
        _cleanup_free_ uint8_t *data = malloc(LARGE);
        _cleanup_(swb_shelf_done) struct swb_shelf small = SWB_SHELF_INIT("/tmp");
        _cleanup_(swb_shelf_done) struct swb_shelf large = SWB_SHELF_INIT("/tmp");
        _cleanup_(swb_shelf_done) struct swb_shelf memory = SWB_SHELF_INIT(NULL);

        assert_non_null(data);
        for (size_t i = 0; i < LARGE; i++)
                data[i] = (uint8_t)(i * 37 >> 3);
        fill(&small, data, 3);
        assert_false(small.has_file);
        check(&small, data, 3);
        fill(&memory, data, 5);
        assert_false(memory.has_file);
        check(&memory, data, 5);
        fill(&large, data, 5);
        assert_true(large.has_file);
        swb_shelf_cut(&large, 2 * LARGE);
        fill(&large, data, 2);
        check(&large, data, 4);
        swb_shelf_done(&large);
        check(&large, data, 0);
}

static void test_no_folder(void **state _unused_)
{
        _cleanup_free_ uint8_t *data = calloc(1, LARGE);
        _cleanup_(swb_shelf_done) struct swb_shelf shelf = SWB_SHELF_INIT("/nonexistent");
        int r = 0;

        assert_non_null(data);
        for (unsigned i = 0; i < 5 && r == 0; i++)
                r = swb_shelf_put(&shelf, data, LARGE);
        assert_int_equal(r, -ENOENT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_shelf),
                cmocka_unit_test(test_no_folder),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
