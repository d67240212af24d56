/* SPDX-License-Identifier: Apache-2.0 */
/* How to leave functions: .eh_frame and its index. Spec: docs/design/delta.md, PA-60 to PA-63. */
#include "predict/program.h"

/* Inside of the record of a function. */
enum { AT_PARENT = 4, AT_PLACE = 8, AT_RANGE = 12, AT_EXTRA = 16, AT_DATA = 17 };
/* Inside of the index. */
enum { AT_FRAMES = 4, AT_COUNT = 8, AT_INDEX = 12 };

static uint64_t distance(const struct swb_elf *elf, uint64_t offset)
{
        return (uint64_t)(int64_t)(int32_t)swb_elf_u32(elf, offset);
}

static void find_in_record(struct swb_program *program, const struct swb_section *s, uint64_t at,
                           uint64_t n)
{
        const struct swb_elf *elf = &program->elf;
        uint64_t address = swb_elf_address(s, at);
        const uint8_t *extra = swb_view_at(elf->view, at + AT_EXTRA, 1);

        if (n < AT_EXTRA || swb_elf_u32(elf, at + AT_PARENT) == 0)
                return;
        swb_fields_add(&program->fields, at + AT_PARENT, SWB_FIELD_UNWIND_PARENT);
        if (!swb_elf_at_address(elf, address + AT_PLACE + distance(elf, at + AT_PLACE)))
                return;
        swb_fields_add(&program->fields, at + AT_PLACE, SWB_FIELD_UNWIND_PLACE);
        swb_fields_add(&program->fields, at + AT_RANGE, SWB_FIELD_UNWIND_RANGE);
        if (n >= AT_DATA + 4 && extra && *extra == 4 &&
            swb_elf_at_address(elf, address + AT_DATA + distance(elf, at + AT_DATA)))
                swb_fields_add(&program->fields, at + AT_DATA, SWB_FIELD_UNWIND_DATA);
}

void swb_unwind_find(struct swb_program *program, const struct swb_section *s)
{
        uint64_t at = 0;

        if (s->address == 0)
                return;
        while (at + 8 <= s->n_bytes) {
                uint64_t n = 4 + (uint64_t)swb_elf_u32(&program->elf, s->offset + at);

                if (n == 4 || n > s->n_bytes - at)
                        return;
                find_in_record(program, s, s->offset + at, n);
                at += n;
        }
}

void swb_unwind_find_index(struct swb_program *program, const struct swb_section *s)
{
        const struct swb_elf *elf = &program->elf;
        uint64_t n = 8 * (uint64_t)swb_elf_u32(elf, s->offset + AT_COUNT);

        if (s->address == 0 || s->n_bytes < AT_INDEX)
                return;
        n = SWB_MIN(n, s->n_bytes - AT_INDEX);
        swb_fields_add(&program->fields, s->offset + AT_FRAMES, SWB_FIELD_UNWIND_INDEX);
        for (uint64_t at = s->offset + AT_INDEX; n >= 4; n -= 4, at += 4)
                if (swb_elf_at_address(elf, s->address + distance(elf, at)))
                        swb_fields_add(&program->fields, at, SWB_FIELD_UNWIND_INDEX);
}

static struct swb_reference refer_range(const struct swb_elf *elf, const struct swb_section *s,
                                        uint64_t offset, uint64_t value)
{
        uint64_t place = offset - (AT_RANGE - AT_PLACE);
        uint32_t begin = swb_elf_spot(elf, swb_elf_address(s, place) + distance(elf, place));
        struct swb_reference reference = {
                .target = SWB_SPOT_NONE, .base = SWB_SPOT_NONE, .scale = 1};

        if (begin != SWB_SPOT_NONE && value < SWB_ELF_MAX_BYTES) {
                reference.base = begin;
                reference.target = begin + (uint32_t)value;
        }
        return reference;
}

struct swb_reference swb_unwind_refer(struct swb_program *program, uint64_t offset,
                                      enum swb_field_kind kind, uint64_t value)
{
        const struct swb_elf *elf = &program->elf;
        const struct swb_section *s = swb_elf_at_spot(elf, offset);
        struct swb_reference reference = {
                .target = SWB_SPOT_NONE, .base = SWB_SPOT_PLACE, .scale = 1, .learns = true};
        uint64_t origin;

        if (!s)
                return reference;
        if (kind == SWB_FIELD_UNWIND_RANGE)
                return refer_range(elf, s, offset, value);
        if (kind == SWB_FIELD_UNWIND_PARENT) {
                reference.target = SWB_SPOT_PLACE;
                reference.base =
                        value <= offset - s->offset ? (uint32_t)(offset - value) : SWB_SPOT_NONE;
                reference.learns = false;
                return reference;
        }
        origin = swb_elf_address(s, offset);
        if (kind == SWB_FIELD_UNWIND_INDEX && offset - s->offset >= AT_INDEX) {
                origin = s->address;
                reference.base = s->spot;
        }
        reference.target = swb_elf_spot(elf, origin + (uint64_t)(int64_t)(int32_t)value);
        return reference;
}
