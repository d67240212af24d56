/* SPDX-License-Identifier: Apache-2.0 */
#include "base/ranges.h"

#include "base/test.h"

static void test_both_ways(void **state)
{
        static const struct swb_range ranges[] = {{0, 1}, {1, 5}, {7, UINT64_MAX}};
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(SWB_RANGES_TEXT_MAX);
        struct swb_range back[3];
        size_t n;

        (void)state;
        assert_int_equal(swb_ranges_put(&buf, ranges, 3), 0);
        assert_string_equal((char *)buf.data, "0-0,1-4,7-18446744073709551614");
        assert_int_equal(swb_ranges_parse((char *)buf.data, back, 3, &n), 0);
        assert_int_equal(n, 3);
        assert_memory_equal(back, ranges, sizeof(ranges));
        assert_int_equal(swb_ranges_parse((char *)buf.data, back, 2, &n), -E2BIG);
}

static void test_largest(void **state)
{
        struct swb_range ranges[SWB_RANGES_MAX];
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(SWB_RANGES_TEXT_MAX);

        (void)state;
        for (size_t i = 0; i < SWB_RANGES_MAX; i++)
                ranges[i] = (struct swb_range){UINT64_MAX - 500 + 3 * i, UINT64_MAX - 499 + 3 * i};
        assert_int_equal(swb_ranges_put(&buf, ranges, SWB_RANGES_MAX), 0);
}

static void test_refused(void **state)
{
        static const char *const texts[] = {
                "",
                "-",
                "5",
                "5-",
                "-5",
                "5-4",
                "0-18446744073709551615",
                "1-2,",
                ",1-2",
                "1-2 ",
                " 1-2",
                "+1-2",
                "1-+2",
                "3-4,1-2",
                "1-3,3-4",
                "1-99999999999999999999999999",
                "1-2;4-5",
                "0x1-2",
        };
        struct swb_range ranges[4];
        size_t n;

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(texts); i++)
                if (swb_ranges_parse(texts[i], ranges, 4, &n) != -EBADMSG)
                        fail_msg("'%s' passes", texts[i]);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_both_ways),
                cmocka_unit_test(test_largest),
                cmocka_unit_test(test_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
