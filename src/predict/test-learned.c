/* SPDX-License-Identifier: Apache-2.0 */
#include "predict/learned.h"

#include "base/test.h"

static void test_remembers(void **state)
{
        struct swb_learned learned;
        int64_t shift = 5;

        (void)state;
        assert_int_equal(swb_learned_init(&learned, 10), 0);
        assert_false(swb_learned_get(&learned, 7, &shift));
        swb_learned_put(&learned, 7, -3);
        swb_learned_put(&learned, 0, 11);
        swb_learned_put(&learned, 7, -4);
        assert_true(swb_learned_get(&learned, 7, &shift));
        assert_int_equal(shift, -4);
        assert_true(swb_learned_get(&learned, 0, &shift));
        assert_int_equal(shift, 11);
        swb_learned_put(&learned, 0, (int64_t)INT32_MAX + 1);
        assert_true(swb_learned_get(&learned, 0, &shift));
        assert_int_equal(shift, 11);
        swb_learned_done(&learned);
}

/* More than there is room for: the last ones are there, and nothing wrong is. */
static void test_forgets(void **state)
{
        struct swb_learned learned;
        size_t n_there = 0;
        int64_t shift;

        (void)state;
        assert_int_equal(swb_learned_init(&learned, 10), 0);
        for (uint32_t i = 0; i < 5000; i++) {
                swb_learned_put(&learned, i * 16, i);
                assert_true(swb_learned_get(&learned, i * 16, &shift));
        }
        for (uint32_t i = 0; i < 5000; i++) {
                if (!swb_learned_get(&learned, i * 16, &shift))
                        continue;
                assert_int_equal(shift, i);
                n_there++;
        }
        assert_in_range(n_there, 900, 1024);
        swb_learned_done(&learned);
}

static void test_names(void **state)
{
        (void)state;
        assert_true(swb_name_spot(SWB_NAMES_NEAR, 0) >= 1u << 31);
        assert_true(swb_spot_is_shared(swb_name_spot(SWB_NAMES_CHECKSUM, 1)));
        assert_true(swb_spot_is_shared(swb_name_spot(SWB_NAMES_SHARED_RULE, 1)));
        assert_false(swb_spot_is_shared(swb_name_spot(SWB_NAMES_RULE, UINT32_MAX)));
        assert_false(swb_spot_is_shared((1u << 31) - 1));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_remembers),
                cmocka_unit_test(test_forgets),
                cmocka_unit_test(test_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
