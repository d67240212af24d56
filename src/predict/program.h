/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * predict/program.h - an ELF file with its fields, and what each field points at
 *
 * One file for each kind of content has two functions: one finds the fields of a section, in
 * ascending order, the other tells what one field refers to. For this folder only.
 */
#include "predict/elf_file.h"
#include "predict/fields.h"
#include "predict/layout.h"

/* Stands for the place of the field itself, whose move is known exactly. */
#define SWB_SPOT_PLACE (UINT32_MAX - 1)

/* What a field's value follows: value + (shift(target) - shift(base)) * factor / scale. */
struct swb_reference {
        uint32_t target; /* a spot, PLACE or NONE: does not move */
        uint32_t base;   /* the same */
        uint8_t factor;  /* 0: 1 */
        uint8_t scale;
        bool in_section; /* shifts are those inside of the section, not of addresses */
        bool learns;     /* others may point at the same target */
        bool known;      /* nothing to follow: the new value is `value` */
        uint64_t value;
};

struct swb_program {
        struct swb_elf elf;
        struct swb_fields fields;
        uint8_t *tables; /* a bit for each 4 bytes of constants at which a table may begin */
        const struct swb_layout *layout; /* NULL on the making side of masks */
};

/* Finds all fields. 0, -E2BIG (above max_memory bytes), -ENOMEM. */
int swb_program_init(struct swb_program *program, struct swb_view *view,
                     size_t max_memory) _warn_unused_;
void swb_program_done(struct swb_program *program);

/* What the field at `offset`, whose value is `value`, refers to. */
struct swb_reference swb_program_refer(struct swb_program *program, uint64_t offset,
                                       enum swb_field_kind kind, uint64_t value);

/* ---- by content: data.c */
int swb_tables_mark(struct swb_program *program) _warn_unused_; /* 0, -ENOMEM */
void swb_pointers_find(struct swb_program *program, const struct swb_section *s);
void swb_constants_find(struct swb_program *program, const struct swb_section *s);
struct swb_reference swb_data_refer(struct swb_program *program, uint64_t offset,
                                    enum swb_field_kind kind, uint64_t value);

/* headers.c */
void swb_headers_find_file(struct swb_program *program);
void swb_headers_find_sections(struct swb_program *program);
struct swb_reference swb_headers_refer(struct swb_program *program, uint64_t offset,
                                       enum swb_field_kind kind, uint64_t value);
struct swb_reference swb_headers_refer_name(const struct swb_elf *elf, uint64_t value);

/* relocations.c */
void swb_rela_find(struct swb_program *program, const struct swb_section *s);
void swb_relr_find(struct swb_program *program, const struct swb_section *s);
struct swb_reference swb_rela_refer(struct swb_program *program, uint64_t offset,
                                    enum swb_field_kind kind, uint64_t value);

/* symbols.c */
void swb_symbols_find(struct swb_program *program, const struct swb_section *s);
struct swb_reference swb_symbols_refer(struct swb_program *program, uint64_t offset,
                                       enum swb_field_kind kind, uint64_t value);
/* What the symbol at that offset stands for, were its value that. ret_section: where it is said to
 * lie, if anywhere. */
uint32_t swb_symbol_spot(const struct swb_elf *elf, uint64_t symbol, uint64_t value,
                         const struct swb_section **ret_section);

/* unwind.c */
void swb_unwind_find(struct swb_program *program, const struct swb_section *s);
void swb_unwind_find_index(struct swb_program *program, const struct swb_section *s);
struct swb_reference swb_unwind_refer(struct swb_program *program, uint64_t offset,
                                      enum swb_field_kind kind, uint64_t value);

/* code_x86.c */
void swb_x86_find(struct swb_program *program, const struct swb_section *s);
struct swb_reference swb_x86_refer(struct swb_program *program, uint64_t offset,
                                   enum swb_field_kind kind, uint64_t value);
