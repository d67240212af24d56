/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "generator/scan/extents.h"

static void check(const struct swb_extent_list *list, size_t n, const struct swb_extent *wanted)
{
        uint64_t n_blocks = 0;

        assert_int_equal(list->n, n);
        for (size_t i = 0; i < n; i++) {
                assert_int_equal(list->items[i].start_block, wanted[i].start_block);
                assert_int_equal(list->items[i].n_blocks, wanted[i].n_blocks);
                n_blocks += wanted[i].n_blocks;
        }
        assert_int_equal(list->n_blocks, n_blocks);
}

#define CHECK(list, ...)                                                                           \
        do {                                                                                       \
                const struct swb_extent wanted_[] = {__VA_ARGS__};                                 \
                check((list), SWB_ELEMENTS(wanted_), wanted_);                                     \
        } while (0)

static void test_runs_are_joined_in_order(void **state)
{
        struct swb_extent_list list = {0};

        (void)state;
        assert_int_equal(swb_extent_list_add(&list, 10, 2), 0);
        assert_int_equal(swb_extent_list_add(&list, 12, 1), 0);
        assert_int_equal(swb_extent_list_add(&list, 5, 0), 0);
        assert_int_equal(swb_extent_list_add(&list, 9, 1), 0);
        assert_int_equal(swb_extent_list_add(&list, 10, 1), 0);
        CHECK(&list, {10, 3}, {9, 2});
        swb_extent_list_done(&list);
        assert_int_equal(list.n_blocks, 0);
}

static void test_slices(void **state)
{
        struct swb_extent_list from = {0}, to = {0};

        (void)state;
        for (uint64_t i = 0; i < 20; i++)
                assert_int_equal(swb_extent_list_add(&from, 100 * i, 10), 0);
        assert_int_equal(swb_extent_list_append_slice(&to, &from, 5, 10), 0);
        CHECK(&to, {5, 5}, {100, 5});
        assert_int_equal(swb_extent_list_append_slice(&to, &from, 15, 1), 0);
        CHECK(&to, {5, 5}, {100, 6});
        assert_int_equal(swb_extent_list_append_slice(&to, &from, 195, 100),
                         0); /* cut at the end */
        CHECK(&to, {5, 5}, {100, 6}, {1905, 5});
        assert_int_equal(swb_extent_list_append_slice(&to, &from, 200, 1), 0);
        assert_int_equal(to.n_blocks, 16);
        swb_extent_list_done(&from);
        swb_extent_list_done(&to);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_runs_are_joined_in_order),
                cmocka_unit_test(test_slices),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
