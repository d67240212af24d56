/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * predict/program.h - an ELF file with its fields, and what each field points at
 *
 * One file for each kind of content has two functions: one finds the fields of a section, in
 * ascending order, the other tells what one field refers to. For this folder only.
 */
#include "predict/code_arm64.h"
#include "predict/elf_file.h"
#include "predict/fields.h"
#include "predict/layout.h"
#include "predict/learned.h"

/* Stands for the place of the field itself, whose move is known exactly. */
#define SWB_SPOT_PLACE (UINT32_MAX - 1)

/* What a field's value follows: value + bias + (shift(target) - shift(base) - shift(origin)) *
 * factor / scale. */
struct swb_reference {
        uint32_t target; /* a spot, PLACE or NONE: does not move */
        uint32_t base;   /* the same */
        int16_t factor;  /* 0: 1 */
        uint8_t scale;
        bool in_section;  /* shifts are those inside of the section, not of addresses */
        bool learns;      /* others may point at the same target */
        bool base_learns; /* nothing is known of the base but what is learned */
        bool reversed;    /* 3 bytes, the highest first */
        bool known;       /* nothing to follow: the new value is `value` */
        uint64_t value;
        uint64_t bias;                          /* added */
        enum swb_form form;                     /* not WHOLE: of these bits of an instruction: */
        uint64_t place_address, target_address; /* where it stands, where it leads */
        uint32_t origin;                        /* a spot; 0: none */
        uint32_t piece_of;  /* a spot: targets in the same piece of the map move alike; 0: none */
        uint32_t otherwise; /* a name whose shift counts where nothing nearer is known; 0: none */
};

/* The kernel's lists of places that hold addresses; INVERSE: distances to what does not move. */
enum swb_list { SWB_LIST_32, SWB_LIST_64, SWB_LIST_INVERSE, SWB_LISTS };
#define SWB_LISTS_OF_PLACES SWB_LIST_INVERSE

/* The kernel's list of its symbols; all positions in the file, 0: not there. */
struct swb_kallsyms {
        uint32_t n;           /* symbols */
        uint32_t begin, base; /* offsets, and the address from which they count */
        uint64_t address;     /* that, as relocated */
        int order;            /* 1: offsets count up; -1: down from -1, and others are none */
        uint32_t names, names_end, sequence, sequence_end;
        uint32_t tokens, starts; /* texts of the tokens, and where each begins */
        uint32_t first, end;     /* all of it that has fields; no others are there */
};

struct swb_kernel_list {
        uint32_t begin, end; /* in the file */
};

/* How far a table of relocated words (SHT_RELR) was gone through. */
struct swb_relr_walk {
        bool there;       /* the table is not through */
        uint64_t place;   /* address of the word that it names now */
        uint64_t at, end; /* of the table: what is not read yet, in the file */
        uint64_t where;   /* the address from which the next word's bits count */
        uint64_t bits;    /* for the words behind `place` */
};

struct swb_btf {
        uint32_t section;                                /* 0: none */
        uint32_t types, types_end, strings, strings_end; /* in the file */
        uint32_t *starts, n_starts;                      /* where each type begins */
        uint32_t first_type, first_string; /* the numbers with which the file's own begin */
};

/* A Go program's table of its functions; all positions in the file, 0: not there. */
struct swb_go {
        uint32_t begin, end;                   /* the section */
        uint32_t names, units, numbers, table; /* its parts */
        uint32_t n, n_record; /* functions; bytes of a function's record before its lists */
        uint64_t text, data;  /* addresses from which code and the functions' data count */
};

/* What is learned by rule: how far the own types, the own strings of all modules moved; what each
 * token became. */
enum { SWB_RULE_TYPES = 1, SWB_RULE_STRINGS = 2, SWB_RULE_TOKENS = 1 << 27 };

struct swb_program {
        struct swb_elf elf;
        struct swb_fields fields;
        uint8_t *tables; /* a bit for each 4 bytes of constants at which a table may begin */
        struct swb_btf btf;
        struct swb_go go;
        struct swb_kernel_list lists[SWB_LISTS];
        struct swb_kallsyms kallsyms;
        struct swb_relr_walk relr_walk;
        uint32_t relr;   /* the section; 0: none */
        uint64_t n_relr; /* words that it names */
        /* The sections that go with __kcrctab, __kcrctab_gpl, and what relocates these. */
        uint32_t checksum_names[2], checksum_relocations[2];
        size_t n_memory;                 /* bytes allocated for all of this */
        size_t n_peak;                   /* the least max_memory for which it is made */
        const struct swb_layout *layout; /* NULL on the making side of masks */
};

/* Finds all fields. 0, -E2BIG (above max_memory bytes), -ENOMEM. */
int swb_program_init(struct swb_program *program, struct swb_view *view,
                     size_t max_memory) _warn_unused_;
void swb_program_done(struct swb_program *program);

/* What the field at `offset`, whose value is `value`, refers to. */
struct swb_reference swb_program_refer(struct swb_program *program, uint64_t offset,
                                       enum swb_field_kind kind, uint64_t value);

/* ---- by content: btf.c */
int swb_btf_init(struct swb_program *program) _warn_unused_; /* 0, -ENOMEM */
void swb_btf_find(struct swb_program *program, const struct swb_section *s);
struct swb_reference swb_btf_refer(struct swb_program *program, uint64_t offset,
                                   enum swb_field_kind kind, uint64_t value);

