/* SPDX-License-Identifier: Apache-2.0 */
/* Pointers in data, and tables of jumps among constants. Spec: docs/design/delta.md, PA-64 to
 * PA-67.
 */
#include "predict/program.h"

#include <elf.h>

#include "base/endian.h"
#include "predict/window.h"

/* Smaller numbers are numbers. */
#define POINTER_MIN 0x1000u
/* A table of jumps is not longer. */
#define TABLE_MAX_BYTES 0x4000u

static bool is_pointer(const struct swb_elf *elf, const uint8_t *p)
{
        uint64_t value = swb_get_le64(p);

        return value >= POINTER_MIN && swb_elf_at_address(elf, value);
}

void swb_pointers_find(struct swb_program *program, const struct swb_section *s)
{
        struct swb_window window = {.view = program->elf.view};

        for (uint64_t i = 0; i + 8 <= s->n_bytes; i += 8)
                if (is_pointer(&program->elf, swb_window_at(&window, s->offset + i)))
                        swb_fields_add(&program->fields, s->offset + i, SWB_FIELD_POINTER);
}

void swb_pointer_add(struct swb_program *program, uint64_t offset)
{
        if (swb_elf_at_address(&program->elf, swb_elf_u64(&program->elf, offset)))
                swb_fields_add(&program->fields, offset, SWB_FIELD_POINTER);
}

/* ---- tables of jumps: they begin where code takes an address */

static bool is_marked(const struct swb_program *program, uint64_t offset)
{
        return offset % 4 == 0 && program->tables[offset / 32] & 1u << offset / 4 % 8;
}

/* The same byte of code as the operand's finder sees: lea reg, [rip + distance]. */
static void mark_tables_from(struct swb_program *program, const struct swb_section *s)
{
        struct swb_window window = {.view = program->elf.view};

        for (uint64_t i = 2; i + 5 <= s->n_bytes; i++) {
                const uint8_t *p = swb_window_at(&window, s->offset + i);
                uint32_t spot;

                if ((p[0] & 0xc7) != 0x05 || p[-1] != 0x8d || (p[-2] & 0xf8) != 0x48)
                        continue;
                spot = swb_elf_spot(&program->elf,
                                    s->address + i + 5 +
                                            (uint64_t)(int64_t)(int32_t)swb_get_le32(p + 1));
                if (spot < program->elf.view->n_bytes && spot % 4 == 0)
                        program->tables[spot / 32] |= (uint8_t)(1u << spot / 4 % 8);
        }
}

int swb_tables_mark(struct swb_program *program)
{
        const struct swb_elf *elf = &program->elf;

        if (elf->n_sections == 0 || elf->type == ET_REL || elf->kernel)
                return 0;
        program->tables = calloc(1, (size_t)(elf->view->n_bytes / 32 + 1));
        if (!program->tables)
                return -ENOMEM;
        for (size_t i = 0; i < elf->n_by_address; i++) {
                const struct swb_section *s = &elf->sections[elf->by_address[i]];

                if (s->role == SWB_ROLE_CODE && elf->machine == EM_X86_64)
                        mark_tables_from(program, s);
        }
        return 0;
}

/* The address to which the entry of a table that begins at `table` leads. */
static uint64_t leads_to(const struct swb_section *s, uint64_t table, uint64_t value)
{
        return swb_elf_address(s, table) + (uint64_t)(int64_t)(int32_t)value;
}

void swb_constants_find(struct swb_program *program, const struct swb_section *s)
{
        const struct swb_elf *elf = &program->elf;
        struct swb_window window = {.view = elf->view};
        uint64_t table = 0;

        if (elf->kernel)
                swb_kernel_find_data(program, s);
        if (!program->tables)
                return;
        for (uint64_t at = (s->offset + 3u) & ~3u, end = s->offset + s->n_bytes; at + 4 <= end;
             at += 4) {
                const uint8_t *p = swb_window_at(&window, at);
                const struct swb_section *to = NULL;

                if (is_marked(program, at))
                        table = at;
                if (table != 0 && at - table < TABLE_MAX_BYTES)
                        to = swb_elf_at_address(elf, leads_to(s, table, swb_get_le32(p)));
                if (to && to->role == SWB_ROLE_CODE) {
                        swb_fields_add(&program->fields, at, SWB_FIELD_TABLE);
                        continue;
                }
                table = 0;
                if (elf->fixed && at % 8 == 0 && at + 8 <= end && is_pointer(elf, p))
                        swb_fields_add(&program->fields, at, SWB_FIELD_POINTER);
                else if (elf->go && swb_go_is_function(program, swb_get_le32(p)))
                        swb_fields_add(&program->fields, at, SWB_FIELD_SYMBOL_TABLE);
        }
}

struct swb_reference swb_data_refer(struct swb_program *program, uint64_t offset,
                                    enum swb_field_kind kind, uint64_t value)
{
        const struct swb_elf *elf = &program->elf;
        const struct swb_section *s = swb_elf_at_spot(elf, offset);
        struct swb_reference reference = {
                .target = SWB_SPOT_NONE, .base = SWB_SPOT_NONE, .scale = 1, .learns = true};
        uint64_t table = offset;

        if (kind == SWB_FIELD_RELR && value % 2 != 0)
                return reference;
        if (kind != SWB_FIELD_TABLE) {
                reference.target = swb_elf_spot(elf, kind == SWB_FIELD_ABSOLUTE
                                                             ? (uint64_t)(int64_t)(int32_t)value
                                                             : value);
                return reference;
        }
        if (!s || !program->tables)
                return reference;
        while (table >= s->offset + 4u && offset - table < TABLE_MAX_BYTES &&
               !is_marked(program, table))
                table -= table % 32 == 28 && program->tables[table / 32] == 0
                                 ? SWB_MIN(32u, (uint32_t)table - s->offset)
                                 : 4;
        reference.base = (uint32_t)table;
        reference.target = swb_elf_spot(elf, leads_to(s, table, value));
        return reference;
}
