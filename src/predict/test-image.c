/* SPDX-License-Identifier: Apache-2.0 */
#include "predict/image.h"

#include <string.h>

#include "base/endian.h"
#include "base/test.h"
#include "predict/predictor.h"

#define FILE_BYTES ((size_t)128 << 10)
#define BASE 0xffff800008000000u
#define CODE_AT 0x1000u
#define TYPES_AT 0x8000u
#define TYPES_END (TYPES_AT + 24u + 16u + 8u)
#define RELA_AT 0x9000u
#define N_RELA 1100u
#define MEMORY ((size_t)2 << 20)

static void make_image(uint8_t *file)
{
        memset(file, 0, FILE_BYTES);
        swb_put_le64(file + 16, FILE_BYTES + 0x3000);
        memcpy(file + 56, "ARM\x64", 4);
        for (uint32_t at = CODE_AT; at < CODE_AT + 0x1000; at += 8) {
                swb_put_le32(file + at, 0xa9bf7bfd);     /* stp */
                swb_put_le32(file + at + 4, 0x94000001); /* bl: to the next one */
        }
        swb_put_le32(file + TYPES_AT, 0x0001eb9f);
        swb_put_le32(file + TYPES_AT + 4, 24);
        swb_put_le32(file + TYPES_AT + 12, 16);
        swb_put_le32(file + TYPES_AT + 16, 16);
        swb_put_le32(file + TYPES_AT + 20, 8);
        for (uint32_t i = 0; i < N_RELA; i++) {
                uint8_t *p = file + RELA_AT + (size_t)i * SWB_ELF_RELA_BYTES;

                swb_put_le64(p, BASE + RELA_AT + N_RELA * SWB_ELF_RELA_BYTES + i * 8);
                swb_put_le64(p + 8, 0x403);
                swb_put_le64(p + 16, BASE + CODE_AT + i * 8);
        }
}

static void test_sections(void **state)
{
        _cleanup_free_ uint8_t *file = malloc(FILE_BYTES);
        struct swb_view view = SWB_VIEW_OF_MEMORY(file, FILE_BYTES);
        struct swb_section s[SWB_IMAGE_SECTIONS] = {0};

        (void)state;
        make_image(file);
        assert_true(swb_image_is(file, FILE_BYTES, FILE_BYTES));
        assert_false(swb_image_is(file, 63, FILE_BYTES));
        assert_false(swb_image_is(file, FILE_BYTES, 65535));
        assert_int_equal(swb_model_of(file, FILE_BYTES, FILE_BYTES), SWB_MODEL_ELF);
        swb_image_sections(&view, s);
        assert_true(s[SWB_IMAGE_HEAD].address == BASE);
        assert_int_equal(s[SWB_IMAGE_HEAD].n_bytes, TYPES_AT);
        assert_int_equal(s[SWB_IMAGE_TYPES].n_bytes, TYPES_END - TYPES_AT);
        assert_int_equal(s[SWB_IMAGE_MIDDLE].offset, TYPES_END);
        assert_int_equal(s[SWB_IMAGE_RELOCATIONS].offset, RELA_AT);
        assert_int_equal(s[SWB_IMAGE_RELOCATIONS].n_bytes, N_RELA * SWB_ELF_RELA_BYTES);
        assert_true(s[SWB_IMAGE_REST].address == BASE + RELA_AT + N_RELA * SWB_ELF_RELA_BYTES);
        assert_int_equal(s[SWB_IMAGE_BSS].n_bytes, 0x3000);
}

/* What is not there is empty, what is said to reach behind the end is not there, and nothing
 * overlaps. */
static void test_without(void **state)
{
        _cleanup_free_ uint8_t *file = malloc(FILE_BYTES);
        struct swb_view view = SWB_VIEW_OF_MEMORY(file, FILE_BYTES);
        struct swb_section s[SWB_IMAGE_SECTIONS] = {0};

        (void)state;
        make_image(file);
        swb_put_le32(file + TYPES_AT + 20, FILE_BYTES);
        swb_put_le64(file + RELA_AT + 100 * SWB_ELF_RELA_BYTES + 8, 0x402);
        swb_put_le64(file + 16, UINT64_MAX);
        swb_image_sections(&view, s);
        assert_int_equal(s[SWB_IMAGE_TYPES].n_bytes, 0);
        assert_int_equal(s[SWB_IMAGE_RELOCATIONS].n_bytes, 0);
        assert_int_equal(s[SWB_IMAGE_MIDDLE].n_bytes, FILE_BYTES);
        assert_true(s[SWB_IMAGE_MIDDLE].address == BASE);
        assert_int_equal(s[SWB_IMAGE_BSS].n_bytes, SWB_ELF_MAX_BYTES);
}

