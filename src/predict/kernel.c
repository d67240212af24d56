/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a kernel holds beside a program's: its own relocations behind the file, tables of records
 * that begin with distances. Spec: docs/design/delta.md, PA-70 to
 * PA-76.
 */
#include "predict/kernel.h"

#include <elf.h>

#include "predict/window.h"

/* Addresses in the lists are the low halves of these. */
#define UPPER_HALF 0xffffffff00000000u
/* What an entry of __ksymtab tells: where it is, its name, its namespace; each has a relocation. */
#define PLACES_OF_NAME 3u
/* So many records are looked at to tell their size. */
#define RECORDS_SEEN 4u

static uint64_t listed_address(const struct swb_elf *elf, uint64_t at)
{
        return UPPER_HALF | swb_elf_u32(elf, at);
}

/* As they stand from the end of the file backwards. */
static const enum swb_list list_order[] = {SWB_LIST_32, SWB_LIST_INVERSE, SWB_LIST_64};

/* From the end of the file backwards: lists of 32-bit, of inverse 32-bit and of 64-bit addresses,
 * each with a zero before it. */
static void find_lists(struct swb_program *program)
{
        const struct swb_elf *elf = &program->elf;
        uint64_t stop = elf->sections_offset + elf->n_sections * SWB_ELF_SECTION_BYTES;
        uint64_t at = elf->view->n_bytes & ~UINT64_C(3);

        for (size_t i = 0; i < SWB_ELEMENTS(list_order) && elf->kernel; i++) {
                struct swb_kernel_list *list = &program->lists[list_order[i]];
                uint64_t end = at;

                while (at >= stop + 4 && swb_elf_u32(elf, at - 4) != 0)
                        at -= 4;
                list->begin = (uint32_t)at;
                list->end = (uint32_t)end;
                at -= SWB_MIN(at, 4u);
        }
}

/* The last sections of these names, and the last tables that relocate them. */
static void find_checksums(struct swb_program *program)
{
        static const char *const names[] = {"__ksymtab", "__ksymtab_gpl"};
        const struct swb_elf *elf = &program->elf;
        uint32_t *found = program->checksum_names;

        for (uint32_t i = 1; i < elf->n_sections; i++)
                for (size_t k = 0; k < SWB_ELEMENTS(names); k++)
                        if (swb_elf_has_name(elf, &elf->sections[i], names[k]))
                                found[k] = i;
        for (uint32_t i = 1; i < elf->n_sections; i++)
                for (size_t k = 0; k < SWB_ELEMENTS(names); k++)
                        if (elf->sections[i].role == SWB_ROLE_RELA && found[k] > 0 &&
                            elf->sections[i].info == found[k])
                                program->checksum_relocations[k] = i;
}

void swb_kernel_find_tables(struct swb_program *program)
{
        find_lists(program);
        swb_kallsyms_init(program);
        find_checksums(program);
}

/* ---- marks: the places of which the lists tell, in a section */

static uint32_t lower_bound(const struct swb_elf *elf, const struct swb_kernel_list *list,
                            uint64_t address)
{
        uint32_t low = 0, high = (list->end - list->begin) / 4;

        while (low < high) {
                uint32_t middle = low + (high - low) / 2;

                if (listed_address(elf, list->begin + (uint64_t)middle * 4) < address)
                        low = middle + 1;
                else
                        high = middle;
        }
        return list->begin + low * 4;
}

static void look_at_mark(struct swb_marks *marks, enum swb_list which)
{
        const struct swb_section *s = marks->section;
        uint64_t address = listed_address(marks->elf, marks->at[which]);

        marks->next[which] = UINT64_MAX;
        if (marks->at[which] < marks->lists[which].end && address - s->address < s->n_bytes)
                marks->next[which] = s->offset + (address - s->address);
}

struct swb_marks swb_marks_of(const struct swb_program *program, const struct swb_section *s)
{
        struct swb_marks marks = {.elf = &program->elf, .section = s, .lists = program->lists};

        for (int i = 0; i < SWB_LISTS_OF_PLACES; i++) {
                marks.at[i] = lower_bound(marks.elf, &marks.lists[i], s->address);
                look_at_mark(&marks, (enum swb_list)i);
        }
        return marks;
}

