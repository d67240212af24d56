/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "bin/swb-install/memory.h"

#define MIB ((uint64_t)1 << 20)

static void test_half_of_the_machine(void **state)
{
        static const struct {
                uint64_t wanted, machine, given; /* MiB */
        } cases[] = {
                {26, 16, 26}, /* the default is never refused */
                {26, 0, 26},       {0, 1024, 0},     {8, 64, 8},         {400, 0, 26},
                {400, 128, 26},    {400, 256, 90},   {400, 874, 399},    {400, 876, 400},
                {400, 65536, 400}, {1024, 512, 218}, {1024, 4096, 1024},
        };

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(cases); i++) {
                uint64_t given = memory_that_fits(cases[i].wanted * MIB, cases[i].machine * MIB);

                assert_int_equal(given, cases[i].given * MIB);
                if (cases[i].machine >= 128)
                        assert_true(memory_limit_for(given) <= cases[i].machine * MIB / 2);
        }
}

static void test_limit(void **state)
{
        struct install_options options = {.memory_limit = INSTALL_LIMIT_UNSET,
                                          .open_memory = 26 * MIB};
        struct swb_error err = SWB_ERROR_INIT;

        (void)state;
        assert_ok(memory_settle(&options, &err), &err);
        assert_int_equal(options.memory_limit, 64 * MIB);
        assert_int_equal(memory_limit_for(5 * MIB), 64 * MIB);
        assert_int_equal(memory_limit_for(27 * MIB), 65 * MIB);
        options.memory_limit = 0; /* said so */
        assert_ok(memory_settle(&options, &err), &err);
        assert_int_equal(options.memory_limit, 0);
        options.open_memory = 1024 * MIB + 1;
        assert_fault(memory_settle(&options, &err), &err, SWB_FAULT_USAGE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_half_of_the_machine),
                cmocka_unit_test(test_limit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
