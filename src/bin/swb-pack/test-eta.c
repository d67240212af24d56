/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "bin/swb-pack/eta.h"

#define SEC ((uint64_t)1000000)
#define BEGIN (77 * SEC)

static const struct swb_eta_stage stages[] = {{"hash", 10}, {"pack", 60}, {"apply", 30}, {NULL, 0}};

static void test_a_steady_pace_counts_down(void **state)
{
        struct swb_eta eta = {0};

        (void)state;
        for (uint64_t t = 0; t < 100; t++) {
                uint64_t left = swb_eta_next(&eta, "pack", t, 100, BEGIN + t * SEC);

                if (t < 5)
                        assert_int_equal(left, SWB_ETA_UNKNOWN);
                else
                        assert_in_range(left, 100 - t - (t < 100 ? 1 : 0), 100 - t + 1);
        }
        assert_int_equal(swb_eta_next(&eta, "pack", 100, 100, BEGIN + 100 * SEC), SWB_ETA_UNKNOWN);
}

static void test_later_stages_are_counted(void **state)
{
        struct swb_eta eta = {.stages = stages};
        uint64_t left = 0;

        (void)state;
        for (uint64_t t = 0; t <= 10; t++) /* says little about the rest */
                assert_int_equal(swb_eta_next(&eta, "hash", t, 10, BEGIN + t * SEC),
                                 SWB_ETA_UNKNOWN);
        /* nothing of the stage is done: not known */
        assert_int_equal(swb_eta_next(&eta, "pack", 0, 10, BEGIN + 10 * SEC), SWB_ETA_UNKNOWN);
        assert_int_equal(swb_eta_next(&eta, "pack", 0, 10, BEGIN + 12 * SEC), SWB_ETA_UNKNOWN);
        for (uint64_t t = 13; t <= 50; t++)
                left = swb_eta_next(&eta, "pack", t - 10, 60, BEGIN + t * SEC);
        assert_in_range(left, 45, 55);
        for (uint64_t t = 51; t <= 80; t++)
                left = swb_eta_next(&eta, "apply", t - 50, 60, BEGIN + t * SEC);
        assert_in_range(left, 28, 32); /* slower than it should be */
}

static void test_what_was_cached_is_forgotten(void **state)
{
        struct swb_eta eta = {0};
        uint64_t left = 0;

        (void)state;
        (void)swb_eta_next(&eta, "pack", 0, 100, BEGIN);
        (void)swb_eta_next(&eta, "pack", 50, 100, BEGIN + SEC);
        for (uint64_t t = 2; t <= 300; t++)
                left = swb_eta_next(&eta, "pack", 50 + t / 10, 100, BEGIN + t * SEC);
        assert_in_range(left, 150, 260); /* 20 parts, 10 s each */
}

/* Between the ends of long jobs it counts down, too. */
static void test_few_long_jobs(void **state)
{
        struct swb_eta eta = {0};

        (void)state;
        for (uint64_t t = 0; t < 400; t++) {
                uint64_t left = swb_eta_next(&eta, "pack", t / 40, 10, BEGIN + t * SEC);

                if (t < 40)
                        assert_int_equal(left, SWB_ETA_UNKNOWN);
                else
                        assert_in_range(left, 400 - t - 1, 400 - t + 5);
        }
        /* the last one takes longer than it should: no promise that it is over at once */
        for (uint64_t t = 400; t < 600; t++)
                assert_in_range(swb_eta_next(&eta, "pack", 9, 10, BEGIN + t * SEC), 1, 40);
}

static void test_odd_clocks_and_counts(void **state)
{
        struct swb_eta eta = {.stages = stages};

        (void)state;
        assert_int_equal(swb_eta_next(&eta, "hash", 0, 0, BEGIN), SWB_ETA_UNKNOWN);
        assert_int_equal(swb_eta_next(&eta, "hash", 9, 3, BEGIN), SWB_ETA_UNKNOWN);
        assert_int_equal(swb_eta_next(&eta, "hash", 9, 3, BEGIN - SEC), SWB_ETA_UNKNOWN);
        assert_int_equal(swb_eta_next(&eta, "no such", 1, 3, BEGIN), SWB_ETA_UNKNOWN);
        assert_int_equal(swb_eta_next(&eta, "no such", 2, 3, BEGIN + 60 * SEC), SWB_ETA_UNKNOWN);
        (void)swb_eta_next(&eta, "no such", UINT64_MAX - 1, UINT64_MAX, UINT64_MAX);
        (void)swb_eta_next(&eta, "pack", 1, 2, UINT64_MAX);
        (void)swb_eta_next(&eta, "pack", 1, 2, 0);
}

static void test_a_stage_that_comes_again(void **state)
{
        struct swb_eta eta = {.stages = stages};
        uint64_t left = 0;

        (void)state;
        for (uint64_t t = 0; t <= 20; t++) /* two partitions, 10 s each */
                left = swb_eta_next(&eta, "hash", t % 10, 10, BEGIN + t * SEC);
        assert_int_equal(left, SWB_ETA_UNKNOWN); /* the third begins */
        assert_true(eta.other_share == 0);
}

static void test_text(void **state)
{
        char text[SWB_ETA_TEXT];

        (void)state;
        assert_string_equal(swb_eta_format(0, text), "0 s");
        assert_string_equal(swb_eta_format(59, text), "59 s");
        assert_string_equal(swb_eta_format(80, text), "1 min 20 s");
        assert_string_equal(swb_eta_format(3599, text), "59 min 59 s");
        assert_string_equal(swb_eta_format(7500, text), "2 h 5 min");
        assert_string_equal(swb_eta_format(UINT64_MAX - 1, text), "5124095576030431 h 0 min");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_steady_pace_counts_down),
                cmocka_unit_test(test_later_stages_are_counted),
                cmocka_unit_test(test_what_was_cached_is_forgotten),
                cmocka_unit_test(test_few_long_jobs),
                cmocka_unit_test(test_odd_clocks_and_counts),
                cmocka_unit_test(test_a_stage_that_comes_again),
                cmocka_unit_test(test_text),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
