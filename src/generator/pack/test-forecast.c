/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/pack/forecast.h"

#include "base/test.h"

#define SEC ((uint64_t)1000000)

static void test_a_job_counts_down_and_is_never_done(void **state)
{
        const struct swb_forecast f = {.is_usec = true};
        uint64_t before = 10 * SEC;

        (void)state;
        assert_int_equal(swb_forecast_left(&f, 10 * SEC, 0), 10 * SEC);
        assert_in_range(swb_forecast_left(&f, 10 * SEC, 4 * SEC), 6 * SEC - 1, 6 * SEC + 1);
        for (uint64_t t = 1; t < 1000; t++) {
                uint64_t left = swb_forecast_left(&f, 10 * SEC, t * SEC);

                assert_in_range(left, 1, before - 1);
                before = left;
        }
        assert_int_equal(swb_forecast_left(&f, 1, UINT64_MAX), 1);
        assert_int_equal(swb_forecast_left(&f, 0, 5), 0);
}

static void test_it_learns_how_fast_the_machine_is(void **state)
{
        struct swb_forecast f = {.is_usec = true};

        (void)state;
        swb_forecast_done(&f, 100 * SEC, 200 * SEC); /* half as fast */
        assert_in_range(swb_forecast_left(&f, 10 * SEC, 10 * SEC), 4 * SEC, 6 * SEC);
        for (int i = 0; i < 100; i++) /* taken from a cache */
                swb_forecast_done(&f, 100 * SEC, SEC);
        assert_in_range(swb_forecast_left(&f, 10 * SEC, 10 * SEC), 4 * SEC, 6 * SEC);
}

static void test_another_unit_is_learned_first(void **state)
{
        struct swb_forecast f = {0};

        (void)state;
        assert_int_equal(swb_forecast_left(&f, 10, 5 * SEC), 10);
        swb_forecast_done(&f, 100, 100 * SEC);
        assert_int_equal(swb_forecast_left(&f, 10, 5 * SEC), 5);
        swb_forecast_done(&f, 0, 0);
        assert_int_equal(swb_forecast_left(&f, 10, 5 * SEC), 5);
}

static void test_the_longest_job_is_one_threads(void **state)
{
        (void)state;
        assert_int_equal(swb_forecast_span(80, 14, 2), 40);
        assert_int_equal(swb_forecast_span(80, 14, 8), 14);
        assert_int_equal(swb_forecast_span(81, 1, 2), 41);
        assert_int_equal(swb_forecast_span(UINT64_MAX, 1, 1), UINT64_MAX);
        assert_int_equal(swb_forecast_span(0, 0, 3), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_job_counts_down_and_is_never_done),
                cmocka_unit_test(test_it_learns_how_fast_the_machine_is),
                cmocka_unit_test(test_another_unit_is_learned_first),
                cmocka_unit_test(test_the_longest_job_is_one_threads),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
