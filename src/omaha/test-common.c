/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "base/text.h"
#include "omaha/common.h"

static void test_appid(void **state)
{
        char text[16];

        (void)state;
        assert_true(swb_omaha_appid_equal("{AbC-1}", "abc-1"));
        assert_true(swb_omaha_appid_equal("io.example.App", "IO.EXAMPLE.app"));
        assert_false(swb_omaha_appid_equal("{abc}", "{abc}_dlc"));
        assert_false(swb_omaha_appid_equal("abc", "abcd"));
        assert_int_equal(swb_omaha_appid_normalize("{AbC-1}", text, sizeof(text)), 0);
        assert_string_equal(text, "abc-1");
        assert_int_equal(swb_omaha_appid_normalize("{}", text, sizeof(text)), -EINVAL);
        assert_int_equal(swb_omaha_appid_normalize("0123456789abcdef", text, sizeof(text)), -E2BIG);
}

static void test_prefix(void **state)
{
        static const struct {
                const char *version, *prefix;
                bool match;
        } cases[] = {
                {"1.2.3.4", "", true},
                {"1.2.3.4", "1.2.3", true},
                {"1.2.3.4", "1.2.3.", true},
                {"1.2.3", "1.2.3", true},
                {"1.2.3", "1.2.3.", true},
                {"1.2.34", "1.2.3", false},
                {"1.2.34", "1.2.3.", false},
                {"1.2", "1.2.3", false},
                {"3033.2.0", "3033.", true},
                {"3033", "3033.", true},
                {"30334.1", "3033.", false},
                {"1.2.3", "1.2.3$", true},
                {"1.2.3.4", "1.2.3$", false},
                {"1.2.3.0", "1.2.3$", true},
                {"1.02.3", "1.2", true},
                {"1.2.3-rc1", "1.2", true},
                {"1.2.3-rc1", "1.2.3-rc1", true},
                {"1.2.3-rc2", "1.2.3-rc1", false},
                {"1.0", "1.0", true},
                {"10.0", "1", false},
                {"", "1", false},
                {"1.2", ".", false},
                {"1.2", "$", false},
        };

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(cases); i++)
                if (swb_omaha_version_has_prefix(cases[i].version, cases[i].prefix) !=
                    cases[i].match)
                        fail_msg("'%s' against '%s'", cases[i].version, cases[i].prefix);
}

static void test_versions(void **state)
{
        (void)state;
        assert_true(swb_omaha_version_is_zero(""));
        assert_true(swb_omaha_version_is_zero("0.0.0.0"));
        assert_false(swb_omaha_version_is_zero("0.0.1"));
        assert_true(swb_version_compare("ForcedUpdate", "0.0.0.0") < 0);
}

static void test_errorcodes(void **state)
{
        char text[SWB_OMAHA_ERRORCODE_TEXT];

        (void)state;
        assert_int_equal(swb_omaha_errorcode_base(268437959), 2503);
        assert_string_equal(swb_omaha_errorcode_describe(268437959, text), "HTTP status 503");
        assert_int_equal(swb_omaha_errorcode_base((int32_t)0x8000000a), 10);
        assert_int_equal(swb_omaha_errorcode_base(-1), -1);
        assert_int_equal(swb_omaha_errorcode_base(44), 44);
        assert_string_equal(swb_omaha_errorcode_describe(999999, text), "error 999999");
        assert_string_equal(swb_omaha_errorcode_describe(INT32_MIN, text), "no error");
        assert_int_equal(swb_omaha_errorcode_from_fault(SWB_FAULT_HTTP, 404), 2404);
        for (int fault = 1; fault < _SWB_FAULT_MAX; fault++)
                assert_true(swb_omaha_errorcode_from_fault((enum swb_fault)fault, 0) > 0);
}

static void test_daystart(void **state)
{
        uint64_t seconds, days;

        (void)state;
        swb_omaha_daystart(1167609600, &seconds, &days);
        assert_true(seconds == 0 && days == 0);
        swb_omaha_daystart(1700000000, &seconds, &days); /* 2023-11-14T22:13:20Z */
        assert_int_equal(seconds, 22 * 3600 + 13 * 60 + 20);
        assert_int_equal(days, 6161);
        swb_omaha_daystart(0, &seconds, &days);
        assert_true(seconds == 0 && days == 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_appid),    cmocka_unit_test(test_prefix),
                cmocka_unit_test(test_versions), cmocka_unit_test(test_errorcodes),
                cmocka_unit_test(test_daystart),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
