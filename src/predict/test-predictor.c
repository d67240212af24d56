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

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_call_over_what_grew),
                cmocka_unit_test(test_no_program),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
