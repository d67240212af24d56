/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * predict/code_arm64.h - addresses that are some bits of an AArch64 instruction
 *
 * Spec: docs/design/delta.md, PA-90 to PA-94.
 */
#include <stdint.h>

/* Which bits. WHOLE: no instruction, all of the field's bytes. */
enum swb_form {
        SWB_FORM_WHOLE,
        SWB_FORM_26,    /* b, bl: distance in words */
        SWB_FORM_19,    /* b.cond, cbz, cbnz, ldr literal */
        SWB_FORM_14,    /* tbz, tbnz */
        SWB_FORM_BYTES, /* adr */
        SWB_FORM_PAGE,  /* adrp: distance in pages of 4 KiB */
        SWB_FORM_LOW,   /* add, ldr, str: an address' lowest 12 bits, in units of what is moved */
};

enum swb_form swb_arm64_form(uint32_t instruction);

/* The bits that are the address. */
uint32_t swb_arm64_mask(enum swb_form form);

/* The number in those bits, in bytes (LOW: as far as the units tell). */
int64_t swb_arm64_get(enum swb_form form, uint32_t instruction);

/* The instruction at `place` made one that leads to `target`. */
uint32_t swb_arm64_put(enum swb_form form, uint32_t instruction, uint64_t place, uint64_t target);

/* Where the one at `place` leads. PAGE: to the page's begin; LOW: to 0 .. 4095. */
uint64_t swb_arm64_target(enum swb_form form, uint32_t instruction, uint64_t place);
