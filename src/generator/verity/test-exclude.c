/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/verity/exclude.h"

#include "base/test.h"

static void add(struct swb_extent_list *list, uint64_t start, uint64_t n)
{
        assert_int_equal(swb_extent_list_add(list, start, n), 0);
}

static void assert_extents(const struct swb_extent_list *list, const struct swb_extent *want,
                           size_t n)
{
        uint64_t n_blocks = 0;

        assert_int_equal(list->n, n);
        for (size_t i = 0; i < n; i++) {
                assert_int_equal(list->items[i].start_block, want[i].start_block);
                assert_int_equal(list->items[i].n_blocks, want[i].n_blocks);
                n_blocks += want[i].n_blocks;
        }
        assert_int_equal(list->n_blocks, n_blocks);
}

static void test_exclude(void **state)
{
        static const struct swb_extent hole = {100, 10};
        static const struct swb_extent before_behind[] = {{95, 5}, {110, 3}},
                                       untouched[] = {{5, 9}};
        static const struct swb_extent copy_src[] = {{1000, 2}, {2005, 5}},
                                       copy_dst[] = {{50, 2}, {110, 5}};
        struct swb_task_list tasks = {0};
        struct swb_task *task;

        (void)state;
        task = swb_task_list_add(&tasks, SWB_TASK_REPLACE);
        add(&task->dst, 95, 18);
        task = swb_task_list_add(&tasks, SWB_TASK_ZERO); /* wholly inside: dropped */
        add(&task->dst, 100, 4);
        add(&task->dst, 108, 2);
        task = swb_task_list_add(&tasks, SWB_TASK_COPY); /* the source goes along */
        add(&task->dst, 50, 2);
        add(&task->dst, 105, 10);
        add(&task->src, 1000, 2);
        add(&task->src, 2000, 10);
        task = swb_task_list_add(&tasks, SWB_TASK_DIFF);
        add(&task->dst, 5, 9);
        add(&task->src, 100, 10); /* of the old image */
        assert_int_equal(swb_task_list_exclude(&tasks, &hole), 0);
        assert_int_equal(tasks.n, 3);
        assert_extents(&tasks.items[0].dst, before_behind, 2);
        assert_int_equal(tasks.items[1].kind, SWB_TASK_COPY);
        assert_extents(&tasks.items[1].src, copy_src, 2);
        assert_extents(&tasks.items[1].dst, copy_dst, 2);
        assert_extents(&tasks.items[2].dst, untouched, 1);
        assert_extents(&tasks.items[2].src, &hole, 1);
        swb_task_list_done(&tasks);
}

/* What a difference's parts make together is what its task makes. */
static void test_parts(void **state)
{
        static const struct swb_extent hole = {100, 10};
        struct swb_task_list tasks = {0};
        struct swb_task *task = swb_task_list_add(&tasks, SWB_TASK_DIFF);
        struct swb_task_part *parts = calloc(3, sizeof(*parts));

        (void)state;
        assert_non_null(parts);
        parts[0] = (struct swb_task_part){3, 12}; /* 90 .. 94, 95 .. 101 */
        parts[1] = (struct swb_task_part){2, 4};  /* 102 .. 105 */
        parts[2] = (struct swb_task_part){2, 14}; /* 106 .. 119 */
        task->parts = parts;
        task->n_parts = 3;
        add(&task->dst, 90, 5);
        add(&task->dst, 95, 25);
        add(&task->src, 100, 7);
        assert_int_equal(swb_task_list_exclude(&tasks, &hole), 0);
        assert_int_equal(tasks.items[0].dst.n_blocks, 20);
        assert_int_equal(tasks.items[0].parts[0].dst_blocks, 10);
        assert_int_equal(tasks.items[0].parts[1].dst_blocks, 0);
        assert_int_equal(tasks.items[0].parts[2].dst_blocks, 10);
        assert_int_equal(tasks.items[0].parts[2].src_blocks, 2);
        swb_task_list_done(&tasks);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_exclude),
                cmocka_unit_test(test_parts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
