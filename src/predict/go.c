/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What programs made by Go know of their functions: one table with where each begins, its record,
 * its name, numbers by place in the code. All are distances from the begin of some other table.
 * Spec: docs/design/delta.md, PA-110 to PA-113.
 */
#include "predict/program.h"

#include <elf.h>

/* Of Go 1.18 and 1.20; what else begins so is not looked at. */
#define MAGIC_18 0xfffffff0u
#define MAGIC_20 0xfffffff1u
#define NO_DATA UINT32_MAX
#define FUNCTION_MIN 0x1000u

/* Inside of the header. */
enum { AT_N = 8, AT_TEXT = 24, AT_NAMES = 32, AT_UNITS = 40, AT_NUMBERS = 56, AT_TABLE = 64 };
#define HEADER_BYTES 72u

/* Inside of a function's record; at its end are lists of places in the numbers, and of data. */
enum { AT_PLACE = 0, AT_NAME = 4, AT_FIRST_NUMBER = 16, AT_COUNT = 28, AT_UNIT = 32 };
#define FIRST_NUMBERS 3u
#define RECORD_18_BYTES 40u
#define RECORD_20_BYTES 44u

/* Words from the one that points at the table on to the begin of the functions' data. */
#define DATA_18_WORDS 38u
#define DATA_20_WORDS 40u

/* The pointer at the position; where only a relocation tells it, that. */
static uint64_t pointer_at(const struct swb_elf *elf, const struct swb_section *s, uint64_t at)
{
        uint64_t value = swb_elf_u64(elf, at), place = swb_elf_address(s, at);

        for (size_t i = 1; i < elf->n_sections && value == 0; i++) {
                const struct swb_section *rela = &elf->sections[i];

                if (rela->role != SWB_ROLE_RELA)
                        continue;
                for (uint64_t k = 0; k + SWB_ELF_RELA_BYTES <= rela->n_bytes;
                     k += SWB_ELF_RELA_BYTES)
                        if (swb_elf_u64(elf, rela->offset + k) == place)
                                return swb_elf_u64(elf, rela->offset + k + 16);
        }
        return value;
}

/* What the program knows of itself begins with a pointer at the table: the first one in data. */
static uint64_t find_data(const struct swb_elf *elf, uint64_t table, unsigned words)
{
        for (size_t i = 1; i < elf->n_sections; i++) {
                const struct swb_section *s = &elf->sections[i];

                if (s->role != SWB_ROLE_POINTERS)
                        continue;
                for (uint64_t k = 0; k + 8 * (words + 1) <= s->n_bytes; k += 8)
                        if (swb_elf_u64(elf, s->offset + k) == table)
                                return swb_elf_u64(elf, s->offset + k + 8 * (uint64_t)words);
        }
        return 0;
}

/* A table inside of the section, as the header says. */
static uint32_t part_at(const struct swb_elf *elf, const struct swb_section *s, unsigned at)
{
        return s->offset + (uint32_t)SWB_MIN(swb_elf_u64(elf, s->offset + at), s->n_bytes);
}

void swb_go_init(struct swb_program *program)
{
        const struct swb_elf *elf = &program->elf;

        for (size_t i = 1; i < elf->n_sections && elf->type != ET_REL && !elf->image; i++) {
                const struct swb_section *s = &elf->sections[i];
                uint32_t magic = swb_elf_u32(elf, s->offset);
                bool is_20 = magic == MAGIC_20;

                if (s->role != SWB_ROLE_GO || s->n_bytes < HEADER_BYTES ||
                    (magic != MAGIC_18 && !is_20))
                        continue;
                program->go = (struct swb_go){
                        .begin = s->offset,
                        .end = s->offset + s->n_bytes,
                        .names = part_at(elf, s, AT_NAMES),
                        .units = part_at(elf, s, AT_UNITS),
                        .numbers = part_at(elf, s, AT_NUMBERS),
                        .table = part_at(elf, s, AT_TABLE),
                        .n_record = is_20 ? RECORD_20_BYTES : RECORD_18_BYTES,
                        .text = pointer_at(elf, s, s->offset + AT_TEXT),
                        .data = find_data(elf, s->address, is_20 ? DATA_20_WORDS : DATA_18_WORDS),
                };
                program->elf.go = true;
                program->go.n = (uint32_t)SWB_MIN(swb_elf_u64(elf, s->offset + AT_N),
                                                  (program->go.end - program->go.table) / 8);
                return;
        }
}

static void add_words(struct swb_program *program, uint64_t at, uint32_t n, uint32_t none,
                      enum swb_field_kind kind)
{
        for (uint64_t i = 0; i < n; i++)
                if (swb_elf_u32(&program->elf, at + 4 * i) != none)
                        swb_fields_add(&program->fields, at + 4 * i, kind);
}

