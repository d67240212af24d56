/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * predict/elf_file.h - the sections of a program, and where its addresses lie
 *
 * A "spot" is a number for whatever an address can point at: below the file's size it is a position
 * in the file; behind that, sections without content (.bss) have spots of their own. What other
 * kinds of names need (type numbers, checksums by name) lies above SWB_SPOT_NAMES.
 * Spec: docs/design/delta.md, PA-10 to PA-16.
 */
#include "base/view.h"

/* Programs larger than this have no fields, and those with more sections neither. */
#define SWB_ELF_MAX_BYTES ((uint64_t)1 << 30)
#define SWB_ELF_SECTIONS_MAX 4096u

#define SWB_SPOT_NAMES ((uint32_t)1 << 31)
#define SWB_SPOT_NONE UINT32_MAX

#define SWB_ELF_HEADER_BYTES 64u
#define SWB_ELF_SECTION_BYTES 64u
#define SWB_ELF_SYMBOL_BYTES 24u
#define SWB_ELF_RELA_BYTES 24u

/* What a section is read as. */
enum swb_role {
        SWB_ROLE_OTHER,
        SWB_ROLE_CODE,
        SWB_ROLE_SYMBOLS,
        SWB_ROLE_RELA,
        SWB_ROLE_RELR,
        SWB_ROLE_HASH,     /* from names to numbers of symbols */
        SWB_ROLE_GO,       /* a Go program's table of its functions */
        SWB_ROLE_POINTERS, /* data in which pointers may stand */
        SWB_ROLE_CONSTANTS,
        SWB_ROLE_UNWIND,
        SWB_ROLE_UNWIND_INDEX,
        SWB_ROLE_BTF,
        SWB_ROLE_PLACES, /* records that begin with distances to what they speak of */
        SWB_ROLE_ORC,
        SWB_ROLE_VERSIONS,
        SWB_ROLE_CHECKSUMS,
        SWB_ROLE_IMAGE, /* code and data of a raw kernel image */
        SWB_ROLE_NO_CONTENT,
        _SWB_ROLE_MAX,
};

struct swb_section {
        uint64_t address, flags;
        uint32_t offset, n_bytes; /* in the file */
        uint32_t spot;            /* of its first byte */
        uint32_t type, link, info, name;
        enum swb_role role;
        /* PLACES: bytes of a record (0: as its content tells), distances at its start */
        uint8_t record, n_places;
};

struct swb_elf {
        struct swb_view *view;  /* borrowed; its size is below SWB_ELF_MAX_BYTES */
        uint16_t type, machine; /* ET_..., EM_... */
        bool kernel; /* linked to run in the upper half, with a list of relocations behind */
        bool image;  /* no ELF file: memory as a kernel is loaded into it */
        bool fixed;  /* linked to run at one address below 2 GiB */
        bool go;     /* with a table of its functions as Go makes it */
        uint32_t sections_offset, names_offset;
        struct swb_section *sections; /* [0] is none, as in the file */
        size_t n_sections;            /* 0: no such file */
        uint32_t *by_address;         /* sections that have addresses, ascending */
        size_t n_by_address;
        uint32_t *by_spot; /* sections that have content, or none but addresses, ascending */
        size_t n_by_spot;
};

/* 0 (also for no ELF: n_sections is 0 then), -ENOMEM. `view` is borrowed. */
int swb_elf_init(struct swb_elf *elf, struct swb_view *view) _warn_unused_;
void swb_elf_done(struct swb_elf *elf);

/* Zero-extended little-endian values; 0 behind the end of the content. */
uint32_t swb_elf_u32(const struct swb_elf *elf, uint64_t offset);
uint64_t swb_elf_u64(const struct swb_elf *elf, uint64_t offset);

/* Hash of the text at offset, of its first 64 bytes. */
uint32_t swb_elf_text_hash(const struct swb_elf *elf, uint64_t offset);
bool swb_elf_has_name(const struct swb_elf *elf, const struct swb_section *section,
                      const char *name);

/* The section in which the address, the spot lies; NULL: none. */
const struct swb_section *swb_elf_at_address(const struct swb_elf *elf, uint64_t address);
const struct swb_section *swb_elf_at_spot(const struct swb_elf *elf, uint64_t spot);

/* SWB_SPOT_NONE: the address is nobody's. */
uint32_t swb_elf_spot(const struct swb_elf *elf, uint64_t address);
/* The address of a spot in that section. */
static inline uint64_t swb_elf_address(const struct swb_section *section, uint64_t spot)
{
        return section->address + (spot - section->spot);
}
