/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/plan/task.h"

#include "base/test.h"

static void add(struct swb_task_list *list, uint64_t src_blocks, uint64_t dst_blocks)
{
        struct swb_task *task = swb_task_list_add(list, SWB_TASK_DIFF);

        assert_non_null(task);
        assert_int_equal(swb_extent_list_add(&task->src, 1000 * list->n, src_blocks), 0);
        assert_int_equal(swb_extent_list_add(&task->dst, 1000 * list->n, dst_blocks), 0);
}

static void test_differences_are_joined_up_to_a_target(void **state)
{
        struct swb_task_list list = {0};

        (void)state;
        for (unsigned i = 0; i < 5; i++)
                add(&list, 3, 4);
        assert_int_equal(swb_task_list_join(&list, 100, 8), 0);
        assert_int_equal(list.n, 3);
        assert_int_equal(list.items[0].n_parts, 2);
        assert_int_equal(list.items[0].src.n_blocks, 6);
        assert_int_equal(list.items[0].dst.n_blocks, 8);
        assert_int_equal(list.items[2].n_parts, 1);
        swb_task_list_done(&list);
}

/* What is read to make little counts as well: all of it is in memory at once. */
static void test_sources_have_a_limit_too(void **state)
{
        struct swb_task_list list = {0};

        (void)state;
        for (unsigned i = 0; i < 4; i++)
                add(&list, 40, 1);
        assert_int_equal(swb_task_list_join(&list, 100, 1000), 0);
        assert_int_equal(list.n, 2);
        for (size_t i = 0; i < list.n; i++)
                assert_int_equal(list.items[i].src.n_blocks, 80);
        swb_task_list_done(&list);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_differences_are_joined_up_to_a_target),
                cmocka_unit_test(test_sources_have_a_limit_too),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
