/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Distances in x86-64 code. Instructions are not decoded from the start of a function: every byte
 * is asked whether it looks like an operand that leads somewhere sensible. A false hit costs bytes.
 * Spec: docs/design/delta.md, PA-50 to PA-53.
 */
#include "predict/kernel.h"

#include <elf.h>

#include "base/endian.h"
#include "predict/window.h"

#define NOT_AN_OPERAND (-1)

/* Operand size of 2 bytes: 0x66 before the opcode, or before its REX prefix. */
static int wide_immediate(const uint8_t *opcode)
{
        bool narrow = opcode[-1] == 0x66 || (opcode[-2] == 0x66 && (opcode[-1] & 0xf0) == 0x40);

        return narrow ? 2 : 4;
}

/* Behind 0x0f: all but the conditional jumps have a ModRM byte. */
static int immediate_of_0f(uint8_t opcode)
{
        switch (opcode) {
        case 0x80 ... 0x8f:
                return NOT_AN_OPERAND;
        case 0x70 ... 0x73:
        case 0xa4:
        case 0xac:
        case 0xba:
        case 0xc2:
        case 0xc4 ... 0xc6:
                return 1;
        default:
                return 0;
        }
}

static int immediate_of_one_byte(const uint8_t *opcode, unsigned reg)
{
        switch (*opcode) {
        case 0x01:
        case 0x03:
        case 0x09:
        case 0x0b:
        case 0x21:
        case 0x23:
        case 0x29:
        case 0x2b:
        case 0x31:
        case 0x33:
        case 0x38 ... 0x3b:
        case 0x63:
        case 0x84 ... 0x8b:
        case 0x8d:
        case 0x8f:
        case 0xd1:
        case 0xd3:
        case 0xd8 ... 0xdf:
        case 0xfe:
                return 0;
        case 0x6b:
        case 0x80:
        case 0x83:
        case 0xc0:
        case 0xc1:
                return 1;
        case 0x69:
        case 0x81:
                return wide_immediate(opcode);
        case 0xc6:
                return reg == 0 ? 1 : NOT_AN_OPERAND;
        case 0xc7:
                return reg == 0 ? wide_immediate(opcode) : NOT_AN_OPERAND;
        case 0xf6:
                return reg < 2 ? 1 : 0;
        case 0xf7:
                return reg < 2 ? wide_immediate(opcode) : 0;
        case 0xff:
                return reg < 7 ? 0 : NOT_AN_OPERAND;
        default:
                return NOT_AN_OPERAND;
        }
}

/*
 * Is the byte a ModRM byte that means "relative to the next instruction", by what stands before it?
 * Return: how many bytes of immediate operand follow the distance, or NOT_AN_OPERAND.
 */
static int rip_immediate(const uint8_t *modrm)
{
        if ((*modrm & 0xc7) != 0x05)
                return NOT_AN_OPERAND;
        if (modrm[-2] == 0x0f)
                return immediate_of_0f(modrm[-1]);
        if (modrm[-3] == 0x0f && modrm[-2] == 0x38)
                return 0;
        if (modrm[-3] == 0x0f && modrm[-2] == 0x3a)
                return 1;
        if (modrm[-3] == 0xc5 || modrm[-4] == 0xc4)
                return 0;
        return immediate_of_one_byte(modrm - 1, (*modrm >> 3) & 7);
}

/* Where the distance at p leads, seen from `next`, the address behind the instruction. */
static uint64_t leads_to(const uint8_t *p, uint64_t next)
{
        return next + (uint64_t)(int64_t)(int32_t)swb_get_le32(p);
}

/* In a module, what leads out of a section is a relocation's business, and 0 until then. */
static bool is_code(const struct swb_elf *elf, const struct swb_section *s, const uint8_t *p,
                    uint64_t next)
{
        uint64_t address = leads_to(p, next);
        const struct swb_section *to;

        if (elf->type == ET_REL)
                return swb_get_le32(p) != 0 && address - s->address < s->n_bytes;
        to = swb_elf_at_address(elf, address);
        return to && to->role == SWB_ROLE_CODE;
}

static bool is_anything(const struct swb_elf *elf, const uint8_t *p, uint64_t next)
{
        return elf->type != ET_REL && swb_elf_at_address(elf, leads_to(p, next));
}

