/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include "device/policy/budget.h"
#include "device/policy/deadline.h"
#include "device/policy/inhibitors.h"
#include "device/policy/scatter.h"

#define SECOND UINT64_C(1000000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define NOON (UINT64_C(1795953600) * SECOND) /* 2026-11-29T12:00:00Z */

static const struct swb_config fortnight = {.policy.deadline_usec = 14 * DAY};
static const struct swb_config none = {0};

static void expect(const struct swb_config *config, const char *text, uint64_t age, uint64_t left,
                   uint64_t late)
{
        struct swb_deadline d = swb_deadline(config, text, age, NOON, true);

        assert_true(d.is_set);
        assert_int_equal(d.left_usec, left);
        assert_int_equal(d.late_usec, late);
}

static void the_earlier_deadline_counts(void **state)
{
        (void)state;
        assert_false(swb_deadline(&none, "", DAY, NOON, true).is_set);
        expect(&fortnight, "", DAY, 13 * DAY, 0);
        expect(&fortnight, "", 15 * DAY, 0, DAY);
        expect(&fortnight, "2026-11-29T13:00:00Z", DAY, HOUR, 0);
        expect(&fortnight, "2026-12-25", DAY, 13 * DAY, 0);
        expect(&none, "2026-11-30", DAY, 12 * HOUR, 0);
        expect(&none, "2026-11-29T11:00:00Z", DAY, 0, HOUR);
}

static void any_other_text_means_now(void **state)
{
        (void)state;
        expect(&none, "now", HOUR, 0, HOUR);
        expect(&fortnight, "critical", 0, 0, 0);
        /* Late long before this device heard of it: late since it did. */
        expect(&none, "2020-01-01", HOUR, 0, HOUR);
}

static void a_wrong_clock_only_leaves_the_devices_own_deadline(void **state)
{
        (void)state;
        assert_false(swb_deadline(&none, "2026-11-30", DAY, 0, false).is_set);
        assert_int_equal(swb_deadline(&fortnight, "2026-11-30", DAY, 0, false).left_usec, 13 * DAY);
        assert_int_equal(swb_deadline(&none, "now", HOUR, 0, false).late_usec, HOUR);
}

static void warnings_come_before_the_deadline(void **state)
{
        static const struct {
                uint64_t left;
                unsigned n;
                uint64_t next;
        } table[] = {
                {DAY + HOUR, 0, HOUR},  {DAY, 1, 23 * HOUR},          {2 * HOUR, 1, HOUR},
                {HOUR, 2, 50 * MINUTE}, {10 * MINUTE, 3, UINT64_MAX}, {0, 0, UINT64_MAX},
        };
        uint64_t next;

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(table); i++) {
                struct swb_deadline d = {.is_set = true, .left_usec = table[i].left};

                assert_int_equal(swb_deadline_warnings(&d, &next), table[i].n);
                assert_int_equal(next, table[i].next);
        }
}

/* ---- inhibitors ---- */

static void an_inhibitor_holds_up_to_its_limit(void **state)
{
        struct swb_inhibition one = {.since_usec = DAY, .max_usec = 2 * HOUR};
        struct swb_deadline no = {0}, ahead = {.is_set = true, .left_usec = HOUR};
        struct swb_deadline late = {.is_set = true, .late_usec = HOUR};

        (void)state;
        assert_int_equal(swb_inhibition_left(&one, DAY, &no, 12 * HOUR), 2 * HOUR);
        assert_int_equal(swb_inhibition_left(&one, DAY + HOUR, &ahead, 12 * HOUR), HOUR);
        assert_int_equal(swb_inhibition_left(&one, DAY + 2 * HOUR, &no, 12 * HOUR), 0);
        assert_int_equal(swb_inhibition_left(&one, DAY + HOUR, &no, HOUR / 2), 0);
        /* Taken half an hour before a deadline that passed an hour ago: its own limit counts. */
        assert_int_equal(swb_inhibition_left(&one, DAY + 90 * MINUTE, &late, 12 * HOUR),
                         30 * MINUTE);
}

static void nobody_holds_for_ever_behind_a_deadline(void **state)
{
        struct swb_inhibition one = {.since_usec = DAY, .max_usec = 2 * HOUR};
        struct swb_deadline late = {.is_set = true, .late_usec = 11 * HOUR};

        (void)state;
        assert_int_equal(swb_inhibition_left(&one, DAY, &late, 12 * HOUR), HOUR);
        late.late_usec = 12 * HOUR;
        assert_int_equal(swb_inhibition_left(&one, DAY, &late, 12 * HOUR), 0);
}

