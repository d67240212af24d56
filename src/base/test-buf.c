/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/cursor.h"
#include "base/test.h"

static void test_grows_up_to_its_ceiling(void **state)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(10);

        (void)state;
        assert_int_equal(swb_buf_append(&buf, "12345", 5), 0);
        assert_int_equal(swb_buf_append(&buf, "123456", 6), -E2BIG);
        assert_int_equal(buf.n_bytes, 5);
        assert_int_equal(swb_buf_append(&buf, "67890", 5), 0);
        assert_memory_equal(buf.data, "1234567890", 10);
        assert_int_equal(swb_buf_append_str(&buf, ""), -E2BIG);
}

static void test_text_is_terminated(void **state)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(100);
        _cleanup_free_ char *text = NULL;

        (void)state;
        assert_int_equal(swb_buf_append_str(&buf, "a"), 0);
        assert_int_equal(swb_buf_printf(&buf, "%d-%s", 17, "b"), 0);
        assert_string_equal((char *)buf.data, "a17-b");
        text = swb_buf_take_str(&buf);
        assert_string_equal(text, "a17-b");
        assert_int_equal(buf.n_bytes, 0);
}

static void test_cursor_overruns_for_good(void **state)
{
        static const uint8_t bytes[] = {0, 0, 1, 0, 0xac, 0x02, 0xff};
        struct swb_cursor c = SWB_CURSOR(bytes, sizeof(bytes));

        (void)state;
        assert_int_equal(swb_cursor_be32(&c), 256);
        assert_int_equal(swb_cursor_varint(&c), 300);
        assert_int_equal(swb_cursor_left(&c), 1);
        assert_null(swb_cursor_take(&c, 2));
        assert_true(swb_cursor_overrun(&c));
        assert_null(swb_cursor_take(&c, 1));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_grows_up_to_its_ceiling),
                cmocka_unit_test(test_text_is_terminated),
                cmocka_unit_test(test_cursor_overruns_for_good),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
