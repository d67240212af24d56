/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include "device/config/windows.h"

#define HOUR 3600u
#define DAY 86400u
#define AT(day, hour) ((day)*DAY + (hour)*HOUR)

static struct swb_windows parsed(const char *text)
{
        struct swb_windows windows;
        struct swb_error err = SWB_ERROR_INIT;

        assert_ok(swb_windows_parse(text, &windows, &err), &err);
        return windows;
}

static void every_night(void **state)
{
        struct swb_windows w = parsed("02:00-05:00");

        (void)state;
        for (unsigned day = 0; day < 7; day++) {
                assert_false(swb_windows_contain(&w, AT(day, 2) - 1));
                assert_true(swb_windows_contain(&w, AT(day, 2)));
                assert_true(swb_windows_contain(&w, AT(day, 5) - 1));
                assert_false(swb_windows_contain(&w, AT(day, 5)));
                assert_int_equal(swb_windows_next(&w, AT(day, 3)), 2 * HOUR);
                assert_int_equal(swb_windows_next(&w, AT(day, 6)), 20 * HOUR);
        }
}

static void across_midnight_and_the_week_s_end(void **state)
{
        struct swb_windows w = parsed("Sun 22:30-06:00");

        (void)state;
        assert_false(swb_windows_contain(&w, AT(6, 22)));
        assert_true(swb_windows_contain(&w, AT(6, 23)));
        assert_true(swb_windows_contain(&w, AT(0, 5)));
        assert_false(swb_windows_contain(&w, AT(0, 6)));
        assert_false(swb_windows_contain(&w, AT(1, 5)));
        assert_int_equal(swb_windows_next(&w, AT(6, 23)), 7 * HOUR);
        assert_int_equal(swb_windows_next(&w, AT(0, 6)), 6 * DAY + 16 * HOUR + HOUR / 2);
}

static void several_windows_that_touch_are_one(void **state)
{
        struct swb_windows w =
                parsed("Mon-Fri 20:00-00:00, Tue+Wed 00:00-04:00,Sat+Sun 00:00-24:00");

        (void)state;
        assert_int_equal(w.n, 3);
        assert_int_equal(swb_windows_next(&w, AT(0, 21)), 7 * HOUR);
        assert_int_equal(swb_windows_next(&w, AT(2, 21)), 3 * HOUR);
        assert_int_equal(swb_windows_next(&w, AT(4, 20)), 4 * HOUR + 2 * DAY);
        assert_false(swb_windows_contain(&w, AT(0, 0)));
}

static void always_and_what_amounts_to_it(void **state)
{
        static const char *const texts[] = {"always", "00:00-24:00", "00:00-00:00",
                                            "Fri-Mon 12:00-12:00, Tue+Wed+Thu 12:00-12:00"};

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(texts); i++) {
                struct swb_windows w = parsed(texts[i]);

                for (uint32_t t = 0; t < SWB_WEEK_SECONDS; t += 1799) {
                        assert_true(swb_windows_contain(&w, t));
                        assert_int_equal(swb_windows_next(&w, t), SWB_WINDOWS_NO_CHANGE);
                }
        }
}

static void next_is_the_next_change(void **state)
{
        struct swb_windows w = parsed("Mon+Thu-Sat 21:15-03:45, 12:00-12:01, Sun 01:00-02:00");

        (void)state;
        for (uint32_t t = 0; t < SWB_WEEK_SECONDS; t += 977) {
                uint32_t next = swb_windows_next(&w, t);
                bool is_open = swb_windows_contain(&w, t);

                assert_in_range(next, 1, SWB_WEEK_SECONDS);
                assert_true(swb_windows_contain(&w, (t + next) % SWB_WEEK_SECONDS) != is_open);
                assert_true(swb_windows_contain(&w, (t + next - 1) % SWB_WEEK_SECONDS) == is_open);
        }
}

static void refuses_what_is_no_window(void **state)
{
        static const char *const texts[] = {
                "",
                " ",
                "never",
                "2:00-5:00",
                "02:00",
                "02:00-",
                "02:00-25:00",
                "24:00-02:00",
                "02:60-05:00",
                "Mon",
                "Mon02:00-05:00",
                "Mon- 02:00-05:00",
                "Mo 02:00-05:00",
                "02:00-05:00,",
                "02:00-05:00;03:00-04:00",
                "Mon,Tue 02:00-05:00",
                "02:00-05:00 x",
                "Mon+ 02:00-05:00",
                "02:00-24:01",
        };
        struct swb_windows windows;
        struct swb_error err;
        char many[17 * 12 + 1] = "";

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(texts); i++)
                assert_fault(swb_windows_parse(texts[i], &windows, &err), &err, SWB_FAULT_CONFIG);
        for (int i = 0; i < 17; i++)
                memcpy(many + i * 12, "02:00-05:00,", 12);
        many[sizeof(many) - 2] = '\0';
        assert_fault(swb_windows_parse(many, &windows, &err), &err, SWB_FAULT_CONFIG);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_night),
                cmocka_unit_test(across_midnight_and_the_week_s_end),
                cmocka_unit_test(several_windows_that_touch_are_one),
                cmocka_unit_test(always_and_what_amounts_to_it),
                cmocka_unit_test(next_is_the_next_change),
                cmocka_unit_test(refuses_what_is_no_window),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
