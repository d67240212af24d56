/* SPDX-License-Identifier: Apache-2.0 */
#include "predict/code_arm64.h"

#include <elf.h>

#include "base/endian.h"
#include "predict/program.h"
#include "predict/window.h"

#define PAGE_MASK UINT64_C(0xfff)
/* The two instructions that make one address are not further apart. */
#define PAIR_DISTANCE 8u

/* ---- instructions */

enum swb_form swb_arm64_form(uint32_t instruction)
{
        if ((instruction & 0x7c000000) == 0x14000000)
                return SWB_FORM_26;
        if ((instruction & 0xff000010) == 0x54000000 || (instruction & 0x7e000000) == 0x34000000 ||
            (instruction & 0x3b000000) == 0x18000000)
                return SWB_FORM_19;
        if ((instruction & 0x7e000000) == 0x36000000)
                return SWB_FORM_14;
        if ((instruction & 0x9f000000) == 0x10000000)
                return SWB_FORM_BYTES;
        if ((instruction & 0x9f000000) == 0x90000000)
                return SWB_FORM_PAGE;
        if ((instruction & 0xffc00000) == 0x91000000 || (instruction & 0x3b000000) == 0x39000000)
                return SWB_FORM_LOW;
        return SWB_FORM_WHOLE;
}

uint32_t swb_arm64_mask(enum swb_form form)
{
        switch (form) {
        case SWB_FORM_26:
                return 0x03ffffff;
        case SWB_FORM_19:
                return 0x00ffffe0;
        case SWB_FORM_14:
                return 0x0007ffe0;
        case SWB_FORM_BYTES:
        case SWB_FORM_PAGE:
                return 0x60ffffe0;
        case SWB_FORM_LOW:
                return 0x003ffc00;
        case SWB_FORM_WHOLE:
                break;
        }
        return 0xffffffff;
}

/* LOW: 1 << this is the unit. Loads and stores count in what they move, additions in bytes. */
static unsigned unit_bits(uint32_t instruction)
{
        if ((instruction & 0x3b000000) != 0x39000000)
                return 0;
        if ((instruction & 0x04800000) == 0x04800000 && instruction >> 30 == 0)
                return 4;
        return instruction >> 30;
}

static int64_t sign_extend(uint32_t value, unsigned bits)
{
        return (int64_t)((uint64_t)value << (64 - bits)) >> (64 - bits);
}

int64_t swb_arm64_get(enum swb_form form, uint32_t instruction)
{
        uint32_t wide = (instruction >> 5 & 0x7ffff) << 2 | (instruction >> 29 & 3);

        switch (form) {
        case SWB_FORM_26:
                return sign_extend(instruction & 0x03ffffff, 26) * 4;
        case SWB_FORM_19:
                return sign_extend(instruction >> 5 & 0x7ffff, 19) * 4;
        case SWB_FORM_14:
                return sign_extend(instruction >> 5 & 0x3fff, 14) * 4;
        case SWB_FORM_BYTES:
                return sign_extend(wide, 21);
        case SWB_FORM_PAGE:
                return sign_extend(wide, 21) * 4096;
        case SWB_FORM_LOW:
                return (int64_t)(instruction >> 10 & 0xfff) << unit_bits(instruction);
        case SWB_FORM_WHOLE:
                break;
        }
        return (int32_t)instruction;
}

/* The bits of the form, as they stand in an instruction. */
static uint32_t place_bits(enum swb_form form, uint32_t instruction, uint64_t number)
{
        uint32_t bits = (uint32_t)(form == SWB_FORM_PAGE ? number >> 12 : number);

        switch (form) {
        case SWB_FORM_26:
                return bits >> 2;
        case SWB_FORM_19:
        case SWB_FORM_14:
                return bits >> 2 << 5;
        case SWB_FORM_BYTES:
        case SWB_FORM_PAGE:
                return (bits & 3) << 29 | (bits >> 2 & 0x7ffff) << 5;
        case SWB_FORM_LOW:
                return bits >> unit_bits(instruction) << 10;
        case SWB_FORM_WHOLE:
                break;
        }
        return bits;
}

uint32_t swb_arm64_put(enum swb_form form, uint32_t instruction, uint64_t place, uint64_t target)
{
        uint32_t mask = swb_arm64_mask(form);
        uint64_t number = target - place;

        if (form == SWB_FORM_PAGE)
                number = (target & ~PAGE_MASK) - (place & ~PAGE_MASK);
        else if (form == SWB_FORM_LOW)
                number = target & PAGE_MASK;
        return (instruction & ~mask) | (place_bits(form, instruction, number) & mask);
}

uint64_t swb_arm64_target(enum swb_form form, uint32_t instruction, uint64_t place)
{
        uint64_t number = (uint64_t)swb_arm64_get(form, instruction);

        if (form == SWB_FORM_LOW)
                return number;
        return (form == SWB_FORM_PAGE ? place & ~PAGE_MASK : place) + number;
}

/* ---- pairs: adrp makes the page, a later instruction with its register the rest */

static uint32_t page_register(uint32_t instruction)
{
        return instruction & 31;
}

