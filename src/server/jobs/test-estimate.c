/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "server/jobs/estimate.h"

static struct swb_delta_measure measure(const char *source, const char *target, uint64_t steps,
                                        uint64_t delta_bytes, uint64_t cpu_msec)
{
        struct swb_delta_measure m = {.steps = steps,
                                      .delta_bytes = delta_bytes,
                                      .full_bytes = 1000,
                                      .cpu_msec = cpu_msec};

        swb_copy_bounded(m.source_sha256, source, 64);
        swb_copy_bounded(m.target_sha256, target, 64);
        return m;
}

static void test_nothing_known(void **state)
{
        const struct swb_delta_measure pair = measure("a", "b", 1, 0, 0);
        struct swb_estimate e;

        (void)state;
        swb_estimate_delta(NULL, 0, &pair, &e);
        assert_int_equal(e.by, SWB_ESTIMATE_BY_NOTHING);
        assert_int_equal(e.bytes, 300);
        assert_int_equal(e.cpu_msec, 0);
}

static void test_itself(void **state)
{
        const struct swb_delta_measure all[] = {measure("a", "c", 1, 10, 1),
                                                measure("a", "b", 1, 950, 70)};
        const struct swb_delta_measure pair = measure("a", "b", 1, 0, 0);
        struct swb_estimate e;

        (void)state;
        swb_estimate_delta(all, SWB_ELEMENTS(all), &pair, &e);
        assert_int_equal(e.by, SWB_ESTIMATE_BY_ITSELF);
        assert_int_equal(e.bytes, 950);
        assert_int_equal(e.cpu_msec, 70);
}

/* Those over as many versions count; of an image twice as large, twice the bytes. */
static void test_others(void **state)
{
        const struct swb_delta_measure all[] = {
                measure("a", "b", 1, 100, 10), measure("a", "c", 2, 400, 40),
                measure("b", "c", 1, 200, 20), measure("a", "e", 5, 900, 90)};
        struct swb_delta_measure pair = measure("x", "y", 1, 0, 0);
        struct swb_estimate e;

        (void)state;
        swb_estimate_delta(all, SWB_ELEMENTS(all), &pair, &e);
        assert_int_equal(e.by, SWB_ESTIMATE_BY_OTHERS);
        assert_int_equal(e.bytes, 150);
        assert_int_equal(e.cpu_msec, 15);
        pair.steps = 3;
        pair.full_bytes = 2000;
        swb_estimate_delta(all, SWB_ELEMENTS(all), &pair, &e);
        assert_int_equal(e.bytes, 800);
        pair.steps = 40;
        swb_estimate_delta(all, SWB_ELEMENTS(all), &pair, &e);
        assert_int_equal(e.bytes, 1800);
}

static void test_saving(void **state)
{
        (void)state;
        assert_int_equal(swb_estimate_saving(10, 1000, 300), 7000);
        assert_int_equal(swb_estimate_saving(10, 1000, 1000), 0);
        assert_int_equal(swb_estimate_saving(10, 1000, 2000), 0);
        assert_true(swb_estimate_saving(UINT64_MAX, 1000, 0) == UINT64_MAX);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_nothing_known),
                cmocka_unit_test(test_itself),
                cmocka_unit_test(test_others),
                cmocka_unit_test(test_saving),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
