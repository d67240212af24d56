/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/test.h"

static int inner(struct swb_error *err)
{
        return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT, "byte %d is wrong", 7);
}

static void test_context_goes_in_front(void **state)
{
        struct swb_error err = SWB_ERROR_INIT;
        int r;

        (void)state;
        r = swb_wrap(&err, inner(&err), "operation %d", 17);
        assert_int_equal(r, -EBADMSG);
        assert_int_equal(err.code, -EBADMSG);
        assert_int_equal(err.fault, SWB_FAULT_FORMAT);
        assert_string_equal(err.text, "operation 17: byte 7 is wrong");
        assert_int_equal(swb_wrap(NULL, inner(NULL), "x"), -EBADMSG);
}

static void test_errno_picks_the_fault(void **state)
{
        struct swb_error err = SWB_ERROR_INIT;

        (void)state;
        assert_int_equal(swb_fail_errno(&err, ENOSPC, "write '%s'", "slot"), -ENOSPC);
        assert_int_equal(err.fault, SWB_FAULT_NO_SPACE);
        assert_string_equal(err.text, "write 'slot': No space left on device");
        assert_int_equal(swb_fail_errno(&err, -EIO, "x"), -EIO);
        assert_int_equal(err.fault, SWB_FAULT_IO);
}

static void test_long_text_is_cut(void **state)
{
        struct swb_error err = SWB_ERROR_INIT;
        char text[2000];

        (void)state;
        memset(text, 'x', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        (void)swb_fail_errno(&err, EIO, "%s", text);
        (void)swb_wrap(&err, -EIO, "%s", text);
        assert_int_equal(strlen(err.text), SWB_ERROR_TEXT_MAX - 1);
}

static void test_every_fault_has_one_name(void **state)
{
        (void)state;
        for (int i = 0; i < _SWB_FAULT_MAX; i++)
                assert_int_equal(swb_fault_from_string(swb_fault_to_string((enum swb_fault)i)), i);
        assert_int_equal(swb_fault_from_string("nonsense"), _SWB_FAULT_INVALID);
        assert_string_equal(swb_fault_to_string(_SWB_FAULT_INVALID), "invalid");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_context_goes_in_front),
                cmocka_unit_test(test_errno_picks_the_fault),
                cmocka_unit_test(test_long_text_is_cut),
                cmocka_unit_test(test_every_fault_has_one_name),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
