/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/plan/cost.h"

#include "base/test.h"

/* CPU milliseconds that tasks took in a delta of our own profile: of a Debian system's update, and
 * a window of a browser that changed throughout. */
static const struct {
        enum swb_task_kind kind;
        uint64_t src_blocks, dst_blocks, msec;
} measured[] = {
        {SWB_TASK_DIFF, 4041, 3843, 4487}, {SWB_TASK_DIFF, 3935, 3920, 3851},
        {SWB_TASK_DIFF, 4521, 4041, 8462}, {SWB_TASK_DIFF, 3943, 3890, 2776},
        {SWB_TASK_DIFF, 4019, 3682, 5914}, {SWB_TASK_DIFF, 3637, 3405, 3177},
        {SWB_TASK_DIFF, 1076, 1076, 350},  {SWB_TASK_DIFF, 12288, 4096, 25500},
        {SWB_TASK_COPY, 4096, 4096, 18},   {SWB_TASK_ZERO, 0, 10221, 0},
};

static struct swb_rules rules_of(enum swb_profile profile, bool delta)
{
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_rules rules;

        assert_ok(swb_rules_init(&rules, profile, delta, SWB_MINOR_DEFAULT, &err), &err);
        return rules;
}

static uint64_t cost(const struct swb_rules *rules, enum swb_task_kind kind, uint64_t src,
                     uint64_t dst)
{
        const struct swb_task task = {.kind = kind, .src.n_blocks = src, .dst.n_blocks = dst};

        return swb_task_cost(rules, &task);
}

/* Within a factor of five of each, and that only at the ends: sizes are all there is to go by. */
static void test_close_to_what_was_measured(void **state)
{
        struct swb_rules rules = rules_of(SWB_PROFILE_SWITCHBACK, true);

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(measured); i++) {
                uint64_t usec = cost(&rules, measured[i].kind, measured[i].src_blocks,
                                     measured[i].dst_blocks);

                assert_in_range(usec, measured[i].msec * 1000 / 5, measured[i].msec * 5000 + 1);
        }
}

/* A copy of 16 MiB is nothing beside a difference of 1 MiB. */
static void test_kinds_are_far_apart(void **state)
{
        struct swb_rules rules = rules_of(SWB_PROFILE_SWITCHBACK, true);

        (void)state;
        assert_int_equal(cost(&rules, SWB_TASK_ZERO, 0, 65536), 1);
        assert_true(cost(&rules, SWB_TASK_COPY, 4096, 4096) * 10 <
                    cost(&rules, SWB_TASK_DIFF, 256, 256));
        assert_true(cost(&rules, SWB_TASK_DIFF, 256, 256) < cost(&rules, SWB_TASK_REPLACE, 0, 256));
}

/* A source that is looked through for little takes its time, too. */
static void test_sources_count(void **state)
{
        struct swb_rules rules = rules_of(SWB_PROFILE_CHROMEOS, true);

        (void)state;
        assert_true(cost(&rules, SWB_TASK_DIFF, 8192, 10) >
                    20 * cost(&rules, SWB_TASK_DIFF, 256, 10));
}

static void test_packing_costs_by_its_codecs(void **state)
{
        struct swb_rules full = rules_of(SWB_PROFILE_SWITCHBACK, false);
        struct swb_rules delta = rules_of(SWB_PROFILE_SWITCHBACK, true);

        (void)state;
        assert_true(cost(&full, SWB_TASK_REPLACE, 0, 1024) <
                    cost(&delta, SWB_TASK_REPLACE, 0, 1024));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_close_to_what_was_measured),
                cmocka_unit_test(test_kinds_are_far_apart),
                cmocka_unit_test(test_sources_count),
                cmocka_unit_test(test_packing_costs_by_its_codecs),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
