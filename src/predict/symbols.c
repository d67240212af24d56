/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of symbols. Spec: docs/design/delta.md, PA-54 and PA-55. */
#include "predict/program.h"

#include <elf.h>

#include "base/endian.h"

enum { AT_NAME = 0, AT_SECTION = 6, AT_VALUE = 8, AT_SIZE = 16 };

uint32_t swb_symbol_spot(const struct swb_elf *elf, uint64_t symbol, uint64_t value,
                         const struct swb_section **ret_section)
{
        const uint8_t *p = swb_view_at(elf->view, symbol + AT_SECTION, 2);
        unsigned number = p ? (unsigned)(p[0] | p[1] << 8) : 0;
        const struct swb_section *s;

        if (number == 0 || number >= elf->n_sections)
                return SWB_SPOT_NONE;
        s = &elf->sections[number];
        *ret_section = s;
        if (elf->type != ET_REL)
                return swb_elf_spot(elf, value);
        return s->spot != SWB_SPOT_NONE && value <= s->n_bytes ? s->spot + (uint32_t)value
                                                               : SWB_SPOT_NONE;
}

void swb_symbols_find(struct swb_program *program, const struct swb_section *s)
{
        const struct swb_elf *elf = &program->elf;

        for (uint64_t i = SWB_ELF_SYMBOL_BYTES; i + SWB_ELF_SYMBOL_BYTES <= s->n_bytes;
             i += SWB_ELF_SYMBOL_BYTES) {
                uint64_t at = s->offset + i, value = swb_elf_u64(elf, at + AT_VALUE);
                const struct swb_section *in;

                if (swb_elf_u32(elf, at + AT_NAME) != 0)
                        swb_fields_add(&program->fields, at + AT_NAME, SWB_FIELD_NAME);
                if (swb_symbol_spot(elf, at, value, &in) == SWB_SPOT_NONE)
                        continue;
                if (value != 0)
                        swb_fields_add(&program->fields, at + AT_VALUE, SWB_FIELD_SYMBOL_VALUE);
                if (swb_elf_u64(elf, at + AT_SIZE) != 0 && in->role != SWB_ROLE_NO_CONTENT)
                        swb_fields_add(&program->fields, at + AT_SIZE, SWB_FIELD_SYMBOL_SIZE);
        }
}

/* ---- .hash and .gnu.hash: numbers of symbols, one where a bucket or a chain begins or goes on */

static void find_numbers(struct swb_program *program, const struct swb_section *s, uint64_t at,
                         uint64_t end)
{
        for (end = SWB_MIN(end, (uint64_t)s->n_bytes); at + 4 <= end; at += 4)
                if (swb_elf_u32(&program->elf, s->offset + at) != 0)
                        swb_fields_add(&program->fields, s->offset + at, SWB_FIELD_RELA_SYMBOL);
}

void swb_hash_find(struct swb_program *program, const struct swb_section *s)
{
        const struct swb_elf *elf = &program->elf;
        uint64_t buckets = 16 + 8 * (uint64_t)swb_elf_u32(elf, s->offset + 8);

        if (elf->type == ET_REL)
                return;
        if (s->type == SHT_HASH) {
                find_numbers(program, s, 8, UINT64_MAX);
                return;
        }
        find_numbers(program, s, 4, 8);
        find_numbers(program, s, buckets, buckets + 4 * (uint64_t)swb_elf_u32(elf, s->offset));
}

static struct swb_reference refer_name(const struct swb_elf *elf, const struct swb_section *s,
                                       uint64_t value)
{
        struct swb_reference reference = {.target = SWB_SPOT_NONE,
                                          .base = SWB_SPOT_NONE,
                                          .scale = 1,
                                          .in_section = true,
                                          .learns = true};

        if (s->link < elf->n_sections && value < elf->sections[s->link].n_bytes)
                reference.target = elf->sections[s->link].offset + (uint32_t)value;
        return reference;
}

struct swb_reference swb_symbols_refer(struct swb_program *program, uint64_t offset,
                                       enum swb_field_kind kind, uint64_t value)
{
        const struct swb_elf *elf = &program->elf;
        const struct swb_section *s = swb_elf_at_spot(elf, offset), *in = NULL;
        struct swb_reference reference = {
                .target = SWB_SPOT_NONE, .base = SWB_SPOT_NONE, .scale = 1};
        uint64_t symbol;

        if (!s || s->role != SWB_ROLE_SYMBOLS)
                return kind == SWB_FIELD_NAME ? swb_headers_refer_name(elf, value) : reference;
        if (kind == SWB_FIELD_NAME)
                return refer_name(elf, s, value);
        symbol = offset - (kind == SWB_FIELD_SYMBOL_VALUE ? AT_VALUE : AT_SIZE);
        reference.in_section = elf->type == ET_REL;
        if (kind == SWB_FIELD_SYMBOL_VALUE) {
                reference.learns = true;
                reference.target = swb_symbol_spot(elf, symbol, value, &in);
                return reference;
        }
        reference.base = swb_symbol_spot(elf, symbol, swb_elf_u64(elf, symbol + AT_VALUE), &in);
        if (reference.base != SWB_SPOT_NONE && value <= in->n_bytes)
                reference.target = reference.base + (uint32_t)value;
        else
                reference.base = SWB_SPOT_NONE;
        return reference;
}
