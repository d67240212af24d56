/* SPDX-License-Identifier: Apache-2.0 */
#include "predict/predictor.h"

#include <elf.h>
#include <string.h>

#include "base/endian.h"
#include "base/test.h"

#define MEMORY ((size_t)1 << 20)
#define FILE_BYTES 1024u
#define TEXT_OFFSET 256u
#define TEXT_BYTES 256u

/* A linked program of one section, with a call at `at` that leads to `to`. */
static void make_program(uint8_t *file, uint32_t text_bytes, uint32_t at, uint32_t to)
{
        uint8_t *headers = file + 640, *text = file + TEXT_OFFSET;
        static const char names[] = "\0.text\0.shstrtab";

        memset(file, 0, FILE_BYTES);
        memcpy(file, "\177ELF\2\1\1", 7);
        file[16] = ET_DYN;
        file[18] = EM_X86_64;
        swb_put_le64(file + 40, 640);
        file[58] = 64;
        file[60] = 3;
        file[62] = 2;
        memcpy(file + 576, names, sizeof(names));
        swb_put_le32(headers + 64, 1);
        swb_put_le32(headers + 64 + 4, SHT_PROGBITS);
        swb_put_le64(headers + 64 + 8, SHF_ALLOC | SHF_EXECINSTR);
        swb_put_le64(headers + 64 + 16, 0x1000);
        swb_put_le64(headers + 64 + 24, TEXT_OFFSET);
        swb_put_le64(headers + 64 + 32, text_bytes);
        swb_put_le32(headers + 128, 7);
        swb_put_le32(headers + 128 + 4, SHT_STRTAB);
        swb_put_le64(headers + 128 + 24, 576);
        swb_put_le64(headers + 128 + 32, sizeof(names));
        memset(text, 0x90, text_bytes);
        text[at] = 0xe8;
        swb_put_le32(text + at + 1, to - (at + 5));
}

/* Something of 16 bytes was put between a call and what it calls. */
static void test_call_over_what_grew(void **state)
{
        uint8_t old[FILE_BYTES], new[FILE_BYTES];
        struct swb_view old_view = SWB_VIEW_OF_MEMORY(old, sizeof(old));
        struct swb_view new_view = SWB_VIEW_OF_MEMORY(new, sizeof(new));
        const struct swb_copy copies[] = {{0, 0, TEXT_OFFSET + 100},
                                          {TEXT_OFFSET + 100, TEXT_OFFSET + 116, 140}};
        _cleanup_(swb_buf_done) struct swb_buf hints = SWB_BUF_INIT(MEMORY);
        _cleanup_(swb_predictor_freep) struct swb_predictor *p = NULL;
        struct swb_place place;
        uint64_t new_value = 200 + 16 - 15;

        (void)state;
        make_program(old, TEXT_BYTES, 10, 200);
        make_program(new, TEXT_BYTES + 16, 10, 216);
        assert_int_equal(swb_predictor_hints(SWB_MODEL_ELF, &old_view, &new_view, &hints), 0);
        assert_int_equal(swb_predictor_new(SWB_MODEL_ELF, &old_view, copies, 2, hints.data,
                                           hints.n_bytes, MEMORY, &p),
                         0);
        assert_true(swb_predictor_next(p, TEXT_OFFSET, TEXT_OFFSET + 100, &place));
        assert_int_equal(place.old, TEXT_OFFSET + 11);
        assert_int_equal(place.width, 4);
        assert_int_equal(swb_predictor_predict(p, &place, 200 - 15), new_value);
        swb_predictor_learn(p, &place, 200 - 15, new_value + 8);
        assert_int_equal(swb_predictor_predict(p, &place, 200 - 15), new_value + 8);
        assert_false(swb_predictor_next(p, place.old + 1, TEXT_OFFSET + TEXT_BYTES, &place));
        assert_false(swb_predictor_next(p, TEXT_OFFSET, TEXT_OFFSET + 14, &place));
}

