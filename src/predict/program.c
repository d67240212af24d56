/* SPDX-License-Identifier: Apache-2.0 */
#include "predict/program.h"

#include <elf.h>

/* How the fields of a section are found. */
typedef void (*find_fields)(struct swb_program *program, const struct swb_section *s);

static void find_in_code(struct swb_program *program, const struct swb_section *s)
{
        if (program->elf.machine == EM_AARCH64)
                swb_arm64_find(program, s);
        else
                swb_x86_find(program, s);
}

static void find_in_other(struct swb_program *program, const struct swb_section *s)
{
        if (program->elf.kernel)
                swb_kernel_find_data(program, s);
        else
                swb_relr_find_words(program, s);
}

static const find_fields find_by_role[_SWB_ROLE_MAX] = {
        [SWB_ROLE_OTHER] = find_in_other,
        [SWB_ROLE_CODE] = find_in_code,
        [SWB_ROLE_SYMBOLS] = swb_symbols_find,
        [SWB_ROLE_RELA] = swb_rela_find,
        [SWB_ROLE_RELR] = swb_relr_find,
        [SWB_ROLE_HASH] = swb_hash_find,
        [SWB_ROLE_GO] = swb_go_find,
        [SWB_ROLE_POINTERS] = swb_pointers_find,
        [SWB_ROLE_CONSTANTS] = swb_constants_find,
        [SWB_ROLE_UNWIND] = swb_unwind_find,
        [SWB_ROLE_UNWIND_INDEX] = swb_unwind_find_index,
        [SWB_ROLE_BTF] = swb_btf_find,
        [SWB_ROLE_PLACES] = swb_kernel_find_places,
        [SWB_ROLE_ORC] = swb_kernel_find_places,
        [SWB_ROLE_VERSIONS] = swb_checksums_find,
        [SWB_ROLE_CHECKSUMS] = swb_checksums_find,
        [SWB_ROLE_IMAGE] = swb_image_find,
};

typedef struct swb_reference (*refer_field)(struct swb_program *program, uint64_t offset,
                                            enum swb_field_kind kind, uint64_t value);

static const refer_field refer_by_kind[_SWB_FIELD_MAX] = {
        [SWB_FIELD_BRANCH] = swb_x86_refer,
        [SWB_FIELD_CONDITION] = swb_x86_refer,
        [SWB_FIELD_RIP] = swb_x86_refer,
        [SWB_FIELD_ABSOLUTE] = swb_data_refer,
        [SWB_FIELD_POINTER] = swb_data_refer,
        [SWB_FIELD_RELA_OFFSET] = swb_rela_refer,
        [SWB_FIELD_RELA_SYMBOL] = swb_rela_refer,
        [SWB_FIELD_RELA_ADDEND] = swb_rela_refer,
        [SWB_FIELD_NAME] = swb_symbols_refer,
        [SWB_FIELD_SYMBOL_VALUE] = swb_symbols_refer,
        [SWB_FIELD_SYMBOL_SIZE] = swb_symbols_refer,
        [SWB_FIELD_HEADER_4] = swb_headers_refer,
        [SWB_FIELD_HEADER_8] = swb_headers_refer,
        [SWB_FIELD_UNWIND_PLACE] = swb_unwind_refer,
        [SWB_FIELD_UNWIND_RANGE] = swb_unwind_refer,
        [SWB_FIELD_UNWIND_PARENT] = swb_unwind_refer,
        [SWB_FIELD_UNWIND_DATA] = swb_unwind_refer,
        [SWB_FIELD_UNWIND_INDEX] = swb_unwind_refer,
        [SWB_FIELD_TABLE] = swb_data_refer,
        [SWB_FIELD_ORC] = swb_kernel_refer,
        [SWB_FIELD_KERNEL_RELOCATION] = swb_kernel_refer,
        [SWB_FIELD_DISTANCE] = swb_kernel_refer,
        [SWB_FIELD_TYPE_NAME] = swb_btf_refer,
        [SWB_FIELD_TYPE_ID] = swb_btf_refer,
        [SWB_FIELD_CHECKSUM] = swb_checksums_refer,
        [SWB_FIELD_SYMBOL_TABLE] = swb_kallsyms_refer,
        [SWB_FIELD_TOKEN] = swb_kallsyms_refer,
        [SWB_FIELD_SEQUENCE] = swb_kallsyms_refer,
        [SWB_FIELD_RELR] = swb_data_refer,
        [SWB_FIELD_ARM_BRANCH] = swb_arm64_refer,
        [SWB_FIELD_ARM_PAGE] = swb_arm64_refer,
        [SWB_FIELD_ARM_LOW] = swb_arm64_refer,
        [SWB_FIELD_ARM_NEAR] = swb_arm64_refer,
};

/* In the order of the file. No byte belongs to two of these sections. */
static void find_all(struct swb_program *program)
{
        const struct swb_elf *elf = &program->elf;
        bool headers_done = elf->image;

        if (!elf->image)
                swb_headers_find_file(program);
        for (size_t i = 0; i < elf->n_by_spot; i++) {
                const struct swb_section *s = &elf->sections[elf->by_spot[i]];

                if (!headers_done && s->spot >= elf->sections_offset) {
                        swb_headers_find_sections(program);
                        headers_done = true;
                }
                if (find_by_role[s->role])
                        find_by_role[s->role](program, s);
        }
        if (!headers_done)
                swb_headers_find_sections(program);
        swb_kernel_find_relocations(program);
}

int swb_program_init(struct swb_program *program, struct swb_view *view, size_t max_memory)
{
        int r;

        *program = (struct swb_program){0};
        r = swb_elf_init(&program->elf, view);
        if (r >= 0 && view->n_bytes / 32 > max_memory)
                return -E2BIG;
        if (r >= 0)
                r = swb_tables_mark(program);
        if (r >= 0)
                r = swb_btf_init(program);
        if (r >= 0)
                r = swb_relr_tables(program, max_memory);
        if (r < 0)
                return r;
        program->n_memory = program->elf.n_sections * (sizeof(struct swb_section) + 8);
        program->n_memory += program->tables ? (size_t)(view->n_bytes / 32 + 1) : 0;
        program->n_memory += program->btf.n_starts * sizeof(*program->btf.starts);
        if (program->n_memory > max_memory)
                return -E2BIG;
        r = swb_fields_init(&program->fields, view->n_bytes, max_memory - program->n_memory);
        if (r < 0)
                return r;
        if (program->elf.n_sections > 0) {
                swb_kernel_find_tables(program);
                swb_go_init(program);
                find_all(program);
        }
        r = swb_fields_close(&program->fields);
        program->n_peak =
                SWB_MAX((size_t)(view->n_bytes / 32), program->n_memory + program->fields.n_peak);
        program->n_memory += program->fields.n_memory;
        return r;
}

void swb_program_done(struct swb_program *program)
{
        swb_elf_done(&program->elf);
        swb_fields_done(&program->fields);
        free(program->tables);
        free(program->btf.starts);
        *program = (struct swb_program){0};
}

struct swb_reference swb_program_refer(struct swb_program *program, uint64_t offset,
                                       enum swb_field_kind kind, uint64_t value)
{
        if (swb_go_has(program, offset, kind))
                return swb_go_refer(program, offset, kind, value);
        if ((unsigned)kind < _SWB_FIELD_MAX && refer_by_kind[kind])
                return refer_by_kind[kind](program, offset, kind, value);
        return (struct swb_reference){.target = SWB_SPOT_NONE, .base = SWB_SPOT_NONE, .scale = 1};
}
