/* SPDX-License-Identifier: Apache-2.0 */
/* Working hours and time zones, the latter against libc. */
#include "base/test.h"
#include "server/rollout/hours.h"
#include "server/rollout/zone.h"

static struct swb_error err;

/* 2024-05-06 was a Monday. */
#define MONDAY 1714953600

static void test_hours(void **state)
{
        static const struct {
                const char *text;
                int day, hour, minute;
                bool inside;
        } cases[] = {
                {"", 0, 3, 0, true},
                {"Mon-Fri 09:00-17:00", 0, 8, 59, false},
                {"Mon-Fri 09:00-17:00", 0, 9, 0, true},
                {"Mon-Fri 09:00-17:00", 4, 16, 59, true},
                {"Mon-Fri 09:00-17:00", 4, 17, 0, false},
                {"Mon-Fri 09:00-17:00", 5, 12, 0, false},
                {"Sat 22:00-02:00", 5, 23, 0, true},
                {"Sat 22:00-02:00", 6, 1, 59, true},
                {"Sat 22:00-02:00", 6, 2, 0, false},
                {"Sat 22:00-02:00", 5, 1, 0, false},
                {"Fri-Mon 00:00-24:00", 6, 12, 0, true},
                {"Fri-Mon 00:00-24:00", 2, 12, 0, false},
                {"Tue 08:00-10:00,thu 08:00-10:00", 3, 9, 0, true},
        };
        static const char *const bad[] = {"Mon",      "Mon 9-17",          "Mon 09:00-25:00",
                                          "x",        "Mon 09:00-09:00",   "Mon 09:00-10:00,",
                                          "Mon-Fri ", "Mon 09:00-10:00 x", "Mon +9:00-10:00"};
        struct swb_hours hours;

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(cases); i++) {
                int64_t t =
                        MONDAY + cases[i].day * 86400 + cases[i].hour * 3600 + cases[i].minute * 60;

                assert_ok(swb_hours_parse(cases[i].text, &hours, &err), &err);
                if (swb_hours_contain(&hours, t) != cases[i].inside)
                        fail_msg("case %zu: %s", i, cases[i].text);
        }
        for (size_t i = 0; i < SWB_ELEMENTS(bad); i++)
                assert_fault(swb_hours_parse(bad[i], &hours, &err), &err, SWB_FAULT_USAGE);
}

/* Every six hours and a bit from 1970 to 2100. */
static void compare_with_libc(const char *name)
{
        _cleanup_(swb_zone_freep) struct swb_zone *zone = NULL;

        assert_ok(swb_zone_load(name, &zone, &err), &err);
        (void)setenv("TZ", name, 1);
        tzset();
        for (int64_t t = 0; t < 4102444800; t += 6 * 3600 + 1777) {
                time_t libc_t = (time_t)t;
                struct tm tm;

                assert_non_null(localtime_r(&libc_t, &tm));
                if (swb_zone_offset(zone, t) != tm.tm_gmtoff)
                        fail_msg("%s at %lld: %d, libc says %ld", name, (long long)t,
                                 swb_zone_offset(zone, t), tm.tm_gmtoff);
        }
}

static void test_zones(void **state)
{
        static const char *const names[] = {"Europe/Berlin", "America/New_York",
                                            "Australia/Lord_Howe", "Asia/Kolkata"};
        struct swb_zone *zone;

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(names); i++)
                compare_with_libc(names[i]);
        assert_fault(swb_zone_load("No/Where", &zone, &err), &err, SWB_FAULT_NOT_FOUND);
        assert_fault(swb_zone_load("../passwd", &zone, &err), &err, SWB_FAULT_USAGE);
        assert_fault(swb_zone_load("Europe/..", &zone, &err), &err, SWB_FAULT_USAGE);
        assert_fault(swb_zone_parse("TZif2", 5, &zone, &err), &err, SWB_FAULT_FORMAT);
        assert_int_equal(swb_zone_offset(NULL, 5), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_hours),
                cmocka_unit_test(test_zones),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
