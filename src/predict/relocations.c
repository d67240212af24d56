/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of relocations. Spec: docs/design/delta.md, PA-56, PA-57. */
#include "predict/program.h"

#include <elf.h>

enum { AT_OFFSET = 0, AT_TYPE = 8, AT_SYMBOL = 12, AT_ADDEND = 16 };

/* A table's offsets go up by the same step for every so many entries, as those for a table of
 * records do. So many entries are looked at. */
#define PERIOD_MAX 4u
#define PERIOD_SEEN 12u

static uint32_t symbol_at(const struct swb_elf *elf, const struct swb_section *s, uint32_t number)
{
        const struct swb_section *symbols;

        if (s->link >= elf->n_sections)
                return SWB_SPOT_NONE;
        symbols = &elf->sections[s->link];
        if (symbols->role != SWB_ROLE_SYMBOLS || number >= symbols->n_bytes / SWB_ELF_SYMBOL_BYTES)
                return SWB_SPOT_NONE;
        return symbols->offset + number * SWB_ELF_SYMBOL_BYTES;
}

/* Where the relocation writes. */
static uint32_t place_of(const struct swb_elf *elf, const struct swb_section *s, uint64_t value)
{
        const struct swb_section *to;

        if (elf->type != ET_REL)
                return swb_elf_spot(elf, value);
        if (s->info >= elf->n_sections)
                return SWB_SPOT_NONE;
        to = &elf->sections[s->info];
        return to->spot != SWB_SPOT_NONE && value < to->n_bytes ? to->spot + (uint32_t)value
                                                                : SWB_SPOT_NONE;
}

/* The distance is counted from the end of the field, 4 bytes on, when code is relocated. */
static uint64_t code_bias(const struct swb_elf *elf, const struct swb_section *s, uint64_t entry)
{
        uint32_t type = swb_elf_u32(elf, entry + AT_TYPE);

        if (elf->machine != EM_X86_64 || s->info >= elf->n_sections ||
            elf->sections[s->info].role != SWB_ROLE_CODE)
                return 0;
        return type == R_X86_64_PC32 || type == R_X86_64_PLT32 ? 4 : 0;
}

/* What the entry's addend leads to. ret_base: what it is counted from, if that is no section. */
static uint32_t addend_target(const struct swb_elf *elf, const struct swb_section *s,
                              uint64_t entry, uint64_t value, uint32_t *ret_base)
{
        uint32_t number = swb_elf_u32(elf, entry + AT_SYMBOL);
        uint32_t symbol = symbol_at(elf, s, number);
        const struct swb_section *in = NULL;
        uint64_t start;
        const uint8_t *info;

        *ret_base = SWB_SPOT_NONE;
        if (elf->type != ET_REL)
                return number == 0 ? swb_elf_spot(elf, value) : SWB_SPOT_NONE;
        info = swb_view_at(elf->view, (uint64_t)symbol + 4, 1);
        if (symbol == SWB_SPOT_NONE || !info)
                return SWB_SPOT_NONE;
        if ((*info & 15) != STT_SECTION && value == 0)
                return SWB_SPOT_NONE;
        start = swb_elf_u64(elf, symbol + 8);
        if ((*info & 15) != STT_SECTION)
                *ret_base = swb_symbol_spot(elf, symbol, start, &in);
        return swb_symbol_spot(elf, symbol, start + value + code_bias(elf, s, entry), &in);
}

uint32_t swb_rela_spot(const struct swb_elf *elf, const struct swb_section *s, uint64_t i)
{
        uint64_t entry = s->offset + i * SWB_ELF_RELA_BYTES;
        uint32_t symbol = symbol_at(elf, s, swb_elf_u32(elf, entry + AT_SYMBOL));
        const struct swb_section *in;

        if (symbol == SWB_SPOT_NONE)
                return SWB_SPOT_NONE;
        return swb_symbol_spot(elf, symbol,
                               swb_elf_u64(elf, symbol + 8u) + swb_elf_u64(elf, entry + AT_ADDEND),
                               &in);
}

