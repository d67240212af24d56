/* SPDX-License-Identifier: Apache-2.0 */
#include "predict/elf_file.h"

#include <elf.h>
#include <string.h>

#include "base/endian.h"
#include "predict/image.h"

#define KERNEL_BEGIN 0xffffffff80000000u
#define FIXED_END 0x80000000u
#define NAME_MAX_BYTES 64u
/* Sections without content have this between them, so that an end is not the next one's begin. */
#define SPOT_GAP 16u

uint32_t swb_elf_u32(const struct swb_elf *elf, uint64_t offset)
{
        const uint8_t *p = swb_view_at(elf->view, offset, 4);

        return p ? swb_get_le32(p) : 0;
}

uint64_t swb_elf_u64(const struct swb_elf *elf, uint64_t offset)
{
        const uint8_t *p = swb_view_at(elf->view, offset, 8);

        return p ? swb_get_le64(p) : 0;
}

uint32_t swb_elf_text_hash(const struct swb_elf *elf, uint64_t offset)
{
        uint64_t left = elf->view->n_bytes - SWB_MIN(offset, elf->view->n_bytes);
        size_t n = (size_t)SWB_MIN(left, NAME_MAX_BYTES);
        const uint8_t *p = swb_view_at(elf->view, offset, n);
        uint32_t hash = 2166136261u;

        for (size_t i = 0; p && i < n && p[i]; i++)
                hash = (hash ^ p[i]) * 16777619u;
        return hash ^ hash >> 15;
}

bool swb_elf_has_name(const struct swb_elf *elf, const struct swb_section *section,
                      const char *name)
{
        size_t n = strlen(name) + 1;
        const uint8_t *p = swb_view_at(elf->view, (uint64_t)elf->names_offset + section->name, n);

        return p && memcmp(p, name, n) == 0;
}

static bool name_begins(const struct swb_elf *elf, const struct swb_section *section,
                        const char *start)
{
        size_t n = strlen(start);
        const uint8_t *p = swb_view_at(elf->view, (uint64_t)elf->names_offset + section->name, n);

        return p && memcmp(p, start, n) == 0;
}

/* Sections that are known by name alone: there is no mark of them in the file. */
static const struct {
        const char *name;
        enum swb_role role;
        bool kernel; /* in the kernel itself; in a module its relocations tell */
        uint8_t record, n_places;
} named[] = {
        {".eh_frame", SWB_ROLE_UNWIND, false, 0, 0},
        {".eh_frame_hdr", SWB_ROLE_UNWIND_INDEX, false, 0, 0},
        {".rodata", SWB_ROLE_CONSTANTS, false, 0, 0},
        {".BTF", SWB_ROLE_BTF, false, 0, 0},
        {".gopclntab", SWB_ROLE_GO, false, 0, 0},
        {".data.rel.ro.gopclntab", SWB_ROLE_GO, false, 0, 0},
        {"__versions", SWB_ROLE_VERSIONS, false, 64, 0},
        {"__kcrctab", SWB_ROLE_CHECKSUMS, false, 4, 0},
        {"__kcrctab_gpl", SWB_ROLE_CHECKSUMS, false, 4, 0},
        {".orc_unwind_ip", SWB_ROLE_ORC, true, 4, 1},
        {"__ksymtab", SWB_ROLE_PLACES, true, 12, 3},
        {"__ksymtab_gpl", SWB_ROLE_PLACES, true, 12, 3},
        {"__ex_table", SWB_ROLE_PLACES, true, 12, 2},
        {"__bug_table", SWB_ROLE_PLACES, true, 12, 2},
        {".pci_fixup", SWB_ROLE_CONSTANTS, true, 0, 0},
        {".altinstructions", SWB_ROLE_PLACES, true, 0, 2},
        {".retpoline_sites", SWB_ROLE_PLACES, true, 4, 1},
        {".return_sites", SWB_ROLE_PLACES, true, 4, 1},
        {".call_sites", SWB_ROLE_PLACES, true, 4, 1},
        {".ibt_endbr_seal", SWB_ROLE_PLACES, true, 4, 1},
        {".smp_locks", SWB_ROLE_PLACES, true, 4, 1},
};

static bool may_hold_pointers(const struct swb_elf *elf, const struct swb_section *s)
{
        if (elf->type == ET_REL || elf->kernel || !(s->flags & SHF_ALLOC))
                return false;
        return elf->fixed || s->type == SHT_INIT_ARRAY || s->type == SHT_FINI_ARRAY ||
               name_begins(elf, s, ".got") || name_begins(elf, s, ".data") ||
               s->type == SHT_DYNAMIC;
}

static void give_role(const struct swb_elf *elf, struct swb_section *s)
{
        for (size_t i = 0; i < SWB_ELEMENTS(named); i++) {
                if ((named[i].kernel && !elf->kernel) || !swb_elf_has_name(elf, s, named[i].name))
                        continue;
                s->role = named[i].role;
                s->record = named[i].record;
                s->n_places = named[i].n_places;
                return;
        }
        if (s->flags & SHF_EXECINSTR)
                s->role = SWB_ROLE_CODE;
        else if (may_hold_pointers(elf, s))
                s->role = SWB_ROLE_POINTERS;
}

