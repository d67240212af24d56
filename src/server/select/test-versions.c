/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "server/select/versions.h"

static void test_fit(void **state)
{
        static const struct {
                const char *rule, *version;
                bool fits;
        } cases[] = {
                {"", "1.0", true},
                {"", "", true},
                {"1.2", "1.2", true},
                {"1.2", "1.2.0", true},
                {"1.2", "1.2.1", false},
                {"1.2.*", "1.2.1", true},
                {"1.2.*", "1.2", true},
                {"1.2.*", "1.20", false},
                {"1.2..1.4", "1.2", true},
                {"1.2..1.4", "1.3.9", true},
                {"1.2..1.4", "1.4", true},
                {"1.2..1.4", "1.4.1", false},
                {"1.2..1.4", "1.1", false},
                {"1.2..", "9", true},
                {"1.2..", "1.1", false},
                {"..1.4", "0.1", true},
                {"..1.4", "1.5", false},
                {"1.0,2.0..2.5,3.*", "2.1", true},
                {"1.0,2.0..2.5,3.*", "3.9", true},
                {"1.0,2.0..2.5,3.*", "2.6", false},
                {"..", "1.0", false}, /* can't be stored */
        };

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(cases); i++)
                if (swb_versions_fit(cases[i].rule, cases[i].version) != cases[i].fits)
                        fail_msg("'%s' and %s", cases[i].rule, cases[i].version);
}

static void test_check(void **state)
{
        static const char *const good[] = {"",      "1.2",   "1.2.*",        "1.2..1.4",  "1.2..",
                                           "..1.4", "1,2,3", "1.2.*,3..4,5", "1.0-rc1+7", "1.*"};
        static const char *const bad[] = {",",       "1,", ",1", "..",  "1 2",     "1, 2",
                                          "1..2..3", "*",  ".*", "1/2", "1.2.*..3"};
        char text[200];
        struct swb_error err = SWB_ERROR_INIT;

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(good); i++)
                if (swb_versions_check(good[i], &err) < 0)
                        fail_msg("'%s': %s", good[i], err.text);
        for (size_t i = 0; i < SWB_ELEMENTS(bad); i++)
                if (swb_versions_check(bad[i], &err) >= 0)
                        fail_msg("'%s' is taken", bad[i]);
        memset(text, '1', sizeof(text));
        text[sizeof(text) - 1] = '\0';
        assert_int_equal(swb_versions_check(text, &err), -EINVAL);
        assert_false(swb_versions_fit(text, "1"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_fit),
                cmocka_unit_test(test_check),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
