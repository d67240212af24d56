/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "base/text.h"

static void test_base64(void **state)
{
        /* RFC 4648 section 10 */
        static const char *const pairs[][2] = {
                {"", ""},        {"f", "Zg=="},        {"fo", "Zm8="},
                {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"foobar", "Zm9vYmFy"}};
        char text[16], back[16];
        size_t n;

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(pairs); i++) {
                swb_base64_encode(pairs[i][0], strlen(pairs[i][0]), text);
                assert_string_equal(text, pairs[i][1]);
                assert_int_equal(swb_base64_decode(text, back, sizeof(back), &n), 0);
                assert_int_equal(n, strlen(pairs[i][0]));
                assert_memory_equal(back, pairs[i][0], n);
        }
        assert_int_equal(swb_base64_decode("Zg=", back, sizeof(back), &n), -EINVAL);
        assert_int_equal(swb_base64_decode("Z===", back, sizeof(back), &n), -EINVAL);
        assert_int_equal(swb_base64_decode("Zm9v Zg=", back, sizeof(back), &n), -EINVAL);
        assert_int_equal(swb_base64_decode("Zm9v", back, 2, &n), -E2BIG);
}

static void test_hex(void **state)
{
        uint8_t bytes[3];
        char text[7];

        (void)state;
        assert_int_equal(swb_hex_decode("00fFa5", bytes, 3), 0);
        swb_hex_encode(bytes, 3, text);
        assert_string_equal(text, "00ffa5");
        assert_int_equal(swb_hex_decode("00ff", bytes, 3), -EINVAL);
        assert_int_equal(swb_hex_decode("00ffg0", bytes, 3), -EINVAL);
}

static void test_numbers(void **state)
{
        int64_t i;
        uint64_t u;
        bool b;

        (void)state;
        assert_int_equal(swb_parse_u64("18446744073709551615", &u), 0);
        assert_true(u == UINT64_MAX);
        assert_int_equal(swb_parse_u64("18446744073709551616", &u), -ERANGE);
        assert_int_equal(swb_parse_u64("-1", &u), -EINVAL);
        assert_int_equal(swb_parse_u64("", &u), -EINVAL);
        assert_int_equal(swb_parse_u64(" 1", &u), -EINVAL);
        assert_int_equal(swb_parse_i64("-9223372036854775808", &i), 0);
        assert_true(i == INT64_MIN);
        assert_int_equal(swb_parse_i64("9223372036854775808", &i), -ERANGE);
        assert_int_equal(swb_parse_size("16M", &u), 0);
        assert_int_equal(u, 16 << 20);
        assert_int_equal(swb_parse_size("M", &u), -EINVAL);
        assert_int_equal(swb_parse_size("99999999999T", &u), -ERANGE);
        assert_int_equal(swb_parse_duration("2h", &u), 0);
        assert_int_equal(u, 7200000000);
        assert_int_equal(swb_parse_bool("on", &b), 0);
        assert_true(b);
        assert_int_equal(swb_parse_bool("True", &b), -EINVAL);
}

static void test_sizes_for_people(void **state)
{
        char text[SWB_SIZE_TEXT];

        (void)state;
        assert_string_equal(swb_format_size(999, text), "999 B");
        assert_string_equal(swb_format_size(11640000, text), "11.6 MB");
        assert_string_equal(swb_format_size(999990, text), "1.0 MB");
}

static void test_versions(void **state)
{
        static const char *const rising[] = {"0.0.0.0.rc", "0",     "1.2.3-alpha", "1.2.3-alpha.1",
                                             "1.2.3-beta", "1.2.3", "1.2.10",      "1.10",
                                             "2",          "10.0"};

        (void)state;
        for (size_t a = 0; a < SWB_ELEMENTS(rising); a++)
                for (size_t b = 0; b < SWB_ELEMENTS(rising); b++) {
                        int c = swb_version_compare(rising[a], rising[b]);

                        assert_int_equal((c > 0) - (c < 0), (a > b) - (a < b));
                }
        assert_int_equal(swb_version_compare("1.2", "1.2.0.0"), 0);
        assert_int_equal(swb_version_compare("01.002", "1.2"), 0);
        assert_int_equal(swb_version_compare("1.2+build7", "1.2+build9"), 0);
}

static void test_secrets(void **state)
{
        (void)state;
        assert_true(swb_secret_equal("", ""));
        assert_true(swb_secret_equal("secret", "secret"));
        assert_false(swb_secret_equal("secret", "Secret"));
        assert_false(swb_secret_equal("secret", "secreT"));
        assert_false(swb_secret_equal("secret", "secret1"));
        assert_false(swb_secret_equal("secret", ""));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_base64),   cmocka_unit_test(test_hex),
                cmocka_unit_test(test_numbers),  cmocka_unit_test(test_sizes_for_people),
                cmocka_unit_test(test_versions), cmocka_unit_test(test_secrets),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