uint64_t swb_marks_next(struct swb_marks *marks, uint64_t begin, enum swb_field_kind *ret_kind)
{
        for (int i = 0; i < SWB_LISTS_OF_PLACES; i++) {
                while (marks->next[i] < begin) {
                        marks->at[i] += 4;
                        look_at_mark(marks, (enum swb_list)i);
                }
        }
        if (marks->next[SWB_LIST_64] <= marks->next[SWB_LIST_32]) {
                *ret_kind = SWB_FIELD_POINTER;
                return marks->next[SWB_LIST_64];
        }
        *ret_kind = SWB_FIELD_ABSOLUTE;
        return marks->next[SWB_LIST_32];
}

static uint64_t marked_value(const struct swb_elf *elf, uint64_t at, enum swb_field_kind kind)
{
        return kind == SWB_FIELD_POINTER ? swb_elf_u64(elf, at)
                                         : (uint64_t)(int64_t)(int32_t)swb_elf_u32(elf, at);
}

bool swb_marks_lead(const struct swb_elf *elf, uint64_t at, enum swb_field_kind kind)
{
        return swb_elf_at_address(elf, marked_value(elf, at, kind)) != NULL;
}

/* What the lists name, and among constants between that what looks like a distance. */
static void find_marked(struct swb_program *program, struct swb_marks *marks, uint64_t begin,
                        uint64_t end)
{
        enum swb_field_kind kind;
        uint64_t at = swb_marks_next(marks, begin, &kind);
        struct swb_window window = {.view = program->elf.view};
        bool constants = marks->section->role == SWB_ROLE_CONSTANTS;

        while (at < end && end - at >= swb_field_width(kind)) {
                if (constants)
                        swb_distances_find(program, marks->section, &window, begin, at);
                if (swb_marks_lead(&program->elf, at, kind))
                        swb_fields_add(&program->fields, at, kind);
                begin = SWB_MAX(begin, at + swb_field_width(kind));
                at = swb_marks_next(marks, at + 1, &kind);
        }
        if (constants)
                swb_distances_find(program, marks->section, &window, begin, end);
}

/* ---- data */

void swb_kernel_find_data(struct swb_program *program, const struct swb_section *s)
{
        struct swb_marks marks;
        uint64_t begin = s->offset, end = begin + s->n_bytes;

        if (!program->elf.kernel || s->address == 0)
                return;
        marks = swb_marks_of(program, s);
        if (swb_kallsyms_in(program, s->offset, end)) {
                find_marked(program, &marks, s->offset, program->kallsyms.first);
                swb_kallsyms_find(program);
                begin = program->kallsyms.end;
        }
        find_marked(program, &marks, begin, end);
}

/* ---- records that begin with distances */

/* Does each of the first records begin with a distance that leads into code? */
static bool are_records(const struct swb_elf *elf, const struct swb_section *s, unsigned record)
{
        for (uint64_t i = 0; i < RECORDS_SEEN * record && i + record <= s->n_bytes; i += record) {
                uint64_t at = s->offset + i;
                uint64_t value = (uint64_t)(int64_t)(int32_t)swb_elf_u32(elf, at);
                const struct swb_section *to =
                        swb_elf_at_address(elf, swb_elf_address(s, at) + value);

                if (!to || to->role != SWB_ROLE_CODE)
                        return false;
        }
        return true;
}

/* Those of .altinstructions grew twice. 0: none fits. */
static unsigned record_of(const struct swb_elf *elf, const struct swb_section *s)
{
        for (unsigned record = 12; record <= 14 && s->record == 0; record++)
                if (s->n_bytes % record == 0 && are_records(elf, s, record))
                        return record;
        return s->record;
}

