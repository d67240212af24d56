/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_writer.h"
#include "base/test.h"

static void test_compact(void **state)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(1000);
        struct swb_json json = SWB_JSON(&buf, false);

        (void)state;
        swb_json_open_object(&json, NULL);
        swb_json_str(&json, "a\"b", "x\n\x01\\");
        swb_json_open_array(&json, "list");
        swb_json_u64(&json, NULL, UINT64_MAX);
        swb_json_i64(&json, NULL, -5);
        swb_json_bool(&json, NULL, true);
        swb_json_str(&json, NULL, NULL);
        swb_json_double(&json, NULL, 0.5);
        swb_json_close_array(&json);
        swb_json_open_object(&json, "empty");
        swb_json_close_object(&json);
        swb_json_close_object(&json);
        assert_int_equal(swb_json_end(&json), 0);
        assert_string_equal(
                (char *)buf.data,
                "{\"a\\\"b\":\"x\\n\\u0001\\\\\",\"list\":[18446744073709551615,-5,true,"
                "null,0.5],\"empty\":{}}\n");
}

static void test_bytes_that_are_not_utf8(void **state)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(1000);
        struct swb_json json = SWB_JSON(&buf, false);

        (void)state;
        swb_json_str(&json, NULL, "\xc3\xa9\xff\xc0\xaf\xed\xa0\x80");
        assert_int_equal(swb_json_end(&json), 0);
        assert_string_equal((char *)buf.data, "\"\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
                                              "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"\n");
}

static void test_errors_stick(void **state)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(8);
        struct swb_json json = SWB_JSON(&buf, false);
        struct swb_json open = SWB_JSON(&buf, false);

        (void)state;
        swb_json_str(&json, NULL, "much too long");
        swb_json_str(&json, NULL, "x");
        assert_int_equal(swb_json_end(&json), -E2BIG);
        swb_buf_reset(&buf);
        swb_json_open_array(&open, NULL);
        assert_int_equal(swb_json_end(&open), -EINVAL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_compact),
                cmocka_unit_test(test_bytes_that_are_not_utf8),
                cmocka_unit_test(test_errors_stick),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
