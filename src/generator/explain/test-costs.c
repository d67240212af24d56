/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "generator/explain/costs.h"
#include "generator/explain/runs.h"

#define RELATIVE 1e-9

static void assert_near(double a, double b)
{
        assert_true(a > b * (1 - RELATIVE) && a < b * (1 + RELATIVE));
}

/* A kernel of 1000 bytes, 800 of them packed, that opens to 4200; and a text of 1000. */
static void test_work_goes_by_what_is_made(void **state)
{
        struct swb_file_cost files[2] = {{0}, {0}};
        struct swb_costs costs = {.items = files, .n = 2};
        struct swb_share shares[2] = {
                {.owner = 0, .n_bytes = 1000, .n_stored = 800, .n_opened = 4000},
                {.owner = 1, .begin = 1000, .n_bytes = 1000}};
        const struct swb_runs runs = {.items = shares, .n = 2};
        struct swb_device_cost device = {.decoded = 5200, .written = 2000, .total_bytes = 7};
        double decoding = swb_device_cost_work(&device), all;

        (void)state;
        swb_costs_add_device(&costs, &runs, &device);
        assert_near(files[0].work_ns, decoding * 4200 / 5200);
        assert_near(files[1].work_ns, decoding * 1000 / 5200);
        assert_int_equal(files[1].memory_bytes, 7);

        /* whoever opens does all of the packing */
        files[0].work_ns = files[1].work_ns = 0;
        device.encoded[SWB_ENCODER_LZ4_HC] = 4000;
        all = swb_device_cost_work(&device);
        swb_costs_add_device(&costs, &runs, &device);
        assert_near(files[0].work_ns, decoding * 4200 / 5200 + (all - decoding));
        assert_near(files[1].work_ns, decoding * 1000 / 5200);
}

/* Nothing to go by. */
static void test_no_runs(void **state)
{
        struct swb_costs costs = {0};
        const struct swb_runs runs = {0};
        const struct swb_device_cost device = {.decoded = 100};

        (void)state;
        swb_costs_add_device(&costs, &runs, &device);
        assert_int_equal(costs.device.decoded, 100);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_work_goes_by_what_is_made),
                cmocka_unit_test(test_no_runs),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
