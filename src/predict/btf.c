/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Types for BPF (.BTF): names as positions in a table of strings, types by number. A module's table
 * goes on where the kernel's ends, and does not say where that is. Spec: docs/design/delta.md,
 * PA-80 to PA-85.
 */
#include "predict/program.h"

#include <elf.h>

#define MAGIC 0x0001eb9fu
#define HEADER_BYTES 24u
#define TYPE_BYTES 12u
#define TYPES_MAX ((uint32_t)1 << 20)
#define FUNCTIONS_SEEN 256u

enum { AT_TYPES_SIZE = 12, AT_STRINGS = 16, AT_STRINGS_SIZE = 20 };

enum btf_kind {
        BTF_INT = 1,
        BTF_POINTER = 2,
        BTF_ARRAY = 3,
        BTF_STRUCT = 4,
        BTF_UNION = 5,
        BTF_ENUM = 6,
        BTF_TYPEDEF = 8,
        BTF_FUNCTION = 12,
        BTF_PROTOTYPE = 13,
        BTF_VARIABLE = 14,
        BTF_SECTION = 15,
        BTF_DECLARATION_TAG = 17,
        BTF_TYPE_TAG = 18,
        BTF_ENUM64 = 19,
};

/* What follows a type: so many records, of so many bytes, with a name and a type at these places.
 */
struct follows {
        uint32_t n, n_bytes;
        int name_at, type_at; /* -1: none */
};

struct type {
        uint64_t at;
        unsigned kind;
        bool refers; /* its last word is a type */
        struct follows follows;
};

static struct follows what_follows(unsigned kind, uint32_t n)
{
        switch (kind) {
        case BTF_INT:
        case BTF_VARIABLE:
        case BTF_DECLARATION_TAG:
                return (struct follows){1, 4, -1, -1};
        case BTF_ARRAY: /* element and index type, number: seen as a name that is a type */
                return (struct follows){1, 12, -1, 0};
        case BTF_STRUCT:
        case BTF_UNION:
                return (struct follows){n, 12, 0, 4};
        case BTF_ENUM:
                return (struct follows){n, 8, 0, -1};
        case BTF_PROTOTYPE:
                return (struct follows){n, 8, 0, 4};
        case BTF_SECTION:
                return (struct follows){n, 12, -1, 0};
        case BTF_ENUM64:
                return (struct follows){n, 12, 0, -1};
        default:
                return (struct follows){0, 0, -1, -1};
        }
}

/* The type at `at`, and all that follows it, before `end`. Return: where the next begins, 0: none.
 */
static uint64_t read_type(const struct swb_elf *elf, uint64_t at, uint64_t end, struct type *ret)
{
        uint32_t info;
        uint64_t n;

        if (at + TYPE_BYTES > end)
                return 0;
        info = swb_elf_u32(elf, at + 4);
        ret->at = at;
        ret->kind = info >> 24 & 31;
        ret->refers = ret->kind == BTF_POINTER ||
                      (ret->kind >= BTF_TYPEDEF && ret->kind <= BTF_VARIABLE) ||
                      ret->kind == BTF_DECLARATION_TAG || ret->kind == BTF_TYPE_TAG;
        ret->follows = what_follows(ret->kind, info & 0xffff);
        n = (uint64_t)ret->follows.n * ret->follows.n_bytes;
        return n <= end - at - TYPE_BYTES ? at + TYPE_BYTES + n : 0;
}

/* ---- where a module's numbers begin */

static uint32_t last_string(const struct swb_elf *elf, const struct swb_btf *btf)
{
        uint64_t at = btf->strings_end;
        const uint8_t *p;

        if (at - btf->strings < 2)
                return 0;
        for (at -= 2; at > btf->strings; at--) {
                p = swb_view_at(elf->view, at, 1);
                if (!p || *p == 0)
                        return (uint32_t)(at + 1 - btf->strings);
        }
        return 0;
}

struct functions {
        uint8_t *kinds; /* of all types */
        uint32_t n_types, max_type, max_name;
        uint32_t prototypes[FUNCTIONS_SEEN]; /* the last ones */
        size_t n_prototypes;
};

