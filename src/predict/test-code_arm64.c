/* SPDX-License-Identifier: Apache-2.0 */
#include "predict/code_arm64.h"

#include "base/test.h"

/* From an assembler: the instruction, where it stands, where it leads. */
static const struct {
        enum swb_form form;
        uint32_t instruction;
        uint64_t place, target;
} known[] = {
        {SWB_FORM_26, 0x94000004, 0x1000, 0x1010},     /* bl . + 16 */
        {SWB_FORM_26, 0x17ffffff, 0x1000, 0xffc},      /* b . - 4 */
        {SWB_FORM_19, 0x54000041, 0x1000, 0x1008},     /* b.ne . + 8 */
        {SWB_FORM_19, 0xb4ffffe1, 0x1000, 0xffc},      /* cbz x1, . - 4 */
        {SWB_FORM_19, 0x58000040, 0x1000, 0x1008},     /* ldr x0, . + 8 */
        {SWB_FORM_14, 0x36080080, 0x1000, 0x1010},     /* tbz w0, #1, . + 16 */
        {SWB_FORM_BYTES, 0x30000040, 0x1000, 0x1009},  /* adr x0, . + 9 */
        {SWB_FORM_BYTES, 0x50ffffe0, 0x1000, 0xffe},   /* adr x0, . - 2 */
        {SWB_FORM_PAGE, 0xb0000001, 0x1abc, 0x2000},   /* adrp x1, next page */
        {SWB_FORM_PAGE, 0xf0ffffe0, 0x1abc, 0x0},      /* adrp x0, page before */
        {SWB_FORM_PAGE, 0xd0fffffe, 0x12c1c, 0x10000}, /* adrp x30, two pages before */
        {SWB_FORM_LOW, 0x91004000, 0x1000, 0x10},      /* add x0, x0, #16 */
        {SWB_FORM_LOW, 0xf9400821, 0x1000, 0x10},      /* ldr x1, [x1, #16] */
        {SWB_FORM_LOW, 0x3dc00400, 0x1000, 0x10},      /* ldr q0, [x0, #16] */
        {SWB_FORM_LOW, 0x39404000, 0x1000, 0x10},      /* ldrb w0, [x0, #16] */
};

static void test_reads(void **state)
{
        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(known); i++) {
                assert_int_equal(swb_arm64_form(known[i].instruction), known[i].form);
                assert_int_equal(
                        swb_arm64_target(known[i].form, known[i].instruction, known[i].place),
                        known[i].target);
        }
        assert_int_equal(swb_arm64_form(0xd65f03c0), SWB_FORM_WHOLE); /* ret */
        assert_int_equal(swb_arm64_form(0xd503201f), SWB_FORM_WHOLE); /* nop */
}

/* Written back they are the same; led elsewhere, only their address is another. */
static void test_writes(void **state)
{
        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(known); i++) {
                enum swb_form form = known[i].form;
                uint32_t instruction = known[i].instruction, moved;
                uint64_t place = known[i].place + 0x30, target = known[i].target + 0x3020;

                assert_int_equal(swb_arm64_put(form, instruction, known[i].place, known[i].target),
                                 instruction);
                moved = swb_arm64_put(form, instruction, place, target);
                assert_int_equal(moved & ~swb_arm64_mask(form),
                                 instruction & ~swb_arm64_mask(form));
                if (form == SWB_FORM_LOW)
                        target &= 0xfff;
                if (form == SWB_FORM_PAGE)
                        target &= ~UINT64_C(0xfff);
                assert_int_equal(swb_arm64_target(form, moved, place), target);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_reads),
                cmocka_unit_test(test_writes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
