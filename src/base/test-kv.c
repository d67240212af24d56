/* SPDX-License-Identifier: Apache-2.0 */
#include "base/kv.h"
#include "base/test.h"

static void test_round_trip(void **state)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(1000);
        _cleanup_(swb_kv_freep) struct swb_kv *kv = NULL;
        int64_t minus;
        uint64_t n;

        (void)state;
        assert_int_equal(swb_kv_put(&buf, "TEXT", "two\nlines \\ \x01 = end"), 0);
        assert_int_equal(swb_kv_put_u64(&buf, "N", UINT64_MAX), 0);
        assert_int_equal(swb_kv_put_i64(&buf, "MINUS", -3), 0);
        assert_int_equal(swb_kv_put(&buf, "bad key", "x"), -EINVAL);
        assert_string_equal((char *)buf.data, "TEXT=two\\nlines \\\\ \\x01 = end\n"
                                              "N=18446744073709551615\nMINUS=-3\n");
        assert_int_equal(swb_kv_parse(buf.data, buf.n_bytes, &kv), 0);
        assert_string_equal(swb_kv_str(kv, "TEXT", ""), "two\nlines \\ \x01 = end");
        assert_int_equal(swb_kv_u64(kv, "N", &n), 0);
        assert_true(n == UINT64_MAX);
        assert_int_equal(swb_kv_i64(kv, "MINUS", &minus), 0);
        assert_int_equal(minus, -3);
        assert_int_equal(swb_kv_u64(kv, "TEXT", &n), -EINVAL);
        assert_int_equal(swb_kv_u64(kv, "ABSENT", &n), -ENOENT);
        assert_string_equal(swb_kv_str(kv, "ABSENT", "default"), "default");
}

static void test_bad_blocks(void **state)
{
        static const char *const bad[] = {"no equals\n", "=x\n",     "a b=x\n",   "A=1\nA=2\n",
                                          "A=\\q\n",     "A=\\x1\n", "A=\\x00\n", "A=end\\"};
        struct swb_kv *kv;

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(bad); i++)
                assert_int_equal(swb_kv_parse(bad[i], strlen(bad[i]), &kv), -EBADMSG);
        assert_int_equal(swb_kv_parse("A=x\0y", 5, &kv), -EBADMSG);
}

static void test_too_many(void **state)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(100000);
        struct swb_kv *kv;

        (void)state;
        for (int i = 0; i <= SWB_KV_ENTRIES_MAX; i++)
                assert_int_equal(swb_buf_printf(&buf, "K%d=\n", i), 0);
        assert_int_equal(swb_kv_parse(buf.data, buf.n_bytes, &kv), -E2BIG);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_bad_blocks),
                cmocka_unit_test(test_too_many),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