static void look_at(const struct swb_elf *elf, const struct type *type, struct functions *seen)
{
        uint32_t refers_to = type->refers ? swb_elf_u32(elf, type->at + 8) : 0;
        uint32_t name = swb_elf_u32(elf, type->at);

        seen->kinds[seen->n_types++] = (uint8_t)type->kind;
        seen->max_type = SWB_MAX(seen->max_type, refers_to);
        seen->max_name = SWB_MAX(seen->max_name, name);
        if (type->kind == BTF_FUNCTION)
                seen->prototypes[seen->n_prototypes++ % FUNCTIONS_SEEN] = refers_to;
        for (uint64_t i = 0; type->follows.name_at >= 0 && i < type->follows.n; i++) {
                name = swb_elf_u32(elf, type->at + TYPE_BYTES + i * type->follows.n_bytes);
                seen->max_name = SWB_MAX(seen->max_name, name);
        }
}

/* Do the functions' types all be prototypes, were the first type's number this? */
static bool fits(const struct functions *seen, uint32_t first)
{
        size_t n = SWB_MIN(seen->n_prototypes, (size_t)FUNCTIONS_SEEN);

        for (size_t i = 0; i < n; i++) {
                uint32_t number = seen->prototypes[i] - first;

                if (seen->prototypes[i] >= first &&
                    (number >= seen->n_types || seen->kinds[number] != BTF_PROTOTYPE))
                        return false;
        }
        return true;
}

static int find_base(const struct swb_elf *elf, struct swb_btf *btf)
{
        struct functions *seen = calloc(1, sizeof(*seen));
        _cleanup_free_ struct functions *freed = seen;
        _cleanup_free_ uint8_t *kinds = malloc((size_t)TYPES_MAX + 1);
        struct type type;
        uint32_t first, last;

        if (!seen || !kinds)
                return -ENOMEM;
        seen->kinds = kinds;
        for (uint64_t at = btf->types; at > 0 && seen->n_types < TYPES_MAX;) {
                at = read_type(elf, at, btf->types_end, &type);
                if (at > 0)
                        look_at(elf, &type, seen);
        }
        last = last_string(elf, btf);
        btf->first_string = seen->max_name - SWB_MIN(last, seen->max_name);
        first = seen->max_type + 1 - SWB_MIN(seen->n_types, seen->max_type);
        btf->first_type = first;
        for (uint32_t i = 0; i < seen->n_types; i++) {
                if (fits(seen, first + i)) {
                        btf->first_type = first + i;
                        return 0;
                }
        }
        return 0;
}

static int note_starts(const struct swb_elf *elf, struct swb_btf *btf)
{
        struct type type;
        uint32_t n = (btf->types_end - btf->types) / TYPE_BYTES;

        btf->starts = calloc((size_t)SWB_MIN(n, TYPES_MAX) + 1, sizeof(*btf->starts));
        if (!btf->starts)
                return -ENOMEM;
        for (uint64_t at = btf->types; at > 0 && btf->n_starts < TYPES_MAX;) {
                at = read_type(elf, at, btf->types_end, &type);
                if (at > 0)
                        btf->starts[btf->n_starts++] = (uint32_t)type.at;
        }
        return 0;
}

int swb_btf_init(struct swb_program *program)
{
        const struct swb_elf *elf = &program->elf;
        struct swb_btf *btf = &program->btf;

        for (size_t i = 1; i < elf->n_sections; i++) {
                const struct swb_section *s = &elf->sections[i];
                uint64_t at = s->offset, n_header, types, n_types, strings, n_strings;

                if (s->role != SWB_ROLE_BTF || s->n_bytes < HEADER_BYTES ||
                    swb_elf_u32(elf, at) != MAGIC)
                        continue;
                n_header = swb_elf_u32(elf, at + 4);
                types = n_header + swb_elf_u32(elf, at + 8);
                n_types = swb_elf_u32(elf, at + AT_TYPES_SIZE);
                strings = n_header + swb_elf_u32(elf, at + AT_STRINGS);
                n_strings = swb_elf_u32(elf, at + AT_STRINGS_SIZE);
                if (types + n_types > s->n_bytes || strings + n_strings > s->n_bytes ||
                    n_header < HEADER_BYTES)
                        continue;
                *btf = (struct swb_btf){.section = (uint32_t)i,
                                        .types = (uint32_t)(at + types),
                                        .types_end = (uint32_t)(at + types + n_types),
                                        .strings = (uint32_t)(at + strings),
                                        .strings_end = (uint32_t)(at + strings + n_strings),
                                        .first_type = 1};
                if (note_starts(elf, btf) < 0)
                        return -ENOMEM;
                return elf->type == ET_REL ? find_base(elf, btf) : 0;
        }
        return 0;
}

/* ---- fields */

