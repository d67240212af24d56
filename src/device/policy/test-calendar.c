/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include "device/policy/calendar.h"

#define SECOND UINT64_C(1000000)
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)
/* Sundays in Berlin, 00:00 UTC: the clock goes from 2 to 3 local time, and from 3 to 2. */
#define SPRING (UINT64_C(1774742400) * SECOND)
#define AUTUMN (UINT64_C(1792886400) * SECOND)

static struct swb_zone berlin(void)
{
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_zone zone;

        assert_ok(swb_zone_parse("CET-1CEST,M3.5.0,M10.5.0/3", &zone, &err), &err);
        return zone;
}

static struct swb_windows windows(const char *text)
{
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_windows w;

        assert_ok(swb_windows_parse(text, &w, &err), &err);
        return w;
}

static void expect(const char *text, uint64_t wall_usec, bool is_open, uint64_t change_usec)
{
        struct swb_windows w = windows(text);
        struct swb_zone zone = berlin();
        struct swb_opening opening = swb_calendar_look(&w, &zone, wall_usec);

        assert_int_equal(opening.is_open, is_open);
        assert_int_equal(opening.change_usec, change_usec);
}

static void windows_are_in_local_time(void **state)
{
        (void)state;
        /* The day after, summer time: 02:00 local is 00:00 UTC. */
        expect("02:00-05:00", SPRING + DAY, true, 3 * HOUR);
        expect("02:00-05:00", SPRING + DAY - 1, false, 1);
        expect("02:00-05:00", SPRING + DAY + 3 * HOUR, false, 21 * HOUR);
        expect("always", SPRING, true, UINT64_MAX);
}

static void an_hour_that_is_skipped_opens_nothing(void **state)
{
        (void)state;
        /* From 01:00 local on Sunday: 02:00-03:00 does not exist, the next one is on Monday. */
        expect("02:00-03:00", SPRING, false, DAY);
        expect("Sun 02:00-03:00", SPRING, false, 7 * DAY);
        /* Half of it exists: it opens when the clock jumps into it. */
        expect("02:30-03:30", SPRING, false, HOUR);
        expect("02:30-03:30", SPRING + HOUR, true, HOUR / 2);
        /* One that is open over the change is an hour shorter. */
        expect("01:00-05:00", SPRING, true, 3 * HOUR);
}

static void an_hour_that_comes_twice_opens_twice(void **state)
{
        (void)state;
        /* AUTUMN is 02:00 local summer time; at 01:00 UTC it becomes 02:00 again. */
        expect("02:00-02:30", AUTUMN, true, HOUR / 2);
        expect("02:00-02:30", AUTUMN + HOUR / 2, false, HOUR / 2);
        expect("02:00-02:30", AUTUMN + HOUR, true, HOUR / 2);
        expect("02:00-05:00", AUTUMN, true, 4 * HOUR);
        /* Closed by the clock going back. */
        expect("02:45-03:15, 03:15-04:00", AUTUMN + HOUR - 1, true, 1);
}

static void every_change_is_one(void **state)
{
        struct swb_windows w = windows("Fri-Sun 01:30-02:45, 23:00-00:10, Mon 02:00-03:00");
        struct swb_zone zone = berlin();

        (void)state;
        for (uint64_t t = SPRING - 9 * DAY; t < SPRING + 9 * DAY; t += 997 * SECOND + 13) {
                struct swb_opening is = swb_calendar_look(&w, &zone, t);
                struct swb_opening then = swb_calendar_look(&w, &zone, t + is.change_usec);
                struct swb_opening before =
                        swb_calendar_look(&w, &zone, t + is.change_usec - SECOND);

                assert_in_range(is.change_usec, 1, 7 * DAY);
                assert_true(then.is_open != is.is_open);
                assert_true(before.is_open == is.is_open);
        }
}

static void days_and_months_are_local(void **state)
{
        struct swb_zone zone = berlin();
        uint64_t evening = SPRING + 3 * DAY - 2 * HOUR; /* 2026-04-01 00:00 summer time */

        (void)state;
        assert_int_equal(swb_calendar_month(&zone, evening),
                         swb_calendar_month(&zone, evening - 1) + 1);
        assert_int_equal(swb_calendar_day(&zone, evening),
                         swb_calendar_day(&zone, evening - 1) + 1);
        assert_int_equal(swb_calendar_day_left(&zone, evening - 1), 1);
        assert_int_equal(swb_calendar_day_left(&zone, evening), DAY);
        assert_int_equal(swb_calendar_month_left(&zone, evening), 30 * DAY);
        assert_int_equal(swb_calendar_month_left(&zone, evening - 1), 1);
        assert_int_equal(swb_calendar_month_left(&zone, evening - DAY), DAY);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(windows_are_in_local_time),
                cmocka_unit_test(an_hour_that_is_skipped_opens_nothing),
                cmocka_unit_test(an_hour_that_comes_twice_opens_twice),
                cmocka_unit_test(every_change_is_one),
                cmocka_unit_test(days_and_months_are_local),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