static uint32_t base_register(uint32_t instruction)
{
        return instruction >> 5 & 31;
}

/* What the pair's first instruction at offset leads to, with the second's part if there is one. */
static uint64_t target_of_page(const struct swb_elf *elf, const struct swb_section *s,
                               uint64_t offset, uint32_t instruction)
{
        uint64_t page = swb_arm64_target(SWB_FORM_PAGE, instruction, swb_elf_address(s, offset));

        for (unsigned i = 1; i <= PAIR_DISTANCE && offset + i * 4 + 4 <= s->offset + s->n_bytes;
             i++) {
                uint32_t next = swb_elf_u32(elf, offset + i * 4);

                if (swb_arm64_form(next) == SWB_FORM_LOW &&
                    base_register(next) == page_register(instruction))
                        return page + (uint64_t)swb_arm64_get(SWB_FORM_LOW, next);
        }
        return page;
}

/* The address that the pair's second instruction makes; 0: there is no first one. */
static uint64_t target_of_low(const struct swb_elf *elf, const struct swb_section *s,
                              uint64_t offset, uint32_t instruction)
{
        for (unsigned i = 1; i <= PAIR_DISTANCE && offset - s->offset >= (uint64_t)i * 4; i++) {
                uint32_t before = swb_elf_u32(elf, offset - i * 4);

                if (swb_arm64_form(before) == SWB_FORM_PAGE &&
                    page_register(before) == base_register(instruction))
                        return swb_arm64_target(SWB_FORM_PAGE, before,
                                                swb_elf_address(s, offset - i * 4)) +
                               (uint64_t)swb_arm64_get(SWB_FORM_LOW, instruction);
        }
        return 0;
}

static uint64_t target_of(const struct swb_elf *elf, const struct swb_section *s, uint64_t offset,
                          uint32_t instruction)
{
        enum swb_form form = swb_arm64_form(instruction);

        if (form == SWB_FORM_PAGE)
                return target_of_page(elf, s, offset, instruction);
        if (form == SWB_FORM_LOW)
                return target_of_low(elf, s, offset, instruction);
        return swb_arm64_target(form, instruction, swb_elf_address(s, offset));
}

static uint32_t spot_of(const struct swb_elf *elf, const struct swb_section *s, uint64_t address)
{
        if (elf->type != ET_REL)
                return swb_elf_spot(elf, address);
        return address - s->address < s->n_bytes ? s->spot + (uint32_t)(address - s->address)
                                                 : SWB_SPOT_NONE;
}

/* ---- fields */

static enum swb_field_kind kind_of(enum swb_form form)
{
        switch (form) {
        case SWB_FORM_26:
                return SWB_FIELD_ARM_BRANCH;
        case SWB_FORM_PAGE:
                return SWB_FIELD_ARM_PAGE;
        case SWB_FORM_LOW:
                return SWB_FIELD_ARM_LOW;
        case SWB_FORM_19:
        case SWB_FORM_14:
        case SWB_FORM_BYTES:
        case SWB_FORM_WHOLE:
                break;
        }
        return SWB_FIELD_ARM_NEAR;
}

/* In a module pages and what leads out of a section are relocations' business. */
static bool is_relocated(const struct swb_elf *elf, enum swb_form form, uint32_t instruction)
{
        return elf->type == ET_REL && (form == SWB_FORM_PAGE || form == SWB_FORM_LOW ||
                                       swb_arm64_get(form, instruction) == 0);
}

void swb_arm64_find_between(struct swb_program *program, const struct swb_section *s,
                            uint64_t begin, uint64_t end)
{
        const struct swb_elf *elf = &program->elf;
        struct swb_window window = {.view = elf->view};

        for (uint64_t at = begin; at + 4 <= end; at += 4) {
                uint32_t instruction = swb_get_le32(swb_window_at(&window, at));
                enum swb_form form = swb_arm64_form(instruction);

                if (form == SWB_FORM_WHOLE || is_relocated(elf, form, instruction) ||
                    spot_of(elf, s, target_of(elf, s, at, instruction)) == SWB_SPOT_NONE)
                        continue;
                swb_fields_add(&program->fields, at, kind_of(form));
        }
}

void swb_arm64_find(struct swb_program *program, const struct swb_section *s)
{
        swb_arm64_find_between(program, s, s->offset, s->offset + (uint64_t)s->n_bytes);
}

struct swb_reference swb_arm64_refer(struct swb_program *program, uint64_t offset,
                                     enum swb_field_kind kind, uint64_t value)
{
        const struct swb_elf *elf = &program->elf;
        const struct swb_section *s = swb_elf_at_spot(elf, offset);
        struct swb_reference reference = {
                .target = SWB_SPOT_NONE, .base = SWB_SPOT_PLACE, .scale = 1, .learns = true};

        (void)kind;
        if (!s)
                return reference;
        reference.form = swb_arm64_form((uint32_t)value);
        reference.place_address = swb_elf_address(s, offset);
        reference.target_address = target_of(elf, s, offset, (uint32_t)value);
        reference.target = spot_of(elf, s, reference.target_address);
        return reference;
}
