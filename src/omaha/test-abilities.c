/* SPDX-License-Identifier: Apache-2.0 */
#include "omaha/abilities.h"

#include "base/test.h"

#define MIB (1u << 20)

static void test_both_ways(void **state)
{
        static const char line[] = "1004 26 1024 lz4 lz4-hc zlib gzip xz zstd-1.5.4";
        struct swb_abilities abilities;
        char text[SWB_ABILITIES_TEXT_MAX];

        (void)state;
        swb_abilities_parse(line, &abilities);
        assert_true(abilities.is_told);
        assert_int_equal(abilities.minor, 1004);
        assert_int_equal(abilities.memory_bytes, 26 * MIB);
        assert_int_equal(abilities.scratch_bytes, 1024 * MIB);
        assert_string_equal(abilities.encoders, "lz4 lz4-hc zlib gzip xz zstd-1.5.4");
        assert_string_equal(swb_abilities_format(&abilities, text), line);
        swb_abilities_parse("1004 0 0", &abilities);
        assert_true(abilities.is_told);
        assert_string_equal(abilities.encoders, "");
        abilities.memory_bytes = 2 * MIB - 1;
        assert_string_equal(swb_abilities_format(&abilities, text), "1004 1 0");
}

static void test_not_told(void **state)
{
        static const char *const bad[] = {
                "",
                "1004",
                "1004 26",
                "1004 26 1024 ",
                "1004 26 1024  xz",
                "1004 26 1024 xz ",
                " 1004 26 1024 xz",
                "1004 26 1024 XZ",
                "1004 26 1024 x'z",
                "1004 26 1024 x\xc3\xa4z",
                "1004 -1 1024 xz",
                "1004 26 1024xz",
                "1234567890 26 1024",
                "1004 26 18446744073709551616",
        };
        char large[400];
        struct swb_abilities abilities;

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(bad) + 2; i++) {
                const char *text = i < SWB_ELEMENTS(bad) ? bad[i] : NULL;

                if (i == SWB_ELEMENTS(bad)) {
                        memset(large, 'x', sizeof(large) - 1);
                        memcpy(large, "1004 1 1 ", 9);
                        large[sizeof(large) - 1] = '\0';
                        text = large;
                }
                swb_abilities_parse(text, &abilities);
                if (abilities.is_told || abilities.minor != SWB_ABILITIES_MINOR_UNKNOWN ||
                    *abilities.encoders || abilities.memory_bytes || abilities.scratch_bytes)
                        fail_msg("'%s' was taken", text ? text : "NULL");
        }
}

static void check(const char *told, uint32_t minor, const char *encoders, uint64_t memory,
                  uint64_t scratch, enum swb_lack want, const char *words)
{
        const struct swb_demands demands = {minor, encoders, memory, scratch};
        struct swb_abilities abilities;
        char text[SWB_LACK_TEXT];

        swb_abilities_parse(told, &abilities);
        assert_int_equal(swb_abilities_lack(&abilities, &demands), want);
        assert_non_null(strstr(swb_abilities_describe_lack(&abilities, &demands, text), words));
        if (want == SWB_LACK_NOTHING)
                assert_string_equal(text, "");
}

static void test_lack(void **state)
{
        static const char told[] = "1004 2 10 lz4 zstd-1.5.4";

        (void)state;
        check(told, 1004, "lz4 zstd-1.5.4", 2 * MIB, 10 * MIB, SWB_LACK_NOTHING, "");
        check(told, 6, "", 0, 0, SWB_LACK_NOTHING, "");
        check(told, 1005, "", 0, 0, SWB_LACK_MINOR, "is of minor version 1005");
        check(told, 1004, "lz4 zstd-1.5.5", 0, 0, SWB_LACK_ENCODER, "the encoder 'zstd-1.5.5'");
        check(told, 1004, "zstd-1.5", 0, 0, SWB_LACK_ENCODER, "'zstd-1.5'");
        check(told, 1004, "lz4-hc", 0, 0, SWB_LACK_ENCODER, "'lz4-hc'");
        check(told, 1004, "lz4", 2 * MIB + 1, 0, SWB_LACK_MEMORY, "of memory");
        check(told, 1004, "lz4", 0, 10 * MIB + 1, SWB_LACK_SCRATCH, "of scratch space");
        check("", 1003, "", 0, 0, SWB_LACK_NOTHING, "");
        check("", 9, "", 0, 0, SWB_LACK_NOTHING, "");
        check("", 1004, "", 0, 0, SWB_LACK_MINOR, "does not announce any above 1003");
        check("1002 0 0", 1003, "", 0, 0, SWB_LACK_MINOR, "reads them up to 1002");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_both_ways),
                cmocka_unit_test(test_not_told),
                cmocka_unit_test(test_lack),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
