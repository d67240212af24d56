/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "generator/plan/rules.h"

static struct swb_rules make(enum swb_profile profile, bool delta, uint32_t minor)
{
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_rules rules;

        assert_ok(swb_rules_init(&rules, profile, delta, minor, &err), &err);
        return rules;
}

static void test_defaults(void **state)
{
        (void)state;
        assert_int_equal(make(SWB_PROFILE_SWITCHBACK, false, SWB_MINOR_DEFAULT).minor, 1003);
        assert_int_equal(make(SWB_PROFILE_SWITCHBACK, true, SWB_MINOR_DEFAULT).minor, 1004);
        assert_int_equal(make(SWB_PROFILE_CHROMEOS, false, SWB_MINOR_DEFAULT).minor, 0);
        assert_int_equal(make(SWB_PROFILE_CHROMEOS, true, SWB_MINOR_DEFAULT).minor, 4);
}

static void test_what_each_minor_allows(void **state)
{
        struct swb_rules r;

        (void)state;
        r = make(SWB_PROFILE_CHROMEOS, false, 0);
        assert_true(r.xz && !r.zero && !r.zstd && r.offsets_32_bit);
        r = make(SWB_PROFILE_CHROMEOS, true, 2);
        assert_true(!r.xz && !r.zero && !r.brotli && r.lengths);
        r = make(SWB_PROFILE_CHROMEOS, true, 3);
        assert_true(r.xz && !r.zero && !r.brotli && r.lengths);
        r = make(SWB_PROFILE_CHROMEOS, true, 4);
        assert_true(r.zero && r.brotli && !r.lengths && r.offsets_32_bit && !r.puffdiff);
        r = make(SWB_PROFILE_CHROMEOS, true, 6);
        assert_true(r.zero && r.brotli && !r.zstd && !r.offsets_32_bit && r.puffdiff);
        r = make(SWB_PROFILE_SWITCHBACK, true, 1000);
        assert_true(r.zero && r.brotli && r.zstd && r.xz && !r.offsets_32_bit && !r.puffdiff);
        assert_false(r.swdiff);
        r = make(SWB_PROFILE_SWITCHBACK, true, 1001);
        assert_true(r.swdiff && r.zero && r.zstd && r.xz && !r.puffdiff && !r.pieces);
        r = make(SWB_PROFILE_SWITCHBACK, false, 1002);
        assert_true(r.pieces && r.zero && r.zstd && r.hash_tree);
        assert_false(r.split);
        r = make(SWB_PROFILE_SWITCHBACK, false, 1003);
        assert_true(r.split && r.zstd && !r.pieces);
        r = make(SWB_PROFILE_SWITCHBACK, true, 1003);
        assert_true(r.swdiff && !r.split && !r.predicted);
        r = make(SWB_PROFILE_SWITCHBACK, true, 1004);
        assert_true(r.swdiff && r.all_codecs && r.predicted && r.effort == SWB_EFFORT_DEFAULT);
        r = make(SWB_PROFILE_SWITCHBACK, true, 4);
        assert_false(r.zstd);
}

static void test_what_does_not_go_together(void **state)
{
        static const struct {
                enum swb_profile profile;
                bool delta;
                uint32_t minor;
        } table[] = {
                {SWB_PROFILE_CHROMEOS, false, 2},    {SWB_PROFILE_CHROMEOS, false, 1000},
                {SWB_PROFILE_CHROMEOS, true, 0},     {SWB_PROFILE_CHROMEOS, true, 1},
                {SWB_PROFILE_CHROMEOS, true, 7},     {SWB_PROFILE_CHROMEOS, true, 1000},
                {SWB_PROFILE_SWITCHBACK, true, 0},   {SWB_PROFILE_SWITCHBACK, true, 1002},
                {SWB_PROFILE_SWITCHBACK, false, 4},  {SWB_PROFILE_SWITCHBACK, true, 1005},
                {SWB_PROFILE_CHROMEOS, false, 1002},
        };

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(table); i++) {
                struct swb_error err;
                struct swb_rules rules;

                assert_fault(swb_rules_init(&rules, table[i].profile, table[i].delta,
                                            table[i].minor, &err),
                             &err, SWB_FAULT_USAGE);
        }
}

static void test_names(void **state)
{
        (void)state;
        assert_int_equal(swb_profile_from_string("switchback"), SWB_PROFILE_SWITCHBACK);
        assert_int_equal(swb_profile_from_string("chromeos"), SWB_PROFILE_CHROMEOS);
        assert_true(swb_profile_from_string("Chromeos") < 0);
        assert_string_equal(swb_profile_to_string(SWB_PROFILE_CHROMEOS), "chromeos");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_defaults),
                cmocka_unit_test(test_what_each_minor_allows),
                cmocka_unit_test(test_what_does_not_go_together),
                cmocka_unit_test(test_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
