/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include <string.h>

#include "base/endian.h"
#include "generator/diff/program_at.h"

#define KIB ((size_t)1 << 10)
#define BYTES (512 * KIB)

/* Sections end where it ends. */
static void put_elf(uint8_t *p, size_t n)
{
        memcpy(p,
               "\x7f"
               "ELF\2\1\1",
               7);
        swb_put_le64(p + 40, n - 2 * 64);
        p[58] = 64;
        p[60] = 2;
}

static void put_image(uint8_t *p, uint64_t n_memory)
{
        swb_put_le64(p + 16, n_memory);
        p[24] = 10;
        memcpy(p + 56, "ARM\x64", 4);
}

/* An EFI program as well, with two sections. */
static void put_pe(uint8_t *p, uint32_t end)
{
        memcpy(p, "MZ", 2);
        swb_put_le32(p + 60, 64);
        memcpy(p + 64, "PE\0\0", 4);
        p[64 + 6] = 2;
        p[64 + 20] = 16;
        swb_put_le32(p + 64 + 24 + 16 + 16, 4096);
        swb_put_le32(p + 64 + 24 + 16 + 20, 4096);
        swb_put_le32(p + 64 + 24 + 16 + 40 + 16, end - 8192);
        swb_put_le32(p + 64 + 24 + 16 + 40 + 20, 8192);
}

static void assert_next(struct swb_program_search *search, uint64_t begin, uint64_t at,
                        uint64_t n_bytes, bool is_guess)
{
        struct swb_program_at program;

        assert_true(swb_program_next(search, begin, &program));
        assert_int_equal(program.at, at);
        assert_int_equal(program.n_bytes, n_bytes);
        assert_int_equal(program.is_guess, is_guess);
}

static void test_both_kinds(void **state)
{
        _cleanup_free_ uint8_t *data = calloc(1, BYTES);
        struct swb_program_search search;
        struct swb_program_at program;

        (void)state;
        assert_non_null(data);
        put_elf(data + 100, 8 * KIB);
        put_image(data + 16 * KIB, 128 * KIB);
        put_elf(data + 80 * KIB, 8 * KIB); /* within the image */
        put_image(data + 200 * KIB, 200 * KIB);
        put_pe(data + 200 * KIB, 160 * KIB);
        put_elf(data + 500 * KIB, 12 * KIB);
        put_elf(data + 508 * KIB, 12 * KIB); /* cut */
        swb_program_search_init(&search, data, BYTES);
        assert_next(&search, 0, 100, 8 * KIB, false);
        assert_next(&search, 100 + 8 * KIB, 16 * KIB, 128 * KIB, true);
        assert_next(&search, 144 * KIB, 200 * KIB, 160 * KIB, false);
        assert_next(&search, 360 * KIB, 500 * KIB, 12 * KIB, false);
        assert_false(swb_program_next(&search, 501 * KIB, &program));
        assert_false(swb_program_next(&search, BYTES, &program));
}

/* A program in an image's last part is the next file. */
static void test_image_ends_early(void **state)
{
        _cleanup_free_ uint8_t *data = calloc(1, BYTES);
        struct swb_program_search search;

        (void)state;
        assert_non_null(data);
        put_image(data, 256 * KIB);
        put_elf(data + 250 * KIB, 8 * KIB);
        swb_program_search_init(&search, data, BYTES);
        assert_next(&search, 0, 0, 250 * KIB, true);
        assert_next(&search, 250 * KIB, 250 * KIB, 8 * KIB, false);
        put_image(data, 800 * KIB); /* behind the end of all */
        swb_program_search_init(&search, data, BYTES);
        assert_next(&search, 0, 0, BYTES, true);
}

static void test_no_images(void **state)
{
        _cleanup_free_ uint8_t *data = calloc(1, BYTES);
        struct swb_program_search search;
        struct swb_program_at program;

        (void)state;
        assert_non_null(data);
        put_image(data, 256 * KIB);
        data[40] = 1; /* reserved */
        put_image(data + 100 * KIB, 4 * KIB);
        put_image(data + BYTES - 32 * KIB, 128 * KIB);
        memcpy(data, "ARM\x64", 4);
        swb_program_search_init(&search, data, BYTES);
        assert_false(swb_program_next(&search, 0, &program));
        swb_program_search_init(&search, data, 0);
        assert_false(swb_program_next(&search, 0, &program));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_both_kinds),
                cmocka_unit_test(test_image_ends_early),
                cmocka_unit_test(test_no_images),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