static uint64_t count_kind(struct swb_predictor *p, uint8_t kind)
{
        struct swb_place place;
        uint64_t n = 0;

        for (uint64_t at = 0; swb_predictor_next(p, at, FILE_BYTES, &place); at = place.old + 1)
                n += place.kind == kind;
        return n;
}

static void test_fields(void **state)
{
        _cleanup_free_ uint8_t *file = malloc(FILE_BYTES);
        struct swb_view view = SWB_VIEW_OF_MEMORY(file, FILE_BYTES);
        _cleanup_(swb_predictor_freep) struct swb_predictor *p = NULL;

        (void)state;
        make_image(file);
        /* A table of distances; the second number is twice the same, the third leads nowhere. */
        for (uint32_t i = 0; i < 10; i++) {
                swb_put_le32(file + 0x4000 + i * 12, CODE_AT - 0x4000 - i * 4);
                swb_put_le32(file + 0x4000 + i * 12 + 4, 0x5000);
                swb_put_le32(file + 0x4000 + i * 12 + 8, 0x7fffffff);
        }
        assert_int_equal(swb_predictor_new(SWB_MODEL_ELF, &view, NULL, 0, NULL, 0, MEMORY, &p), 0);
        assert_int_equal(count_kind(p, 27), 0x1000 / 8);
        assert_int_equal(count_kind(p, 5), N_RELA);
        assert_int_equal(count_kind(p, 7), N_RELA);
        assert_true(count_kind(p, 21) >= 10);
        assert_int_equal(count_kind(p, 4), 0);
}

/* The same with relocations as bits: at N_RELA addresses in the rest, in place. */
static uint64_t make_packed(uint8_t *file)
{
        uint32_t n_words = 1 + (N_RELA - 1 + 62) / 63, data = RELA_AT + n_words * 8 + 16;

        make_image(file);
        memset(file + RELA_AT, 0, (size_t)N_RELA * SWB_ELF_RELA_BYTES);
        memset(file + RELA_AT + 8, 0xff, (n_words - 1) * 8);
        swb_put_le64(file + RELA_AT, BASE + data);
        swb_put_le64(file + RELA_AT + n_words * 8 - 8,
                     (UINT64_C(1) << ((N_RELA - 1) % 63 + 1)) - 1);
        for (uint32_t i = 0; i < N_RELA; i++)
                swb_put_le64(file + data + (size_t)i * 8, BASE + CODE_AT + i * 8);
        return n_words * 8;
}

static void test_packed(void **state)
{
        _cleanup_free_ uint8_t *file = malloc(FILE_BYTES);
        struct swb_view view = SWB_VIEW_OF_MEMORY(file, FILE_BYTES);
        _cleanup_(swb_predictor_freep) struct swb_predictor *p = NULL, *q = NULL;
        struct swb_section s[SWB_IMAGE_SECTIONS] = {0};
        uint64_t n = make_packed(file);

        (void)state;
        swb_image_sections(&view, s);
        assert_int_equal(s[SWB_IMAGE_RELOCATIONS].offset, RELA_AT);
        assert_int_equal(s[SWB_IMAGE_RELOCATIONS].n_bytes, n);
        assert_int_equal(s[SWB_IMAGE_RELOCATIONS].role, SWB_ROLE_RELR);
        assert_true(s[SWB_IMAGE_HEAD].address == BASE);
        assert_int_equal(swb_predictor_new(SWB_MODEL_ELF, &view, NULL, 0, NULL, 0, MEMORY, &p), 0);
        assert_int_equal(count_kind(p, 26), n / 8);
        assert_int_equal(count_kind(p, 4), N_RELA);
        /* Words that are no addresses: no table, whatever its bits. */
        memset(file + RELA_AT + n + 16 + 47 * 8, 0, 17 * 8);
        swb_image_sections(&view, s);
        assert_int_equal(s[SWB_IMAGE_RELOCATIONS].n_bytes, 0);
        assert_int_equal(swb_predictor_new(SWB_MODEL_ELF, &view, NULL, 0, NULL, 0, MEMORY, &q), 0);
        assert_int_equal(count_kind(q, 4), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sections),
                cmocka_unit_test(test_without),
                cmocka_unit_test(test_fields),
                cmocka_unit_test(test_packed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