static void find_role(const struct swb_elf *elf, struct swb_section *s)
{
        switch (s->type) {
        case SHT_NOBITS:
                s->role = SWB_ROLE_NO_CONTENT;
                break;
        case SHT_SYMTAB:
        case SHT_DYNSYM:
                s->role = SWB_ROLE_SYMBOLS;
                s->record = SWB_ELF_SYMBOL_BYTES;
                break;
        case SHT_RELA:
                s->role = SWB_ROLE_RELA;
                s->record = SWB_ELF_RELA_BYTES;
                break;
        case SHT_RELR:
                s->role = SWB_ROLE_RELR;
                s->record = 8;
                break;
        case SHT_HASH:
        case SHT_GNU_HASH:
                s->role = SWB_ROLE_HASH;
                break;
        case SHT_PROGBITS:
        case SHT_DYNAMIC:
        case SHT_INIT_ARRAY:
        case SHT_FINI_ARRAY:
        case 0x70000001: /* SHT_X86_64_UNWIND */
                give_role(elf, s);
                break;
        default:
                break;
        }
}

static void read_section(const struct swb_elf *elf, size_t i, struct swb_section *s)
{
        uint64_t at = elf->sections_offset + i * SWB_ELF_SECTION_BYTES;
        uint64_t offset = swb_elf_u64(elf, at + 24), n_bytes = swb_elf_u64(elf, at + 32);

        *s = (struct swb_section){
                .address = swb_elf_u64(elf, at + 16),
                .flags = swb_elf_u64(elf, at + 8),
                .type = swb_elf_u32(elf, at + 4),
                .link = swb_elf_u32(elf, at + 40),
                .info = swb_elf_u32(elf, at + 44),
                .name = swb_elf_u32(elf, at),
                .spot = SWB_SPOT_NONE,
        };
        if (s->type == SHT_NOBITS) {
                s->n_bytes = (uint32_t)SWB_MIN(n_bytes, SWB_ELF_MAX_BYTES);
                s->offset = (uint32_t)SWB_MIN(offset, elf->view->n_bytes);
        } else if (s->type != SHT_NULL && offset <= elf->view->n_bytes &&
                   n_bytes <= elf->view->n_bytes - offset) {
                s->offset = (uint32_t)offset;
                s->n_bytes = (uint32_t)n_bytes;
                s->spot = (uint32_t)offset;
        }
}

static int compare_u64(uint64_t a, uint64_t b)
{
        return a < b ? -1 : a > b;
}

static int compare_addresses(const void *a, const void *b, void *context)
{
        const struct swb_section *sections = context;
        const uint32_t *x = a, *y = b;
        int order = compare_u64(sections[*x].address, sections[*y].address);

        return order ? order : compare_u64(*x, *y);
}

static int compare_spots(const void *a, const void *b, void *context)
{
        const struct swb_section *sections = context;
        const uint32_t *x = a, *y = b;
        int order = compare_u64(sections[*x].spot, sections[*y].spot);

        return order ? order : compare_u64(*x, *y);
}

/* Sections without content come behind the file, one after the other. */
static void give_spots(struct swb_elf *elf)
{
        uint64_t next = elf->view->n_bytes + SPOT_GAP;

        for (size_t i = 1; i < elf->n_sections; i++) {
                struct swb_section *s = &elf->sections[i];

                if (s->type != SHT_NOBITS)
                        continue;
                if (next + s->n_bytes + SPOT_GAP > SWB_SPOT_NAMES) {
                        s->n_bytes = 0;
                        continue;
                }
                s->spot = (uint32_t)next;
                next += s->n_bytes + SPOT_GAP;
        }
}

/* Thread-local storage without content shares its addresses with what follows. */
static bool has_addresses(const struct swb_elf *elf, const struct swb_section *s)
{
        if (s->spot == SWB_SPOT_NONE || s->n_bytes == 0 || !(s->flags & SHF_ALLOC) ||
            elf->type == ET_REL)
                return false;
        if (s->type == SHT_NOBITS && (s->flags & SHF_TLS))
                return false;
        return s->address != 0 || swb_elf_has_name(elf, s, ".data..percpu");
}

/* Each byte of a sound file belongs to one section. */
static void drop_overlapping(struct swb_elf *elf)
{
        uint64_t end = 0;
        size_t n = 0;

        for (size_t i = 0; i < elf->n_by_spot; i++) {
                const struct swb_section *s = &elf->sections[elf->by_spot[i]];

                if (s->spot < end)
                        continue;
                elf->by_spot[n++] = elf->by_spot[i];
                end = (uint64_t)s->spot + s->n_bytes;
        }
        elf->n_by_spot = n;
}