static void add_name(struct swb_program *program, uint64_t at)
{
        if (swb_elf_u32(&program->elf, at) != 0)
                swb_fields_add(&program->fields, at, SWB_FIELD_TYPE_NAME);
}

static void add_type(struct swb_program *program, uint64_t at)
{
        if (swb_elf_u32(&program->elf, at) != 0)
                swb_fields_add(&program->fields, at, SWB_FIELD_TYPE_ID);
}

static void find_in_type(struct swb_program *program, const struct type *type)
{
        add_name(program, type->at);
        if (type->refers)
                add_type(program, type->at + 8);
        for (uint64_t i = 0; i < type->follows.n; i++) {
                uint64_t at = type->at + TYPE_BYTES + i * type->follows.n_bytes;

                if (type->follows.name_at >= 0)
                        add_name(program, at);
                if (type->follows.type_at >= 0)
                        add_type(program, at + (unsigned)type->follows.type_at);
                if (type->kind == BTF_ARRAY)
                        add_type(program, at + 4);
        }
}

void swb_btf_find(struct swb_program *program, const struct swb_section *s)
{
        const struct swb_btf *btf = &program->btf;
        struct type type;

        if (btf->section != (uint32_t)(s - program->elf.sections))
                return;
        swb_fields_add(&program->fields, s->offset + AT_TYPES_SIZE, SWB_FIELD_HEADER_4);
        swb_fields_add(&program->fields, s->offset + AT_STRINGS, SWB_FIELD_HEADER_4);
        swb_fields_add(&program->fields, s->offset + AT_STRINGS_SIZE, SWB_FIELD_HEADER_4);
        for (uint64_t at = btf->types; at > 0;) {
                at = read_type(&program->elf, at, btf->types_end, &type);
                if (at > 0)
                        find_in_type(program, &type);
        }
}

/* The sizes of both parts, of which the hints tell the sum. */
static struct swb_reference refer_header(const struct swb_program *program, uint64_t at)
{
        const struct swb_btf *btf = &program->btf;
        const struct swb_section *s = &program->elf.sections[btf->section];
        struct swb_reference reference = {.target = btf->strings,
                                          .base = SWB_SPOT_NONE,
                                          .scale = 1,
                                          .in_section = true,
                                          .learns = true};

        if (at != AT_STRINGS_SIZE)
                return reference;
        reference.target = SWB_SPOT_NONE;
        reference.base = btf->strings;
        reference.base_learns = true;
        if (program->layout)
                reference.bias =
                        (uint64_t)program->layout->sections[btf->section].n_bytes - s->n_bytes;
        return reference;
}

static struct swb_reference refer_name(const struct swb_program *program, uint32_t value)
{
        const struct swb_btf *btf = &program->btf;
        struct swb_reference reference = {
                .target = SWB_SPOT_NONE, .base = SWB_SPOT_NONE, .scale = 1, .in_section = true};

        if (value < btf->first_string) {
                reference.target = swb_name_spot(SWB_NAMES_BASE_STRING, value);
                reference.learns = true;
        } else if (value - btf->first_string < btf->strings_end - btf->strings) {
                reference.target = btf->strings + (value - btf->first_string);
                reference.origin = btf->strings;
                reference.base = btf->first_string > 0
                                         ? swb_name_spot(SWB_NAMES_SHARED_RULE, SWB_RULE_STRINGS)
                                         : SWB_SPOT_NONE;
                reference.base_learns = btf->first_string > 0;
        }
        return reference;
}

struct swb_reference swb_btf_refer(struct swb_program *program, uint64_t offset,
                                   enum swb_field_kind kind, uint64_t value)
{
        const struct swb_btf *btf = &program->btf;
        struct swb_reference reference = {
                .base = SWB_SPOT_NONE, .scale = 1, .in_section = true, .learns = true};

        if (kind == SWB_FIELD_HEADER_4)
                return refer_header(program, offset - program->elf.sections[btf->section].offset);
        if (kind == SWB_FIELD_TYPE_NAME)
                return refer_name(program, (uint32_t)value);
        if (value - btf->first_type < btf->n_starts)
                reference.piece_of = btf->starts[value - btf->first_type];
        if (btf->first_type == 1 || value < btf->first_type) {
                reference.target = swb_name_spot(SWB_NAMES_BASE_TYPE, (uint32_t)value);
                return reference;
        }
        reference.target = swb_name_spot(SWB_NAMES_TYPE, (uint32_t)value - btf->first_type);
        reference.otherwise = swb_name_spot(SWB_NAMES_SHARED_RULE, SWB_RULE_TYPES);
        return reference;
}
