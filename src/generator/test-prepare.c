/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/prepare.h"

#include "base/test.h"
#include "generator/diff/make.h"

#define MIB ((uint64_t)1 << 20)

static const struct {
        enum swb_profile profile;
        uint32_t minor;
} kinds[] = {{SWB_PROFILE_SWITCHBACK, SWB_MINOR_DEFAULT},
             {SWB_PROFILE_SWITCHBACK, 1000},
             {SWB_PROFILE_CHROMEOS, 2},
             {SWB_PROFILE_CHROMEOS, 4},
             {SWB_PROFILE_CHROMEOS, 6}};
static const uint64_t memories[] = {256 * MIB, 512 * MIB, 1024 * MIB, 4096 * MIB};

static struct swb_rules rules_of(size_t kind)
{
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_rules rules;

        assert_ok(swb_rules_init(&rules, kinds[kind].profile, true, kinds[kind].minor, &err), &err);
        return rules;
}

static uint64_t memory_of(const struct swb_rules *rules, uint64_t src_blocks, uint64_t dst_blocks)
{
        struct swb_task_part part = {src_blocks, dst_blocks};
        struct swb_task task = {.kind = SWB_TASK_DIFF,
                                .src.n_blocks = src_blocks,
                                .dst.n_blocks = dst_blocks,
                                .parts = &part,
                                .n_parts = 1};

        return swb_make_memory(rules, &task, (uint64_t)1 << 30);
}

static void test_each_difference_fits_the_memory(void **state)
{
        (void)state;
        for (size_t kind = 0; kind < SWB_ELEMENTS(kinds); kind++)
                for (size_t i = 0; i < SWB_ELEMENTS(memories); i++) {
                        struct swb_rules rules = rules_of(kind);
                        struct swb_window_limits l = swb_prepared_limits(&rules, memories[i]);

                        assert_true(l.dst_blocks > 0 && l.dst_blocks <= l.src_blocks);
                        assert_true(memory_of(&rules, l.whole_blocks, l.whole_blocks) <=
                                    memories[i]);
                        assert_true(memory_of(&rules, l.src_blocks, l.dst_blocks) <= memories[i]);
                }
}

/* More memory buys more work side by side, not larger windows. */
static void test_windows_do_not_grow_with_the_memory(void **state)
{
        struct swb_rules rules = rules_of(0);
        struct swb_window_limits one = swb_prepared_limits(&rules, 1024 * MIB);
        struct swb_window_limits four = swb_prepared_limits(&rules, 4096 * MIB);

        (void)state;
        assert_int_equal(one.src_blocks, four.src_blocks);
        assert_int_equal(one.dst_blocks, four.dst_blocks);
        assert_true(2 * memory_of(&rules, one.src_blocks, one.dst_blocks) <= 1024 * MIB);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_difference_fits_the_memory),
                cmocka_unit_test(test_windows_do_not_grow_with_the_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