static void test_no_program(void **state)
{
        uint8_t old[100] = "no program";
        struct swb_view view = SWB_VIEW_OF_MEMORY(old, sizeof(old));
        _cleanup_(swb_predictor_freep) struct swb_predictor *p = NULL;
        struct swb_place place;

        (void)state;
        assert_int_equal(swb_predictor_new(SWB_MODEL_ELF, &view, NULL, 0, (const uint8_t *)"x", 1,
                                           MEMORY, &p),
                         -EBADMSG);
        assert_int_equal(swb_predictor_new(SWB_MODEL_ELF, &view, NULL, 0, NULL, 0, 100, &p),
                         -E2BIG);
        assert_int_equal(swb_predictor_new(SWB_MODEL_ELF, &view, NULL, 0, NULL, 0, MEMORY, &p), 0);
        assert_false(swb_predictor_next(p, 0, sizeof(old), &place));
}

/* The program that was made, as old file, with all that can be asked of it. */
static void ask_everything(const uint8_t *file, size_t n)
{
        struct swb_view view = SWB_VIEW_OF_MEMORY(file, n), other = SWB_VIEW_OF_MEMORY(file, n);
        const struct swb_copy copies[] = {{0, 0, n / 2}, {n / 2, n / 2 + 16, n - n / 2}};
        _cleanup_(swb_buf_done) struct swb_buf hints = SWB_BUF_INIT(MEMORY);
        _cleanup_(swb_predictor_freep) struct swb_predictor *p = NULL;
        _cleanup_free_ uint8_t *masked = malloc(2 * n + 1);
        struct swb_place place;

        assert_int_equal(swb_predictor_hints(SWB_MODEL_ELF, &view, &other, &hints), 0);
        assert_int_equal(swb_predictor_new(SWB_MODEL_ELF, &view, copies, 2, hints.data,
                                           hints.n_bytes, MEMORY, &p),
                         0);
        for (uint64_t at = 0; swb_predictor_next(p, at, n, &place); at = place.old + 1) {
                uint64_t value = swb_get_le32(file + place.old);

                assert_true(place.old >= at && place.width <= n - place.old);
                place.new = place.old + 16;
                swb_predictor_learn(p, &place, value, swb_predictor_predict(p, &place, value));
        }
        assert_int_equal(
                swb_predictor_mask(SWB_MODEL_ELF, &view, &other, copies, 2, masked, masked + n), 0);
        assert_memory_equal(masked, file, SWB_MIN(n, 16u));
}

static void test_cut_anywhere(void **state)
{
        uint8_t file[FILE_BYTES];

        (void)state;
        make_program(file, TEXT_BYTES, 10, 200);
        for (size_t n = 0; n <= sizeof(file); n++) {
                _cleanup_free_ uint8_t *exact = malloc(n + 1);

                memcpy(exact, file, n);
                ask_everything(exact, n);
        }
}

static void test_any_byte_of_the_headers_broken(void **state)
{
        static const uint8_t values[] = {0, 1, 2, 4, 0x10, 0x7f, 0x80, 0xff};
        uint8_t file[FILE_BYTES];

        (void)state;
        for (size_t i = 16; i < sizeof(file); i += i == 63 ? 640 - 63 : 1) {
                for (size_t k = 0; k < SWB_ELEMENTS(values); k++) {
                        make_program(file, TEXT_BYTES, 10, 200);
                        file[i] = values[k];
                        ask_everything(file, sizeof(file));
                }
        }
}

/* Any hints that are cut or have something behind them are refused. */
static void test_broken_hints(void **state)
{
        uint8_t old[FILE_BYTES], new[FILE_BYTES];
        struct swb_view old_view = SWB_VIEW_OF_MEMORY(old, sizeof(old));
        struct swb_view new_view = SWB_VIEW_OF_MEMORY(new, sizeof(new));
        _cleanup_(swb_buf_done) struct swb_buf hints = SWB_BUF_INIT(MEMORY);
        _cleanup_(swb_predictor_freep) struct swb_predictor *p = NULL;

        (void)state;
        make_program(old, TEXT_BYTES, 10, 200);
        make_program(new, TEXT_BYTES + 16, 10, 216);
        assert_int_equal(swb_predictor_hints(SWB_MODEL_ELF, &old_view, &new_view, &hints), 0);
        assert_int_equal(swb_buf_append(&hints, "", 1), 0);
        for (size_t n = 1; n <= hints.n_bytes; n++)
                assert_int_equal(swb_predictor_new(SWB_MODEL_ELF, &old_view, NULL, 0, hints.data, n,
                                                   MEMORY, &p),
                                 n == hints.n_bytes - 1 ? 0 : -EBADMSG);
        hints.data[1] = 0xe0;
        assert_int_equal(swb_predictor_new(SWB_MODEL_ELF, &old_view, NULL, 0, hints.data,
                                           hints.n_bytes - 1, MEMORY, &p),
                         -EBADMSG);
}

