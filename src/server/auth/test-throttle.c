/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "server/auth/throttle.h"

static void test_waits_double(void **state)
{
        static struct swb_throttle t;
        unsigned last = 0;

        (void)state;
        swb_throttle_init(&t);
        for (int i = 0; i < SWB_THROTTLE_FREE; i++) {
                assert_int_equal(swb_throttle_wait(&t, "ann", 1000), 0);
                swb_throttle_fail(&t, "ann", 1000);
        }
        assert_int_equal(swb_throttle_wait(&t, "ann", 1000), SWB_THROTTLE_FIRST_SECONDS);
        assert_int_equal(swb_throttle_wait(&t, "bob", 1000), 0);
        assert_int_equal(swb_throttle_wait(&t, "ann", 1000 + SWB_THROTTLE_FIRST_SECONDS), 0);
        for (int i = 0; i < 40; i++) {
                swb_throttle_fail(&t, "ann", 1000);
                assert_true(swb_throttle_wait(&t, "ann", 1000) >= last);
                last = swb_throttle_wait(&t, "ann", 1000);
        }
        assert_int_equal(last, SWB_THROTTLE_MAX_SECONDS);
        swb_throttle_forgive(&t, "ann");
        assert_int_equal(swb_throttle_wait(&t, "ann", 1000), 0);
        swb_throttle_done(&t);
}

static void test_bounded(void **state)
{
        static struct swb_throttle t;
        char key[200];

        (void)state;
        swb_throttle_init(&t);
        for (int i = 0; i < SWB_THROTTLE_FREE; i++)
                swb_throttle_fail(&t, "held", 5000);
        for (int i = 0; i < 3 * SWB_THROTTLE_PLACES; i++) {
                (void)snprintf(key, sizeof(key), "guest%d", i);
                swb_throttle_fail(&t, key, 1000 + i % 7);
        }
        /* Others' failures were older, so this one kept its place. */
        assert_true(swb_throttle_wait(&t, "held", 5000) > 0);
        memset(key, 'x', sizeof(key) - 1);
        key[sizeof(key) - 1] = '\0';
        for (int i = 0; i < SWB_THROTTLE_FREE; i++)
                swb_throttle_fail(&t, key, 6000);
        assert_true(swb_throttle_wait(&t, key, 6000) > 0);
        swb_throttle_done(&t);
}

static void test_long_ago(void **state)
{
        static struct swb_throttle t;
        const int64_t later = 1000 + 3 * SWB_THROTTLE_MAX_SECONDS;

        (void)state;
        swb_throttle_init(&t);
        for (int i = 0; i < 20; i++)
                swb_throttle_fail(&t, "ann", 1000);
        swb_throttle_fail(&t, "ann", later);
        assert_int_equal(swb_throttle_wait(&t, "ann", later), 0);
        swb_throttle_done(&t);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_waits_double),
                cmocka_unit_test(test_bounded),
                cmocka_unit_test(test_long_ago),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
