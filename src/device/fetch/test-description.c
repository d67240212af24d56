/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include "device/fetch/description.h"

#define HASH "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define REST "\"size\":5,\"sha256_hex\":\"" HASH "\",\"target_version\":\"2\""

static int parse(const char *text, struct swb_description *d, struct swb_error *err)
{
        return swb_description_parse(text, strlen(text), d, err);
}

static void test_members(void **state)
{
        static const char text[] =
                " {\"version\": 2, \"appid\": \"app\", \"target_version\": \"1.1\",\n"
                "\"is_delta\": true, \"source_version\": \"1.0\", \"size\": 609736,\n"
                "\"sha256_hex\": \"" HASH "\", \"tool\": \"a \\\"b\\\\\",\n"
                "\"partitions\": [{\"size\": 7, \"x\": [[], {}, null, -1.5e3]}, \"}\"] }\n";
        struct swb_description d;
        struct swb_error err = SWB_ERROR_INIT;

        (void)state;
        assert_int_equal(parse(text, &d, &err), 0);
        assert_string_equal(d.app_id, "app");
        assert_string_equal(d.version, "1.1");
        assert_string_equal(d.source_version, "1.0");
        assert_true(d.is_delta);
        assert_int_equal(d.payload_bytes, 609736);
        for (int i = 0; i < 32; i++)
                assert_int_equal(d.payload_hash[i], i);
}

/* Each prefix of a good one, and what is bad in other ways. */
static void test_bad(void **state)
{
        static const char good[] = "{" REST ",\"a\":{\"b\":[1,\"\\\"\"]}}";
        static const char *const bad[] = {
                "[]",
                "{" REST "} x",
                "{" REST ",}x",
                "{" REST "\"a\":1}",
                "{\"size\":5,\"target_version\":\"2\"}",
                "{\"size\":-5,\"sha256_hex\":\"" HASH "\",\"target_version\":\"2\"}",
                "{\"size\":5,\"sha256_hex\":\"AAEC\",\"target_version\":\"2\"}",
                "{\"size\":5,\"sha256_hex\":\"" HASH "\",\"target_version\":\"\\u0031\"}",
                "{" REST ",\"is_delta\":\"maybe\"}",
        };
        struct swb_description d;
        struct swb_error err = SWB_ERROR_INIT;

        (void)state;
        assert_int_equal(parse(good, &d, &err), 0);
        for (size_t n = 0; n < strlen(good); n++) {
                assert_int_equal(swb_description_parse(good, n, &d, &err), -EBADMSG);
                assert_int_equal(err.fault, SWB_FAULT_FORMAT);
        }
        for (size_t i = 0; i < SWB_ELEMENTS(bad); i++)
                assert_int_equal(parse(bad[i], &d, &err), -EBADMSG);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_members),
                cmocka_unit_test(test_bad),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
