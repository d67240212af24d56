/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "server/http/mirrors.h"

static void test_networks(void **state)
{
        struct swb_mirrors mirrors = {0};
        struct swb_error err = SWB_ERROR_INIT;
        const char *urls[4];

        (void)state;
        assert_ok(swb_mirrors_add(&mirrors, "10.1.0.0/16=http://a/", &err), &err);
        assert_ok(swb_mirrors_add(&mirrors, "10.0.0.0/7=https://b/?x=y", &err), &err);
        assert_ok(swb_mirrors_add(&mirrors, "fd00::/8=http://c/", &err), &err);
        assert_ok(swb_mirrors_add(&mirrors, "192.0.2.7=http://d/", &err), &err);
        assert_int_equal(swb_mirrors_of(&mirrors, "10.1.2.3", urls, 4), 2);
        assert_string_equal(urls[0], "http://a/");
        assert_string_equal(urls[1], "https://b/?x=y");
        assert_int_equal(swb_mirrors_of(&mirrors, "10.1.2.3", urls, 1), 1);
        assert_int_equal(swb_mirrors_of(&mirrors, "11.9.9.9", urls, 4), 1);
        assert_int_equal(swb_mirrors_of(&mirrors, "12.0.0.1", urls, 4), 0);
        assert_int_equal(swb_mirrors_of(&mirrors, "::ffff:10.1.2.3", urls, 4), 2);
        assert_int_equal(swb_mirrors_of(&mirrors, "fd12::1", urls, 4), 1);
        assert_int_equal(swb_mirrors_of(&mirrors, "192.0.2.7", urls, 4), 1);
        assert_int_equal(swb_mirrors_of(&mirrors, "192.0.2.8", urls, 4), 0);
        assert_int_equal(swb_mirrors_of(&mirrors, "no address", urls, 4), 0);
}

static void test_refused(void **state)
{
        static const char *const texts[] = {
                "",        "10.0.0.0/8",          "10.0.0.0/33=http://a/", "10.0.0.0/x=http://a/",
                "=http:/", "10.0.0.0/8=ftp://a/", "fd00::/129=http://a/",  "lan=http://a/"};
        struct swb_mirrors mirrors = {0};
        struct swb_error err = SWB_ERROR_INIT;

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(texts); i++)
                assert_fault(swb_mirrors_add(&mirrors, texts[i], &err), &err, SWB_FAULT_USAGE);
        for (size_t i = 0; i < SWB_MIRRORS_MAX; i++)
                assert_ok(swb_mirrors_add(&mirrors, "::1=http://a/", &err), &err);
        assert_fault(swb_mirrors_add(&mirrors, "::1=http://a/", &err), &err, SWB_FAULT_USAGE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_networks),
                cmocka_unit_test(test_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
