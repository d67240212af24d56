/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "os/password.h"

static void test_round_trip(void **state)
{
        struct swb_error err = SWB_ERROR_INIT;
        char one[SWB_PASSWORD_HASH_SIZE], two[SWB_PASSWORD_HASH_SIZE];

        (void)state;
        assert_ok(swb_password_hash("correct horse", one, &err), &err);
        assert_ok(swb_password_hash("correct horse", two, &err), &err);
        assert_int_equal(strncmp(one, "$y$", 3), 0);
        assert_string_not_equal(one, two);
        assert_int_equal(swb_password_check("correct horse", one, &err), 1);
        assert_int_equal(swb_password_check("correct horse", two, &err), 1);
        assert_int_equal(swb_password_check("correct horsf", one, &err), 0);
}

static void test_no_hash(void **state)
{
        struct swb_error err = SWB_ERROR_INIT;

        (void)state;
        assert_int_equal(swb_password_check("correct horse", "", &err), 0);
        assert_int_equal(swb_password_check("correct horse", "*", &err), 0);
        assert_int_equal(swb_password_check("*0", "*0", &err), 0);
}

static void test_length(void **state)
{
        struct swb_error err = SWB_ERROR_INIT;
        char hash[SWB_PASSWORD_HASH_SIZE], longer[SWB_PASSWORD_MAX + 2];

        (void)state;
        memset(longer, 'x', sizeof(longer));
        longer[sizeof(longer) - 1] = '\0';
        assert_fault(swb_password_hash("1234567", hash, &err), &err, SWB_FAULT_USAGE);
        assert_fault(swb_password_hash(longer, hash, &err), &err, SWB_FAULT_USAGE);
        assert_int_equal(swb_password_check(longer, "x", &err), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_no_hash),
                cmocka_unit_test(test_length),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