static int read_nothing(void *context, uint64_t offset, uint8_t *data, size_t n)
{
        (void)context;
        (void)offset;
        (void)data;
        (void)n;
        return -EIO;
}

static void test_unreadable(void **state)
{
        struct swb_view view = SWB_VIEW_OF(read_nothing, NULL, FILE_BYTES);
        _cleanup_(swb_predictor_freep) struct swb_predictor *p = NULL;

        (void)state;
        assert_int_equal(swb_predictor_new(SWB_MODEL_ELF, &view, NULL, 0, NULL, 0, MEMORY, &p),
                         -EIO);
        swb_view_done(&view);
}

static struct swb_predictor *module_with_checksums(uint8_t *file, struct swb_view *view)
{
        static const char names[] = "\0__versions\0.x";
        const struct swb_copy copy = {0, 0, FILE_BYTES};
        struct swb_predictor *p;

        make_program(file, TEXT_BYTES, 10, 200);
        memcpy(file + 576, names, sizeof(names));
        memset(file + TEXT_OFFSET, 0, TEXT_BYTES);
        file[16] = ET_REL;
        swb_put_le64(file + 640 + 64 + 8, SHF_ALLOC);
        assert_int_equal(swb_predictor_new(SWB_MODEL_ELF, view, &copy, 1, NULL, 0, MEMORY, &p), 0);
        return p;
}

/* What one module learns another knows; not the one that goes on from what was known before. */
static void test_modules_share(void **state)
{
        uint8_t file[FILE_BYTES];
        struct swb_view view = SWB_VIEW_OF_MEMORY(file, sizeof(file));
        _cleanup_(swb_predictor_freep) struct swb_predictor *first =
                module_with_checksums(file, &view);
        _cleanup_(swb_predictor_freep) struct swb_predictor *second =
                module_with_checksums(file, &view);
        _cleanup_(swb_predictor_shared_freep) struct swb_predictor_shared *before = NULL;
        _cleanup_(swb_predictor_shared_freep) struct swb_predictor_shared *after = NULL;
        struct swb_place place;

        (void)state;
        assert_true(swb_predictor_shares(first));
        assert_true(swb_predictor_next(first, TEXT_OFFSET, TEXT_OFFSET + TEXT_BYTES, &place));
        assert_int_equal(swb_predictor_shared_copy(NULL, &before), 0);
        assert_int_equal(swb_predictor_shared_copy(before, &after), 0);
        swb_predictor_share(first, after);
        swb_predictor_learn(first, &place, 7, 1234);
        swb_predictor_share(second, before);
        assert_int_equal(swb_predictor_predict(second, &place, 7), 7);
        swb_predictor_share(second, after);
        assert_int_equal(swb_predictor_predict(second, &place, 7), 1234);
}

static void test_programs_do_not_share(void **state)
{
        uint8_t file[FILE_BYTES];
        struct swb_view view = SWB_VIEW_OF_MEMORY(file, sizeof(file));
        _cleanup_(swb_predictor_freep) struct swb_predictor *p = NULL;

        (void)state;
        make_program(file, TEXT_BYTES, 10, 200);
        assert_int_equal(swb_predictor_new(SWB_MODEL_ELF, &view, NULL, 0, NULL, 0, MEMORY, &p), 0);
        assert_false(swb_predictor_shares(p));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_call_over_what_grew),
                cmocka_unit_test(test_no_program),
                cmocka_unit_test(test_cut_anywhere),
                cmocka_unit_test(test_any_byte_of_the_headers_broken),
                cmocka_unit_test(test_broken_hints),
                cmocka_unit_test(test_unreadable),
                cmocka_unit_test(test_modules_share),
                cmocka_unit_test(test_programs_do_not_share),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
