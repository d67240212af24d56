/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include "device/engine/schedule.h"

#define MIN (60 * UINT64_C(1000000))
#define HOUR (60 * MIN)

/* The defaults of device.conf. */
static const struct swb_schedule defaults = {
        .first_usec = 7 * MIN,
        .first_jitter_usec = 5 * MIN,
        .interval_usec = 45 * MIN,
        .jitter_usec = 5 * MIN,
        .max_interval_usec = 4 * HOUR,
};

static const struct swb_now today = {
        .boot_usec = 10 * MIN,
        .wall_usec = UINT64_C(1700000000000000),
        .boot_id = "this-boot",
        .wall_is_sane = true,
};

/* Draws many times and compares the extremes with what is expected, within a thousandth. */
static void expect_wait(const struct swb_state *state, uint64_t low, uint64_t high)
{
        uint64_t seed = 88172645463325252u, least = UINT64_MAX, most = 0;

        for (int i = 0; i < 20000; i++) {
                uint64_t wait;

                seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
                wait = swb_schedule_wait(&defaults, state, 0, seed);
                assert_in_range(wait, low, high);
                least = SWB_MIN(least, wait);
                most = SWB_MAX(most, wait);
        }
        assert_true(least <= low + (high - low) / 1000);
        assert_true(most >= high - (high - low) / 1000);
}

static void normal_interval_is_45_minutes_give_or_take_5(void **state)
{
        _cleanup_(swb_state_freep) struct swb_state *s = swb_state_new();

        (void)state;
        expect_wait(s, 40 * MIN, 50 * MIN);
}

static void failed_checks_double_the_wait_up_to_four_hours(void **state)
{
        _cleanup_(swb_state_freep) struct swb_state *s = swb_state_new();

        (void)state;
        s->failed_checks = 1;
        expect_wait(s, 45 * MIN, 135 * MIN);
        s->failed_checks = 2;
        expect_wait(s, 90 * MIN, 270 * MIN);
        s->failed_checks = 3;
        expect_wait(s, 2 * HOUR, 6 * HOUR);
        s->failed_checks = UINT64_MAX;
        expect_wait(s, 2 * HOUR, 6 * HOUR);
}

static void the_servers_interval_is_kept_within_bounds(void **state)
{
        _cleanup_(swb_state_freep) struct swb_state *s = swb_state_new();

        (void)state;
        s->poll_interval_usec = 1 * MIN;
        expect_wait(s, 40 * MIN, 50 * MIN);
        s->poll_interval_usec = 2 * HOUR;
        expect_wait(s, 1 * HOUR, 3 * HOUR);
        s->poll_interval_usec = UINT64_MAX;
        expect_wait(s, 2 * HOUR, 6 * HOUR);
}

static void retry_after_is_a_lower_bound_and_has_an_upper_one(void **state)
{
        _cleanup_(swb_state_freep) struct swb_state *s = swb_state_new();

        (void)state;
        assert_int_equal(swb_schedule_wait(&defaults, s, 10 * HOUR, 0), 10 * HOUR);
        assert_int_equal(swb_schedule_wait(&defaults, s, 1 * MIN, 0), 40 * MIN);
        assert_int_equal(swb_schedule_wait(&defaults, s, 1000 * HOUR, 0), 24 * HOUR);
}

static void short_intervals_never_get_negative_jitter(void **state)
{
        struct swb_schedule fast = defaults;
        _cleanup_(swb_state_freep) struct swb_state *s = swb_state_new();

        (void)state;
        fast.interval_usec = MIN;
        for (uint64_t dice = 0; dice < 10 * MIN; dice += MIN / 7)
                assert_in_range(swb_schedule_wait(&fast, s, 0, dice), 0, 2 * MIN);
        fast.interval_usec = 0;
        fast.max_interval_usec = 0;
        assert_int_equal(swb_schedule_wait(&fast, s, 0, 12345), 0);
}

static void only_a_server_in_trouble_counts_as_failed(void **state)
{
        static const unsigned failed[] = {429, 500, 502, 503, 504};
        static const unsigned fine[] = {0, 200, 204, 301, 302, 400, 403, 404, 501, 505, 511};

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(failed); i++)
                assert_true(swb_schedule_is_failed_check(
                        &(struct swb_check_result){.http_status = failed[i]}));
        for (size_t i = 0; i < SWB_ELEMENTS(fine); i++)
                assert_false(swb_schedule_is_failed_check(
                        &(struct swb_check_result){.http_status = fine[i]}));
}

static uint64_t start_with(const struct swb_due *due, const struct swb_now *now)
{
        return swb_schedule_start(&defaults, due, now);
}

static void first_check_is_7_minutes_give_or_take_5_after_the_start(void **state)
{
        struct swb_now now = today;
        struct swb_due none = {0};

        (void)state;
        now.dice = 0;
        assert_int_equal(start_with(&none, &now), 2 * MIN);
        now.dice = 10 * MIN;
        assert_int_equal(start_with(&none, &now), 12 * MIN);
        now.dice = 5 * MIN;
        assert_int_equal(start_with(&none, &now), 7 * MIN);
}

