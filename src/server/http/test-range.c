/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "server/http/range.h"

static void test_ranges(void **state)
{
        static const struct {
                const char *header;
                uint64_t size;
                enum swb_range_kind result;
                uint64_t offset, n;
        } cases[] = {
                {NULL, 10, SWB_RANGE_WHOLE},
                {"", 10, SWB_RANGE_WHOLE},
                {"bytes=0-", 10, SWB_RANGE_PART, 0, 10},
                {"bytes=3-", 10, SWB_RANGE_PART, 3, 7},
                {"Bytes= 3-5 ", 10, SWB_RANGE_PART, 3, 3},
                {"bytes=9-9", 10, SWB_RANGE_PART, 9, 1},
                {"bytes=5-99999999999999999", 10, SWB_RANGE_PART, 5, 5},
                {"bytes=-3", 10, SWB_RANGE_PART, 7, 3},
                {"bytes=-30", 10, SWB_RANGE_PART, 0, 10},
                {"bytes=10-", 10, SWB_RANGE_UNSATISFIABLE},
                {"bytes=18446744073709551615-", 10, SWB_RANGE_UNSATISFIABLE},
                {"bytes=-0", 10, SWB_RANGE_UNSATISFIABLE},
                {"bytes=0-", 0, SWB_RANGE_UNSATISFIABLE},
                {"bytes=-5", 0, SWB_RANGE_UNSATISFIABLE},
                {"bytes=5-3", 10, SWB_RANGE_WHOLE},
                {"bytes=1-2,4-5", 10, SWB_RANGE_WHOLE},
                {"bytes=-2,4-5", 10, SWB_RANGE_WHOLE},
                {"bytes=a-b", 10, SWB_RANGE_WHOLE},
                {"bytes=1", 10, SWB_RANGE_WHOLE},
                {"bytes=+1-2", 10, SWB_RANGE_WHOLE},
                {"bytes=-", 10, SWB_RANGE_WHOLE},
                {"bytes=99999999999999999999999999-", 10, SWB_RANGE_WHOLE},
                {"lines=1-2", 10, SWB_RANGE_WHOLE},
        };

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(cases); i++) {
                uint64_t offset = 0, n = 0;
                enum swb_range_kind r =
                        swb_range_parse(cases[i].header, cases[i].size, &offset, &n);

                if (r != cases[i].result || offset != cases[i].offset || n != cases[i].n)
                        fail_msg("'%s' of %d: %d", cases[i].header, (int)cases[i].size, r);
        }
}

static void test_etags(void **state)
{
        (void)state;
        assert_true(swb_etag_in_list("\"a\"", "\"a\""));
        assert_true(swb_etag_in_list("\"b\" , W/\"a\"", "\"a\""));
        assert_true(swb_etag_in_list("*", "\"a\""));
        assert_false(swb_etag_in_list(NULL, "\"a\""));
        assert_false(swb_etag_in_list("", "\"a\""));
        assert_false(swb_etag_in_list("a", "\"a\""));
        assert_false(swb_etag_in_list("\"ab\"", "\"a\""));
        assert_false(swb_etag_in_list("\"b", "\"b\""));
        assert_false(swb_etag_in_list(",,,", "\"b\""));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_ranges),
                cmocka_unit_test(test_etags),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