/* data.c */
int swb_tables_mark(struct swb_program *program) _warn_unused_; /* 0, -ENOMEM */
/* A pointer stands there, if that is the address of a section. */
void swb_pointer_add(struct swb_program *program, uint64_t offset);
void swb_pointers_find(struct swb_program *program, const struct swb_section *s);
void swb_constants_find(struct swb_program *program, const struct swb_section *s);
struct swb_reference swb_data_refer(struct swb_program *program, uint64_t offset,
                                    enum swb_field_kind kind, uint64_t value);

/* go.c */
void swb_go_init(struct swb_program *program);
void swb_go_find(struct swb_program *program, const struct swb_section *s);
/* Does a function begin so far behind the begin of the code? */
bool swb_go_is_function(const struct swb_program *program, uint32_t value);
/* Is the position one of the table's, or the field one of other sections' that such a function is?
 */
bool swb_go_has(const struct swb_program *program, uint64_t offset, enum swb_field_kind kind);
struct swb_reference swb_go_refer(struct swb_program *program, uint64_t offset,
                                  enum swb_field_kind kind, uint64_t value);

/* headers.c */
void swb_headers_find_file(struct swb_program *program);
void swb_headers_find_sections(struct swb_program *program);
struct swb_reference swb_headers_refer(struct swb_program *program, uint64_t offset,
                                       enum swb_field_kind kind, uint64_t value);
struct swb_reference swb_headers_refer_name(const struct swb_elf *elf, uint64_t value);

/* kernel.c */
void swb_kernel_find_tables(struct swb_program *program);
void swb_kernel_find_data(struct swb_program *program, const struct swb_section *s);
void swb_kernel_find_places(struct swb_program *program, const struct swb_section *s);
void swb_kernel_find_relocations(struct swb_program *program);
struct swb_reference swb_kernel_refer(struct swb_program *program, uint64_t offset,
                                      enum swb_field_kind kind, uint64_t value);
/* kallsyms.c */
/* Finds the list, once the sections are known. */
void swb_kallsyms_init(struct swb_program *program);
/* Does it begin there? */
bool swb_kallsyms_in(const struct swb_program *program, uint64_t begin, uint64_t end);
void swb_kallsyms_find(struct swb_program *program);
struct swb_reference swb_kallsyms_refer(struct swb_program *program, uint64_t offset,
                                        enum swb_field_kind kind, uint64_t value);
/* Where the token's text is. */
uint64_t swb_kallsyms_token(const struct swb_program *program, uint8_t token);

/* 3 bytes the other way around. */
static inline uint32_t swb_reverse_3(uint32_t value)
{
        return (value & 0xff) << 16 | (value & 0xff00) | (value >> 16 & 0xff);
}

void swb_checksums_find(struct swb_program *program, const struct swb_section *s);
struct swb_reference swb_checksums_refer(struct swb_program *program, uint64_t offset,
                                         enum swb_field_kind kind, uint64_t value);

/* relocations.c */
void swb_rela_find(struct swb_program *program, const struct swb_section *s);
/* What the symbol and the addend of entry i stand for. */
uint32_t swb_rela_spot(const struct swb_elf *elf, const struct swb_section *s, uint64_t i);
struct swb_reference swb_rela_refer(struct swb_program *program, uint64_t offset,
                                    enum swb_field_kind kind, uint64_t value);

/* relr.c */
/* The file's table of relocated words; it is gone through once, as they are found. 0, -E2BIG. */
int swb_relr_tables(struct swb_program *program, size_t max_memory) _warn_unused_;
/* The first word that it names of those with all of their 8 bytes between two positions of the
 * section; false: none. Asked for with ascending addresses. */
bool swb_relr_place(struct swb_program *program, const struct swb_section *s, uint64_t begin,
                    uint64_t end, uint64_t *ret);
void swb_relr_find_words(struct swb_program *program, const struct swb_section *s);
void swb_relr_find(struct swb_program *program, const struct swb_section *s);

/* symbols.c */
void swb_symbols_find(struct swb_program *program, const struct swb_section *s);
/* Tables of hashes: numbers of symbols. */
void swb_hash_find(struct swb_program *program, const struct swb_section *s);
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

/* image_data.c */
void swb_image_find(struct swb_program *program, const struct swb_section *s);
/* Of what lies between two positions the words that look like distances. */
struct swb_window;
void swb_distances_find(struct swb_program *program, const struct swb_section *s,
                        struct swb_window *window, uint64_t begin, uint64_t end);

/* code_arm64.c */
/* Of the section's instructions those from `begin` to `end`, positions in the file. */
void swb_arm64_find_between(struct swb_program *program, const struct swb_section *s,
                            uint64_t begin, uint64_t end);
void swb_arm64_find(struct swb_program *program, const struct swb_section *s);
struct swb_reference swb_arm64_refer(struct swb_program *program, uint64_t offset,
                                     enum swb_field_kind kind, uint64_t value);

/* code_x86.c */
void swb_x86_find(struct swb_program *program, const struct swb_section *s);
struct swb_reference swb_x86_refer(struct swb_program *program, uint64_t offset,
                                   enum swb_field_kind kind, uint64_t value);