static void find_in_record(struct swb_program *program, uint64_t at)
{
        const struct swb_elf *elf = &program->elf;
        const struct swb_go *go = &program->go;
        uint64_t behind = at + go->n_record;
        uint32_t n_numbers, n_data;

        if (behind > go->end)
                return;
        n_numbers = swb_elf_u32(elf, at + AT_COUNT);
        n_data = swb_elf_u32(elf, behind - 4) >> 24;
        if ((uint64_t)n_numbers + n_data > (go->end - behind) / 4)
                return;
        swb_fields_add(&program->fields, at + AT_PLACE, SWB_FIELD_UNWIND_PLACE);
        swb_fields_add(&program->fields, at + AT_NAME, SWB_FIELD_NAME);
        add_words(program, at + AT_FIRST_NUMBER, FIRST_NUMBERS, 0, SWB_FIELD_UNWIND_DATA);
        swb_fields_add(&program->fields, at + AT_UNIT, SWB_FIELD_UNWIND_PARENT);
        add_words(program, behind, n_numbers, 0, SWB_FIELD_UNWIND_DATA);
        add_words(program, behind + 4 * (uint64_t)n_numbers, n_data, NO_DATA,
                  SWB_FIELD_UNWIND_RANGE);
}

void swb_go_find(struct swb_program *program, const struct swb_section *s)
{
        const struct swb_go *go = &program->go;

        if (go->begin != s->offset || go->end == 0)
                return;
        swb_fields_add(&program->fields, go->begin + AT_TEXT, SWB_FIELD_POINTER);
        add_words(program, go->table, 2 * go->n, NO_DATA, SWB_FIELD_UNWIND_INDEX);
        for (uint32_t i = 0; i < go->n; i++)
                find_in_record(program, go->table + (uint64_t)swb_elf_u32(&program->elf,
                                                                          go->table + 8 * i + 4));
}

/* In the types' lists of methods; smaller numbers are numbers. */
bool swb_go_is_function(const struct swb_program *program, uint32_t value)
{
        const struct swb_go *go = &program->go;
        uint32_t low = 0, high = value < FUNCTION_MIN ? 0 : go->n;

        while (low < high) {
                uint32_t middle = low + (high - low) / 2;

                if (swb_elf_u32(&program->elf, go->table + 8 * middle) < value)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < go->n && value >= FUNCTION_MIN &&
               swb_elf_u32(&program->elf, go->table + 8 * low) == value;
}

bool swb_go_has(const struct swb_program *program, uint64_t offset, enum swb_field_kind kind)
{
        return offset - program->go.begin < program->go.end - program->go.begin ||
               (program->elf.go && kind == SWB_FIELD_SYMBOL_TABLE);
}

/* What is so far behind the begin of one of the section's tables. */
static struct swb_reference refer_inside(const struct swb_go *go, uint32_t table, uint64_t distance,
                                         uint8_t scale)
{
        struct swb_reference reference = {.target = SWB_SPOT_NONE,
                                          .base = table,
                                          .scale = scale,
                                          .in_section = true,
                                          .learns = true};

        if (distance < go->end - table)
                reference.target = table + (uint32_t)distance;
        else
                reference.base = SWB_SPOT_NONE;
        return reference;
}

static struct swb_reference refer_outside(const struct swb_elf *elf, uint64_t base, uint64_t value)
{
        struct swb_reference reference = {
                .target = SWB_SPOT_NONE, .base = SWB_SPOT_NONE, .scale = 1, .learns = true};

        reference.target = swb_elf_spot(elf, base + value);
        if (reference.target != SWB_SPOT_NONE)
                reference.base = swb_elf_spot(elf, base);
        return reference;
}

struct swb_reference swb_go_refer(struct swb_program *program, uint64_t offset,
                                  enum swb_field_kind kind, uint64_t value)
{
        const struct swb_go *go = &program->go;

        switch ((int)kind) {
        case SWB_FIELD_NAME:
                return refer_inside(go, go->names, value, 1);
        case SWB_FIELD_UNWIND_DATA:
                return refer_inside(go, go->numbers, value, 1);
        case SWB_FIELD_UNWIND_PARENT:
                return refer_inside(go, go->units, 4 * value, 4);
        case SWB_FIELD_UNWIND_INDEX:
                if ((offset - go->table) % 8 == 4)
                        return refer_inside(go, go->table, value, 1);
                break;
        case SWB_FIELD_UNWIND_RANGE:
                return refer_outside(&program->elf, go->data, value);
        case SWB_FIELD_POINTER:
                return refer_outside(&program->elf, 0, value);
        default:
                break;
        }
        return refer_outside(&program->elf, go->text, value);
}
