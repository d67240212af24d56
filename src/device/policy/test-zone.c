/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include <fcntl.h>

#include "device/policy/zone.h"

#define BERLIN "CET-1CEST,M3.5.0,M10.5.0/3"

static struct swb_zone parsed(const char *text)
{
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_zone zone;

        assert_ok(swb_zone_parse(text, &zone, &err), &err);
        return zone;
}

/* libc's own reading of the same rule, at moments all over the years. */
static void agrees_with_libc(void **state)
{
        static const char *const rules[] = {
                "UTC0",
                BERLIN,
                "EST5EDT,M3.2.0,M11.1.0",
                "AEST-10AEDT,M10.1.0,M4.1.0/3",
                "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
                "NZST-12NZDT,M9.5.0,M4.1.0/3",
                "IST-1GMT0,M10.5.0,M3.5.0/1",
                "<-02>2<-01>,M3.5.0/-1,M10.5.0/0",
                "XYZ3ABC,J60/1,J300/25",
                "XYZ3ABC,59,300",
        };

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(rules); i++) {
                struct swb_zone zone = parsed(rules[i]);

                assert_int_equal(setenv("TZ", rules[i], 1), 0);
                tzset();
                for (time_t t = 0; t < 4102444800; t += 86400 * 3 + 4111) {
                        struct tm tm;
                        int64_t until;

                        assert_non_null(localtime_r(&t, &tm));
                        assert_int_equal(swb_zone_offset(&zone, t, &until), tm.tm_gmtoff);
                        assert_true(until > t);
                }
        }
}

static void knows_when_the_clock_is_set(void **state)
{
        struct swb_zone zone = parsed(BERLIN);
        int64_t until;

        (void)state;
        /* 2026-03-29 and 2026-10-25, 01:00 UTC */
        assert_int_equal(swb_zone_offset(&zone, 1774746000 - 1, &until), 3600);
        assert_int_equal(until, 1774746000);
        assert_int_equal(swb_zone_offset(&zone, 1774746000, &until), 7200);
        assert_int_equal(until, 1792890000);
        assert_int_equal(swb_zone_offset(&zone, 1792890000, &until), 3600);
}

static void knows_the_months(void **state)
{
        struct swb_month month = swb_zone_month(19782); /* 2024-02-29 */

        (void)state;
        assert_int_equal(month.number, 2024 * 12 + 2);
        assert_int_equal(month.n_days, 29);
        assert_int_equal(month.day, 28);
        assert_int_equal(swb_zone_month(19783).number, 2024 * 12 + 3);
        assert_int_equal(swb_zone_month(0).number, 1970 * 12 + 1);
        assert_int_equal(swb_zone_month(20453).number, 2025 * 12 + 12); /* 2025-12-31 */
        assert_int_equal(swb_zone_month(20453).day, 30);
}

static void refuses_what_is_no_rule(void **state)
{
        static const char *const texts[] = {
                "",
                "CE",
                "CET",
                "CET-",
                "CET-1CEST",
                "CET-1CEST,M3.5.0",
                "CET-1CEST,M13.5.0,M10.5.0",
                "CET-1CEST,M3.0.0,M10.5.0",
                "CET-1CEST,M3.5.7,M10.5.0",
                "CET-1CEST,J0,J300",
                "CET-1CEST,M3.5.0,M10.5.0x",
                "CET-999",
                "<CET-1",
                ":Europe/Berlin",
                "CET-1CEST,366,1",
        };
        struct swb_error err;
        struct swb_zone zone;

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(texts); i++)
                assert_fault(swb_zone_parse(texts[i], &zone, &err), &err, SWB_FAULT_FORMAT);
}

static int load(const void *data, size_t n, struct swb_zone *zone, struct swb_error *err)
{
        char path[] = "/tmp/swb-zone-XXXXXX";
        int fd = mkstemp(path), r;

        assert_true(fd >= 0);
        assert_int_equal(write(fd, data, n), n);
        (void)close(fd);
        *err = SWB_ERROR_INIT;
        r = swb_zone_load(path, zone, err);
        (void)unlink(path);
        return r;
}

static void loads_zone_files(void **state)
{
        char file[44 + 44 + 64] = "TZif2";
        struct swb_error err;
        struct swb_zone zone;
        size_t n = 88;

        (void)state;
        memcpy(file + 44, "TZif2", 5);
        n += (size_t)snprintf(file + 88, 64, "\n" BERLIN "\n");
        assert_ok(load(file, n, &zone, &err), &err);
        assert_int_equal(zone.summer_sec, 7200);
        assert_fault(load(file, n - 1, &zone, &err), &err, SWB_FAULT_FORMAT);
        assert_fault(load(file, 20, &zone, &err), &err, SWB_FAULT_FORMAT);
        file[4] = '\0';
        assert_fault(load(file, n, &zone, &err), &err, SWB_FAULT_FORMAT);
        assert_fault(load("", 0, &zone, &err), &err, SWB_FAULT_FORMAT);
        assert_fault(swb_zone_load("/nonexistent", &zone, &err), &err, SWB_FAULT_NOT_FOUND);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(agrees_with_libc), cmocka_unit_test(knows_when_the_clock_is_set),
                cmocka_unit_test(knows_the_months), cmocka_unit_test(refuses_what_is_no_rule),
                cmocka_unit_test(loads_zone_files),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