void swb_rela_find(struct swb_program *program, const struct swb_section *s)
{
        const struct swb_elf *elf = &program->elf;

        if (elf->type != ET_REL && !(s->flags & SHF_ALLOC))
                return;
        for (uint64_t i = 0; i + SWB_ELF_RELA_BYTES <= s->n_bytes; i += SWB_ELF_RELA_BYTES) {
                uint64_t at = s->offset + i;
                uint32_t base;

                if (place_of(elf, s, swb_elf_u64(elf, at)) != SWB_SPOT_NONE)
                        swb_fields_add(&program->fields, at + AT_OFFSET, SWB_FIELD_RELA_OFFSET);
                if (swb_elf_u32(elf, at + AT_SYMBOL) != 0)
                        swb_fields_add(&program->fields, at + AT_SYMBOL, SWB_FIELD_RELA_SYMBOL);
                if (addend_target(elf, s, at, swb_elf_u64(elf, at + AT_ADDEND), &base) !=
                    SWB_SPOT_NONE)
                        swb_fields_add(&program->fields, at + AT_ADDEND, SWB_FIELD_RELA_ADDEND);
        }
}

static uint64_t offset_of_entry(const struct swb_elf *elf, const struct swb_section *s, unsigned i)
{
        return swb_elf_u64(elf, s->offset + (uint64_t)i * SWB_ELF_RELA_BYTES);
}

/* Does every entry `period` further on lie the same step further? ret_step: it. */
static bool is_periodic(const struct swb_elf *elf, const struct swb_section *s, unsigned period,
                        unsigned n, uint64_t *ret_step)
{
        uint64_t step = offset_of_entry(elf, s, period) - offset_of_entry(elf, s, 0);

        for (unsigned i = 1; i + period < n; i++)
                if (offset_of_entry(elf, s, i + period) - offset_of_entry(elf, s, i) != step)
                        return false;
        *ret_step = step;
        return step > 0 && step <= UINT8_MAX;
}

/* The offsets of records of the same size follow from the entry's place alone. */
static bool refer_periodic(const struct swb_elf *elf, const struct swb_section *s,
                           struct swb_reference *reference)
{
        unsigned n = (unsigned)SWB_MIN(s->n_bytes / SWB_ELF_RELA_BYTES, PERIOD_SEEN);
        uint64_t step;

        if (elf->type != ET_REL || s->info >= elf->n_sections ||
            elf->sections[s->info].role == SWB_ROLE_CODE)
                return false;
        for (unsigned period = 1; period <= PERIOD_MAX && 2 * period < n; period++) {
                if (!is_periodic(elf, s, period, n, &step))
                        continue;
                *reference = (struct swb_reference){
                        .target = SWB_SPOT_PLACE,
                        .base = SWB_SPOT_NONE,
                        .factor = (uint8_t)step,
                        .scale = (uint8_t)(SWB_ELF_RELA_BYTES * period),
                        .in_section = true,
                };
                return true;
        }
        return false;
}

struct swb_reference swb_rela_refer(struct swb_program *program, uint64_t offset,
                                    enum swb_field_kind kind, uint64_t value)
{
        const struct swb_elf *elf = &program->elf;
        const struct swb_section *s = swb_elf_at_spot(elf, offset);
        struct swb_reference reference = {.target = SWB_SPOT_NONE,
                                          .base = SWB_SPOT_NONE,
                                          .scale = 1,
                                          .in_section = elf->type == ET_REL,
                                          .learns = true};

        if (!s)
                return reference;
        if (kind == SWB_FIELD_RELA_SYMBOL) {
                reference.target = symbol_at(elf, s, (uint32_t)value);
                reference.scale = SWB_ELF_SYMBOL_BYTES;
                reference.in_section = true;
        } else if (kind == SWB_FIELD_RELA_ADDEND) {
                reference.target =
                        addend_target(elf, s, offset - AT_ADDEND, value, &reference.base);
        } else if (!refer_periodic(elf, s, &reference)) {
                reference.target = place_of(elf, s, value);
        }
        return reference;
}