void swb_kernel_find_places(struct swb_program *program, const struct swb_section *s)
{
        const struct swb_elf *elf = &program->elf;
        enum swb_field_kind kind = s->role == SWB_ROLE_ORC ? SWB_FIELD_ORC : SWB_FIELD_DISTANCE;
        unsigned record = record_of(elf, s);

        for (uint64_t i = 0; record > 0 && i + record <= s->n_bytes; i += record) {
                for (unsigned k = 0; k < s->n_places; k++) {
                        uint64_t at = s->offset + i + k * 4;
                        uint64_t value = (uint64_t)(int64_t)(int32_t)swb_elf_u32(elf, at);

                        if (value != 0 && swb_elf_at_address(elf, swb_elf_address(s, at) + value))
                                swb_fields_add(&program->fields, at, kind);
                }
        }
}

void swb_kernel_find_relocations(struct swb_program *program)
{
        const struct swb_elf *elf = &program->elf;

        for (size_t i = SWB_ELEMENTS(list_order); i-- > 0;) {
                const struct swb_kernel_list *list = &program->lists[list_order[i]];

                for (uint64_t at = list->begin; at < list->end; at += 4)
                        if (swb_elf_at_address(elf, listed_address(elf, at)))
                                swb_fields_add(&program->fields, at, SWB_FIELD_KERNEL_RELOCATION);
        }
}

struct swb_reference swb_kernel_refer(struct swb_program *program, uint64_t offset,
                                      enum swb_field_kind kind, uint64_t value)
{
        const struct swb_elf *elf = &program->elf;
        const struct swb_section *s = swb_elf_at_spot(elf, offset);
        struct swb_reference reference = {
                .target = SWB_SPOT_NONE, .base = SWB_SPOT_NONE, .scale = 1};

        if (kind == SWB_FIELD_KERNEL_RELOCATION) {
                reference.target = swb_elf_spot(elf, UPPER_HALF | value);
                return reference;
        }
        if (!s)
                return reference;
        reference.learns = kind == SWB_FIELD_DISTANCE;
        reference.base = SWB_SPOT_PLACE;
        reference.target =
                swb_elf_spot(elf, swb_elf_address(s, offset) + (uint64_t)(int64_t)(int32_t)value);
        return reference;
}

/* ---- checksums of what a name stands for, the same for whoever uses it */

void swb_checksums_find(struct swb_program *program, const struct swb_section *s)
{
        for (uint64_t i = 0; i + s->record <= s->n_bytes; i += s->record)
                swb_fields_add(&program->fields, s->offset + i, SWB_FIELD_CHECKSUM);
}

/* The name that goes with the checksum: of the same entry in the table of the same name. */
static uint64_t name_of_checksum(const struct swb_program *program, const struct swb_section *s,
                                 uint64_t offset)
{
        const struct swb_elf *elf = &program->elf;
        bool gpl = swb_elf_has_name(elf, s, "__kcrctab_gpl");
        const struct swb_section *names = &elf->sections[program->checksum_names[gpl]];
        const struct swb_section *rela = &elf->sections[program->checksum_relocations[gpl]];
        uint64_t i = (offset - s->offset) / 4, at = names->offset + i * 12 + 4;

        if (s->role == SWB_ROLE_VERSIONS)
                return offset + 8;
        if (program->checksum_names[gpl] == 0)
                return SWB_SPOT_NONE;
        if (elf->type != ET_REL)
                return swb_elf_spot(elf, swb_elf_address(names, at) +
                                                 (uint64_t)(int64_t)(int32_t)swb_elf_u32(elf, at));
        if (i >= rela->n_bytes / SWB_ELF_RELA_BYTES / PLACES_OF_NAME)
                return SWB_SPOT_NONE;
        return swb_rela_spot(elf, rela, i * PLACES_OF_NAME + 1);
}

struct swb_reference swb_checksums_refer(struct swb_program *program, uint64_t offset,
                                         enum swb_field_kind kind, uint64_t value)
{
        const struct swb_elf *elf = &program->elf;
        const struct swb_section *s = swb_elf_at_spot(elf, offset);
        struct swb_reference reference = {
                .target = SWB_SPOT_NONE, .base = SWB_SPOT_NONE, .scale = 1, .learns = true};

        (void)kind;
        (void)value;
        if (s)
                reference.target =
                        swb_name_spot(SWB_NAMES_CHECKSUM,
                                      swb_elf_text_hash(elf, name_of_checksum(program, s, offset)));
        return reference;
}