static void a_restart_keeps_the_rest_of_the_wait(void **state)
{
        struct swb_due due = swb_schedule_due(&today, 45 * MIN, false);
        struct swb_now now = today;

        (void)state;
        now.boot_usec += 5 * MIN;
        assert_int_equal(start_with(&due, &now), 40 * MIN);
        /* Due while the engine was down: not at once, or a crash at each check would poll in a
         * loop. */
        now.boot_usec += 100 * MIN;
        assert_int_equal(start_with(&due, &now), 2 * MIN);
}

static void a_reboot_keeps_the_rest_of_the_wait_by_the_wall_clock(void **state)
{
        struct swb_due due = swb_schedule_due(&today, 10 * HOUR, true);
        struct swb_now now = today;

        (void)state;
        now.boot_id = "next-boot";
        now.boot_usec = 1 * MIN;
        now.wall_usec += 1 * HOUR;
        assert_int_equal(start_with(&due, &now), 9 * HOUR);
        now.wall_usec += 9 * HOUR - MIN / 2; /* little is left: the first check's draw counts */
        assert_int_equal(start_with(&due, &now), 2 * MIN);
        now.wall_usec = today.wall_usec - 1000 * HOUR; /* clock set back: no wait for 1010 hours */
        assert_int_equal(start_with(&due, &now), 2 * MIN);
}

static void without_a_clock_an_order_is_halved_at_each_start(void **state)
{
        struct swb_due due = swb_schedule_due(&today, 8 * HOUR, true);
        struct swb_now now = today;

        (void)state;
        now.boot_id = "boot-2";
        now.wall_is_sane = false;
        assert_int_equal(start_with(&due, &now), 4 * HOUR);
        due = swb_schedule_due(&now, 4 * HOUR, true);
        now.boot_id = "boot-3";
        assert_int_equal(start_with(&due, &now), 2 * HOUR);
        due = swb_schedule_due(&now, 4 * HOUR, false); /* an ordinary wait is not served again */
        now.boot_id = "boot-4";
        assert_int_equal(start_with(&due, &now), 2 * MIN);
}

static void a_bad_full_payload_is_paced_up_to_16_days(void **state)
{
        static const unsigned days[] = {0, 0, 0, 1, 2, 4, 8, 16, 16, 16};

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(days); i++)
                for (uint64_t dice = 0; dice < 50 * HOUR; dice += HOUR / 3) {
                        uint64_t wait = swb_schedule_backoff(i, dice);

                        if (days[i] == 0)
                                assert_int_equal(wait, 0);
                        else
                                assert_in_range(wait, (days[i] * 24 - 6) * HOUR,
                                                (days[i] * 24 + 6) * HOUR);
                }
        assert_in_range(swb_schedule_backoff(UINT64_MAX, 7), 16 * 24 * HOUR - 6 * HOUR,
                        16 * 24 * HOUR + 6 * HOUR);
}

static void age_is_by_the_best_clock_there_is(void **state)
{
        struct swb_due since = swb_schedule_due(&today, 0, false), none = {0};
        struct swb_now later = today;

        (void)state;
        later.boot_usec += HOUR;
        later.wall_usec += 100 * HOUR; /* somebody set the clock */
        assert_int_equal(swb_schedule_age(&since, &later), HOUR);
        assert_int_equal(swb_schedule_age(&none, &later), 0);
        later.boot_id = "another-boot";
        later.boot_usec = MIN;
        assert_int_equal(swb_schedule_age(&since, &later), 100 * HOUR);
        later.wall_is_sane = false;
        assert_int_equal(swb_schedule_age(&since, &later), MIN);
        later.wall_is_sane = true;
        later.wall_usec = today.wall_usec - HOUR;
        assert_int_equal(swb_schedule_age(&since, &later), MIN);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(age_is_by_the_best_clock_there_is),
                cmocka_unit_test(normal_interval_is_45_minutes_give_or_take_5),
                cmocka_unit_test(failed_checks_double_the_wait_up_to_four_hours),
                cmocka_unit_test(the_servers_interval_is_kept_within_bounds),
                cmocka_unit_test(retry_after_is_a_lower_bound_and_has_an_upper_one),
                cmocka_unit_test(short_intervals_never_get_negative_jitter),
                cmocka_unit_test(only_a_server_in_trouble_counts_as_failed),
                cmocka_unit_test(first_check_is_7_minutes_give_or_take_5_after_the_start),
                cmocka_unit_test(a_restart_keeps_the_rest_of_the_wait),
                cmocka_unit_test(a_reboot_keeps_the_rest_of_the_wait_by_the_wall_clock),
                cmocka_unit_test(a_bad_full_payload_is_paced_up_to_16_days),
                cmocka_unit_test(without_a_clock_an_order_is_halved_at_each_start),
        };

        return cmocka_run_group_tests_name("device/engine/schedule", tests, NULL, NULL);
}