static void inhibitors_come_and_go(void **state)
{
        struct swb_inhibitors all = {0};
        struct swb_inhibition one = {.who = "app", .gates = 8, .max_usec = 1};
        struct swb_error err = SWB_ERROR_INIT;
        unsigned first, id;

        (void)state;
        assert_ok(swb_inhibitors_add(&all, &one, &first, &err), &err);
        for (int i = 1; i < SWB_INHIBITORS_MAX; i++)
                assert_ok(swb_inhibitors_add(&all, &one, &id, &err), &err);
        assert_fault(swb_inhibitors_add(&all, &one, &id, &err), &err, SWB_FAULT_LIMIT);
        swb_inhibitors_remove(&all, first);
        swb_inhibitors_remove(&all, first);
        assert_int_equal(all.n, SWB_INHIBITORS_MAX - 1);
        assert_ok(swb_inhibitors_add(&all, &one, &id, &err), &err);
        assert_int_not_equal(id, first);
}

/* ---- scatter ---- */

static void a_stage_has_its_share_of_the_devices(void **state)
{
        struct swb_config config = {.policy.staging = (char *)"1d:10, 4d:50,8d:100"};
        unsigned n[3] = {0};
        uint64_t seed = 88172645463325252u;

        (void)state;
        for (int i = 0; i < 100000; i++) {
                uint64_t wait;

                seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
                wait = swb_scatter_draw(&config, seed);
                assert_in_range(wait, 0, 8 * DAY);
                n[wait <= DAY ? 0 : wait <= 4 * DAY ? 1 : 2]++;
        }
        assert_in_range(n[0], 9500, 10500);
        assert_in_range(n[1], 39000, 41000);
        assert_in_range(n[2], 49000, 51000);
}

static void scatter_without_stages_is_even(void **state)
{
        struct swb_config config = {.policy = {.staging = (char *)"", .scatter_usec = HOUR}};

        (void)state;
        assert_int_equal(swb_scatter_draw(&config, HOUR), HOUR);
        assert_int_equal(swb_scatter_draw(&config, HOUR + 1), 0);
        config.policy.scatter_usec = 0;
        assert_int_equal(swb_scatter_draw(&config, 123456789), 0);
}

static void wrong_stages_are_refused_and_hold_nobody(void **state)
{
        static const char *const texts[] = {
                "1d",    "1d:50",   "2d:50, 1d:100", "1d:50, 2d:50, 3d:100", "1d:101", "29d:100",
                "x:100", "1d:100,", ",1d:100"};
        struct swb_config config = {0};
        struct swb_staging staging;
        struct swb_error err;

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(texts); i++) {
                if (strcmp(texts[i], "1d:100,") == 0)
                        continue; /* a comma at the end does no harm */
                assert_fault(swb_staging_parse(texts[i], &staging, &err), &err, SWB_FAULT_CONFIG);
                config.policy.staging = (char *)texts[i];
                assert_int_equal(swb_scatter_draw(&config, 12345), 0);
        }
}

/* ---- budget ---- */

static void a_budget_is_renewed_at_midnight_and_on_the_first(void **state)
{
        struct swb_config config = {.network = {.day_limit_bytes = 100,
                                                .month_limit_bytes = 1000,
                                                .metered_month_limit_bytes = 50}};
        struct swb_zone zone = SWB_ZONE_UTC;
        struct swb_usage_clock clock = {&zone, NOON, true};
        struct swb_allowance left[SWB_ALLOWANCES];
        struct swb_usage usage = {0};

        (void)state;
        swb_usage_add(&usage, &clock, false, 70);
        swb_usage_add(&usage, &clock, true, 60);
        swb_usage_left(&usage, &clock, &config, left);
        assert_int_equal(left[0].left_bytes, 0);
        assert_int_equal(left[0].renewal_usec, 12 * HOUR);
        assert_int_equal(left[1].left_bytes, 870);
        assert_int_equal(left[1].renewal_usec, 36 * HOUR);
        assert_int_equal(left[2].left_bytes, 0);
        clock.wall_usec += 12 * HOUR;
        swb_usage_left(&usage, &clock, &config, left);
        assert_int_equal(left[0].left_bytes, 100);
        assert_int_equal(left[1].left_bytes, 870);
        clock.wall_usec += DAY;
        swb_usage_left(&usage, &clock, &config, left);
        assert_int_equal(left[1].left_bytes, 1000);
        assert_int_equal(left[2].left_bytes, 50);
        clock.wall_is_sane = false;
        clock.wall_usec = 0;
        swb_usage_left(&usage, &clock, &config, left);
        assert_int_equal(left[1].left_bytes, 870);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_earlier_deadline_counts),
                cmocka_unit_test(any_other_text_means_now),
                cmocka_unit_test(a_wrong_clock_only_leaves_the_devices_own_deadline),
                cmocka_unit_test(warnings_come_before_the_deadline),
                cmocka_unit_test(an_inhibitor_holds_up_to_its_limit),
                cmocka_unit_test(nobody_holds_for_ever_behind_a_deadline),
                cmocka_unit_test(inhibitors_come_and_go),
                cmocka_unit_test(a_stage_has_its_share_of_the_devices),
                cmocka_unit_test(scatter_without_stages_is_even),
                cmocka_unit_test(wrong_stages_are_refused_and_hold_nobody),
                cmocka_unit_test(a_budget_is_renewed_at_midnight_and_on_the_first),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
