/* SPDX-License-Identifier: Apache-2.0 */
#include "predict/fields.h"

#include "base/test.h"

#define N_BYTES ((uint64_t)300000)
#define MEMORY ((size_t)1 << 20)

static bool next(const struct swb_fields *fields, uint64_t begin, uint64_t end, uint64_t *ret)
{
        enum swb_field_kind kind;
        uint32_t index = 0;

        return swb_fields_next(fields, begin, end, ret, &kind, &index);
}

static void test_found_again(void **state)
{
        struct swb_fields fields;
        enum swb_field_kind kind;
        uint64_t offset, at = 0;
        uint32_t index = 0;
        size_t n = 0;

        (void)state;
        assert_int_equal(swb_fields_init(&fields, N_BYTES, MEMORY), 0);
        for (uint64_t i = 3; i < N_BYTES; i += 37 + i % 5000)
                swb_fields_add(&fields, i, i % 2 ? SWB_FIELD_BRANCH : SWB_FIELD_POINTER);
        assert_int_equal(swb_fields_close(&fields), 0);
        for (uint64_t i = 3; i < N_BYTES; i += 37 + i % 5000, n++) {
                assert_true(swb_fields_next(&fields, at, UINT64_MAX, &offset, &kind, &index));
                assert_int_equal(offset, i);
                assert_int_equal(kind, i % 2 ? SWB_FIELD_BRANCH : SWB_FIELD_POINTER);
                at = offset + swb_field_width(kind);
        }
        assert_true(n > 50);
        assert_false(next(&fields, at, UINT64_MAX, &offset));
        assert_true(next(&fields, 0, 7, &offset));
        assert_false(next(&fields, 0, 6, &offset)); /* it would end outside */
        assert_false(next(&fields, 4, 7, &offset));
        assert_false(next(&fields, UINT64_MAX, UINT64_MAX, &offset));
        swb_fields_done(&fields);
}

static void test_overlap_and_order(void **state)
{
        struct swb_fields fields;
        uint64_t offset;

        (void)state;
        assert_int_equal(swb_fields_init(&fields, N_BYTES, MEMORY), 0);
        swb_fields_add(&fields, 100, SWB_FIELD_POINTER);
        swb_fields_add(&fields, 107, SWB_FIELD_TOKEN);
        swb_fields_add(&fields, 50, SWB_FIELD_TOKEN);
        swb_fields_add(&fields, N_BYTES * 2, SWB_FIELD_TOKEN);
        assert_int_equal(swb_fields_close(&fields), 0);
        assert_true(next(&fields, 0, N_BYTES, &offset));
        assert_int_equal(offset, 100);
        assert_false(next(&fields, 101, UINT64_MAX, &offset));
        swb_fields_done(&fields);
}

static void test_memory_is_bounded(void **state)
{
        struct swb_fields fields;

        (void)state;
        assert_int_equal(swb_fields_init(&fields, N_BYTES, 1000), -E2BIG);
        swb_fields_done(&fields);
        assert_int_equal(swb_fields_init(&fields, N_BYTES, 300000), 0);
        for (uint64_t i = 0; i < N_BYTES; i += 4)
                swb_fields_add(&fields, i, i % 8 ? SWB_FIELD_BRANCH : SWB_FIELD_CONDITION);
        assert_int_equal(swb_fields_close(&fields), -E2BIG);
        assert_true(fields.n_memory <= 300000);
        swb_fields_done(&fields);
}

/* A block in which all are of a kind takes a bit a byte; what is at its edges does not. */
static void test_many_alike(void **state)
{
        struct swb_fields fields;
        enum swb_field_kind kind;
        uint64_t offset, at = 0;
        uint32_t index = 0;
        size_t n_all = 65536u * 3u + 60000u, n_mixed = 100000;

        (void)state;
        assert_int_equal(swb_fields_init(&fields, N_BYTES, MEMORY), 0);
        swb_fields_add(&fields, 0, SWB_FIELD_BRANCH);
        for (uint64_t i = 4; i < n_all; i++)
                swb_fields_add(&fields, i, SWB_FIELD_TOKEN);
        assert_int_equal(swb_fields_close(&fields), 0);
        assert_true(fields.n_memory < 3 * 65536 + 3 * 8192 + 1000);
        for (uint64_t i = 0; i < n_all; i += i ? 1 : 4) {
                assert_true(swb_fields_next(&fields, at, UINT64_MAX, &offset, &kind, &index));
                assert_int_equal(offset, i);
                assert_int_equal(kind, i ? SWB_FIELD_TOKEN : SWB_FIELD_BRANCH);
                at = offset + swb_field_width(kind);
        }
        assert_false(next(&fields, at, UINT64_MAX, &offset));
        assert_false(next(&fields, n_mixed, n_mixed, &offset));
        assert_true(next(&fields, n_mixed, n_mixed + 1, &offset));
        assert_int_equal(offset, n_mixed);
        swb_fields_done(&fields);
}

static void test_kinds(void **state)
{
        (void)state;
        for (int i = 0; i < _SWB_FIELD_MAX; i++) {
                assert_in_range(swb_field_width((enum swb_field_kind)i), 1, 8);
                assert_in_range(swb_field_stream((enum swb_field_kind)i), 0, 31);
                assert_non_null(swb_field_name((enum swb_field_kind)i));
        }
        assert_string_equal(swb_field_name((enum swb_field_kind)200), "none");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_found_again),
                cmocka_unit_test(test_overlap_and_order),
                cmocka_unit_test(test_memory_is_bounded),
                cmocka_unit_test(test_many_alike),
                cmocka_unit_test(test_kinds),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