/* Can 4 bytes of an address follow this byte? As immediate operand of mov, push, cmp and the like,
 * or behind a ModRM or SIB byte that says so. */
static bool precedes_absolute(uint8_t byte)
{
        return (byte & 0xf8) == 0xb8 || byte == 0x68 || byte == 0x25 || byte == 0x3d ||
               (byte & 0xc6) == 0x04 || (byte & 0xc0) == 0x80 || (byte & 0xf8) == 0xc0 ||
               (byte & 0xf8) == 0xf8;
}

/* Go's code holds none. */
static bool is_absolute(const struct swb_elf *elf, const uint8_t *p)
{
        return elf->fixed && !elf->go && precedes_absolute(*p) &&
               swb_elf_at_address(elf, swb_get_le32(p + 1)) != NULL;
}

/* Is there an operand behind the byte p? Return: the bytes up to the distance, 0 for none. */
static unsigned operand_at(const struct swb_elf *elf, const struct swb_section *s, const uint8_t *p,
                           uint64_t address, enum swb_field_kind *ret_kind)
{
        int immediate;

        if (*p == 0xe8 || *p == 0xe9) {
                *ret_kind = SWB_FIELD_BRANCH;
                return is_code(elf, s, p + 1, address + 5) ? 1 : 0;
        }
        if (*p == 0x0f && (p[1] & 0xf0) == 0x80) {
                *ret_kind = SWB_FIELD_CONDITION;
                return is_code(elf, s, p + 2, address + 6) ? 2 : 0;
        }
        immediate = rip_immediate(p);
        *ret_kind = SWB_FIELD_RIP;
        if (immediate != NOT_AN_OPERAND &&
            is_anything(elf, p + 1, address + 5 + (unsigned)immediate))
                return 1;
        *ret_kind = SWB_FIELD_ABSOLUTE;
        return is_absolute(elf, p) ? 1 : 0;
}

void swb_x86_find(struct swb_program *program, const struct swb_section *s)
{
        struct swb_window window = {.view = program->elf.view};
        struct swb_marks marks = swb_marks_of(program, s);
        enum swb_field_kind kind, marked_kind;
        uint64_t marked = swb_marks_next(&marks, s->offset, &marked_kind);

        for (uint64_t at = s->offset, end = at + s->n_bytes; at + 5 <= end;) {
                const uint8_t *p = swb_window_at(&window, at);
                uint64_t address = swb_elf_address(s, at);
                unsigned skip;

                if (marked < at)
                        marked = swb_marks_next(&marks, at, &marked_kind);
                if (marked == at && swb_marks_lead(&program->elf, at, marked_kind)) {
                        swb_fields_add(&program->fields, at, marked_kind);
                        at += swb_field_width(marked_kind);
                        continue;
                }
                skip = operand_at(&program->elf, s, p, address, &kind);
                if (skip == 0 || at + skip + 4 > end || marked < at + skip + 4) {
                        at++;
                        continue;
                }
                swb_fields_add(&program->fields, at + skip, kind);
                at += skip + 4;
        }
}

struct swb_reference swb_x86_refer(struct swb_program *program, uint64_t offset,
                                   enum swb_field_kind kind, uint64_t value)
{
        const struct swb_elf *elf = &program->elf;
        const struct swb_section *s = swb_elf_at_spot(elf, offset);
        struct swb_reference reference = {
                .target = SWB_SPOT_NONE, .base = SWB_SPOT_PLACE, .scale = 1, .learns = true};
        const uint8_t *p = swb_view_at(elf->view, offset - 5, 5);
        uint64_t address;
        int immediate;

        if (!s || !p)
                return reference;
        immediate = kind == SWB_FIELD_RIP ? rip_immediate(p + 4) : 0;
        address = swb_elf_address(s, offset) + 4 + (unsigned)SWB_MAX(immediate, 0) +
                  (uint64_t)(int64_t)(int32_t)value;
        if (elf->type != ET_REL)
                reference.target = swb_elf_spot(elf, address);
        else if (address - s->address < s->n_bytes)
                reference.target = s->spot + (uint32_t)(address - s->address);
        return reference;
}
