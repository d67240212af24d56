/* SPDX-License-Identifier: Apache-2.0 */
#include "payload/format.h"

#include "base/test.h"

/* docs/spec/payload.md, table of types: every type against every minor version. */
static void test_types_by_minor(void **state)
{
        static const uint32_t minors[] = {0, 2, 3, 4, 5, 6, 7, 8, 9, 1000, 1001, 1002, 1003, 1004};
        static const struct {
                enum swb_op_type type;
                const char *allowed; /* one column a minor version */
        } table[] = {
                {SWB_OP_REPLACE, "++++++++++++++"},
                {SWB_OP_REPLACE_BZ, "++++++++++++++"},
                {SWB_OP_MOVE, "--------------"},
                {SWB_OP_BSDIFF, "--------------"},
                {SWB_OP_SOURCE_COPY, "-+++++++++++++"},
                {SWB_OP_SOURCE_BSDIFF, "-+++++++++++++"},
                {SWB_OP_ZERO, "---+++++++++++"},
                {SWB_OP_DISCARD, "---++++++-----"},
                {SWB_OP_REPLACE_XZ, "+-++++++++++++"},
                {SWB_OP_PUFFDIFF, "----+++++-----"},
                {SWB_OP_BROTLI_BSDIFF, "---+++++++++++"},
                {SWB_OP_ZUCCHINI, "-------++-----"},
                {SWB_OP_LZ4DIFF_BSDIFF, "--------+-----"},
                {SWB_OP_LZ4DIFF_PUFFDIFF, "--------+-----"},
                {SWB_OP_REPLACE_ZSTD, "---------+++++"},
                {SWB_OP_SWDIFF, "----------++++"},
                {SWB_OP_REPLACE_SPLIT, "------------++"},
        };

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(table); i++)
                for (size_t k = 0; k < SWB_ELEMENTS(minors); k++)
                        if (swb_op_allowed(table[i].type, minors[k]) !=
                            (table[i].allowed[k] == '+'))
                                fail_msg("%s in minor version %u", swb_op_to_string(table[i].type),
                                         minors[k]);
}

static void test_unknown(void **state)
{
        (void)state;
        assert_string_equal(swb_op_to_string(14), "unknown");
        assert_false(swb_op_allowed(14, 9));
        assert_false(swb_op_supported(14));
        assert_false(swb_op_has_data(14));
        assert_false(swb_minor_known(1));
        assert_false(swb_minor_known(10));
        assert_false(swb_minor_known(999));
        assert_false(swb_minor_known(1005));
        assert_false(swb_op_allowed(SWB_OP_REPLACE, 1));
        assert_false(swb_op_allowed(SWB_OP_REPLACE_ZSTD, 1005));
}

static void test_properties(void **state)
{
        (void)state;
        assert_true(swb_op_supported(SWB_OP_REPLACE_ZSTD));
        assert_true(swb_op_supported(SWB_OP_PUFFDIFF));
        assert_false(swb_op_supported(SWB_OP_ZUCCHINI));
        assert_true(swb_op_has_data(SWB_OP_SOURCE_BSDIFF));
        assert_true(swb_op_has_source(SWB_OP_SOURCE_BSDIFF));
        assert_false(swb_op_has_data(SWB_OP_SOURCE_COPY));
        assert_false(swb_op_has_source(SWB_OP_ZERO));
}

static void test_extents(void **state)
{
        const struct swb_extent extents[] = {{7, 3}, {SWB_SPARSE_HOLE, 2}, {0, 1}};

        (void)state;
        assert_int_equal(swb_extents_blocks(extents, 3), 6);
        assert_int_equal(swb_extents_blocks(NULL, 0), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_types_by_minor),
                cmocka_unit_test(test_unknown),
                cmocka_unit_test(test_properties),
                cmocka_unit_test(test_extents),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