static int sort_sections(struct swb_elf *elf)
{
        elf->by_address = calloc(elf->n_sections, sizeof(*elf->by_address));
        elf->by_spot = calloc(elf->n_sections, sizeof(*elf->by_spot));
        if (!elf->by_address || !elf->by_spot)
                return -ENOMEM;
        for (uint32_t i = 1; i < elf->n_sections; i++) {
                const struct swb_section *s = &elf->sections[i];

                if (has_addresses(elf, s))
                        elf->by_address[elf->n_by_address++] = i;
                if (s->spot != SWB_SPOT_NONE && s->n_bytes > 0)
                        elf->by_spot[elf->n_by_spot++] = i;
        }
        qsort_r(elf->by_address, elf->n_by_address, sizeof(uint32_t), compare_addresses,
                elf->sections);
        qsort_r(elf->by_spot, elf->n_by_spot, sizeof(uint32_t), compare_spots, elf->sections);
        drop_overlapping(elf);
        return 0;
}

static void find_kind(struct swb_elf *elf)
{
        for (size_t i = 1; i < elf->n_sections; i++) {
                const struct swb_section *s = &elf->sections[i];

                if (elf->type == ET_REL || !(s->flags & SHF_ALLOC) || s->address == 0)
                        continue;
                elf->kernel = s->address >= KERNEL_BEGIN;
                elf->fixed = elf->type == ET_EXEC && s->address < FIXED_END;
                return;
        }
}

static int read_sections(struct swb_elf *elf, size_t n, size_t names)
{
        elf->sections = calloc(n, sizeof(*elf->sections));
        if (!elf->sections)
                return -ENOMEM;
        elf->n_sections = n;
        for (size_t i = 1; i < n; i++)
                read_section(elf, i, &elf->sections[i]);
        elf->names_offset = elf->sections[names].offset;
        find_kind(elf);
        for (size_t i = 1; i < n; i++)
                find_role(elf, &elf->sections[i]);
        give_spots(elf);
        return sort_sections(elf);
}

static int init_image(struct swb_elf *elf)
{
        elf->sections = calloc(SWB_IMAGE_SECTIONS, sizeof(*elf->sections));
        if (!elf->sections)
                return -ENOMEM;
        elf->n_sections = SWB_IMAGE_SECTIONS;
        elf->type = ET_DYN;
        elf->machine = EM_AARCH64;
        elf->image = true;
        swb_image_sections(elf->view, elf->sections);
        give_spots(elf);
        return sort_sections(elf);
}

int swb_elf_init(struct swb_elf *elf, struct swb_view *view)
{
        static const uint8_t magic[] = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT};
        const uint8_t *p = swb_view_at(view, 0, SWB_ELF_HEADER_BYTES);
        uint64_t offset;
        uint32_t n, names;

        *elf = (struct swb_elf){.view = view};
        if (p && swb_image_is(p, SWB_ELF_HEADER_BYTES, view->n_bytes))
                return init_image(elf);
        if (!p || view->n_bytes > SWB_ELF_MAX_BYTES || memcmp(p, magic, sizeof(magic)) != 0)
                return 0;
        elf->type = (uint16_t)(p[16] | p[17] << 8);
        elf->machine = (uint16_t)(p[18] | p[19] << 8);
        offset = swb_get_le64(p + 40);
        n = (uint32_t)(p[60] | p[61] << 8);
        names = (uint32_t)(p[62] | p[63] << 8);
        if ((p[58] | p[59] << 8) != SWB_ELF_SECTION_BYTES || n < 2 || n > SWB_ELF_SECTIONS_MAX ||
            names >= n || offset > view->n_bytes ||
            n * SWB_ELF_SECTION_BYTES > view->n_bytes - offset ||
            (elf->type != ET_EXEC && elf->type != ET_DYN && elf->type != ET_REL) ||
            (elf->machine != EM_X86_64 && elf->machine != EM_AARCH64))
                return 0;
        elf->sections_offset = (uint32_t)offset;
        return read_sections(elf, n, names);
}

void swb_elf_done(struct swb_elf *elf)
{
        free(elf->sections);
        free(elf->by_address);
        free(elf->by_spot);
        *elf = (struct swb_elf){0};
}

const struct swb_section *swb_elf_at_address(const struct swb_elf *elf, uint64_t address)
{
        size_t low = 0, high = elf->n_by_address;
        const struct swb_section *s;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (elf->sections[elf->by_address[middle]].address <= address)
                        low = middle + 1;
                else
                        high = middle;
        }
        if (low == 0)
                return NULL;
        s = &elf->sections[elf->by_address[low - 1]];
        return address - s->address < s->n_bytes ? s : NULL;
}

const struct swb_section *swb_elf_at_spot(const struct swb_elf *elf, uint64_t spot)
{
        size_t low = 0, high = elf->n_by_spot;
        const struct swb_section *s;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (elf->sections[elf->by_spot[middle]].spot <= spot)
                        low = middle + 1;
                else
                        high = middle;
        }
        if (low == 0)
                return NULL;
        s = &elf->sections[elf->by_spot[low - 1]];
        return spot - s->spot < s->n_bytes ? s : NULL;
}

uint32_t swb_elf_spot(const struct swb_elf *elf, uint64_t address)
{
        const struct swb_section *s = swb_elf_at_address(elf, address);

        return s ? s->spot + (uint32_t)(address - s->address) : SWB_SPOT_NONE;
}
