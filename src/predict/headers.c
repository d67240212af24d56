/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The headers of file, segments and sections. Most of what they say is known from the hints.
 * Spec: docs/design/delta.md, PA-44 to PA-46.
 */
#include "predict/program.h"

#include <elf.h>

#define SECTIONS_OFFSET_AT 40u
#define ENTRY_AT 24u
#define SEGMENT_BYTES 56u
#define SEGMENTS_MAX 64u

/* In a section's header. */
enum { AT_NAME = 0, AT_ADDRESS = 16, AT_OFFSET = 24, AT_SIZE = 32, AT_LINK = 40, AT_INFO = 44 };

void swb_headers_find_file(struct swb_program *program)
{
        const struct swb_elf *elf = &program->elf;
        const uint8_t *p = swb_view_at(elf->view, 0, SWB_ELF_HEADER_BYTES);
        uint64_t segments = swb_elf_u64(elf, 32);
        unsigned n_segments = p ? (unsigned)(p[56] | p[57] << 8) : 0;

        swb_fields_add(&program->fields, ENTRY_AT, SWB_FIELD_POINTER);
        swb_fields_add(&program->fields, SECTIONS_OFFSET_AT, SWB_FIELD_HEADER_8);
        if (elf->type == ET_REL || segments > elf->view->n_bytes)
                return;
        for (unsigned i = 0; i < SWB_MIN(n_segments, SEGMENTS_MAX); i++) {
                swb_fields_add(&program->fields, segments + i * SEGMENT_BYTES + 16,
                               SWB_FIELD_POINTER);
                swb_fields_add(&program->fields, segments + i * SEGMENT_BYTES + 24,
                               SWB_FIELD_POINTER);
        }
}

void swb_headers_find_sections(struct swb_program *program)
{
        const struct swb_elf *elf = &program->elf;

        for (size_t i = 1; i < elf->n_sections; i++) {
                uint64_t at = elf->sections_offset + i * SWB_ELF_SECTION_BYTES;

                swb_fields_add(&program->fields, at + AT_NAME, SWB_FIELD_NAME);
                swb_fields_add(&program->fields, at + AT_ADDRESS, SWB_FIELD_HEADER_8);
                swb_fields_add(&program->fields, at + AT_OFFSET, SWB_FIELD_HEADER_8);
                swb_fields_add(&program->fields, at + AT_SIZE, SWB_FIELD_HEADER_8);
                swb_fields_add(&program->fields, at + AT_LINK, SWB_FIELD_HEADER_4);
                if (elf->sections[i].type == SHT_RELA)
                        swb_fields_add(&program->fields, at + AT_INFO, SWB_FIELD_HEADER_4);
        }
}

/* The number that a section gets. */
static uint64_t renumbered(const struct swb_program *program, uint64_t number)
{
        return number > 0 && number < program->elf.n_sections
                       ? program->layout->sections[number].index
                       : number;
}

static bool in_btf(const struct swb_program *program, uint64_t offset)
{
        const struct swb_section *s = &program->elf.sections[program->btf.section];

        return program->btf.section > 0 && offset - s->offset < s->n_bytes;
}

struct swb_reference swb_headers_refer(struct swb_program *program, uint64_t offset,
                                       enum swb_field_kind kind, uint64_t value)
{
        const struct swb_elf *elf = &program->elf;
        uint64_t i = (offset - elf->sections_offset) / SWB_ELF_SECTION_BYTES;
        struct swb_reference reference = {
                .target = SWB_SPOT_NONE, .base = SWB_SPOT_NONE, .scale = 1, .known = true};
        const struct swb_layout_section *to;

        if (in_btf(program, offset))
                return swb_btf_refer(program, offset, kind, value);
        reference.value = value;
        if (!program->layout)
                return reference;
        if (offset == SECTIONS_OFFSET_AT) {
                reference.value = program->layout->sections_offset;
                return reference;
        }
        if (offset < elf->sections_offset || i >= elf->n_sections)
                return reference;
        to = &program->layout->sections[i];
        switch ((offset - elf->sections_offset) % SWB_ELF_SECTION_BYTES) {
        case AT_ADDRESS:
                reference.value = to->address;
                break;
        case AT_OFFSET:
                reference.value = to->offset;
                break;
        case AT_SIZE:
                reference.value = to->n_bytes;
                break;
        default:
                reference.value = renumbered(program, value);
                break;
        }
        return reference;
}

struct swb_reference swb_headers_refer_name(const struct swb_elf *elf, uint64_t value)
{
        return (struct swb_reference){
                .target = (uint32_t)(elf->names_offset + value),
                .base = SWB_SPOT_NONE,
                .scale = 1,
                .in_section = true,
                .learns = true,
        };
}
