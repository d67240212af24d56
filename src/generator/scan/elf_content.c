/* SPDX-License-Identifier: Apache-2.0 */
#include <elf.h>

#include "base/endian.h"
#include "generator/scan/examine.h"

#define SECTIONS_MAX 4096u
#define NAMES_MAX_BYTES ((size_t)1 << 20)

struct section {
        uint64_t offset, n_bytes;
        uint32_t type, name;
        uint64_t flags;
};

struct elf {
        bool is_object, is_x86;
        struct section *sections;
        size_t n;
        char *names; /* NUL behind the last */
        size_t n_names;
};

static void elf_done(struct elf *elf)
{
        free(elf->sections);
        free(elf->names);
}

static struct section section_of(const uint8_t *raw)
{
        return (struct section){.name = swb_get_le32(raw),
                                .type = swb_get_le32(raw + 4),
                                .flags = swb_get_le64(raw + 8),
                                .offset = swb_get_le64(raw + 24),
                                .n_bytes = swb_get_le64(raw + 32)};
}

static int read_names(const struct swb_examine *e, const struct section *section, struct elf *elf)
{
        if (section->type != SHT_STRTAB || section->n_bytes > NAMES_MAX_BYTES ||
            !swb_examine_is_inside(e, section->offset, section->n_bytes))
                return 0;
        elf->names = calloc(1, (size_t)section->n_bytes + 1);
        if (!elf->names)
                return swb_oom(e->err);
        elf->n_names = (size_t)section->n_bytes;
        return swb_examine_read(e, section->offset, elf->n_names, (uint8_t *)elf->names);
}

/* Fills `elf` if the file is one of 64 bits, little-endian; leaves it without sections otherwise.
 */
static int read_elf(const struct swb_examine *e, struct elf *elf)
{
        const size_t size = sizeof(Elf64_Shdr);
        _cleanup_free_ uint8_t *table = NULL;
        uint8_t head[sizeof(Elf64_Ehdr)];
        uint64_t offset;
        size_t n, names;
        int r = swb_examine_is_inside(e, 0, sizeof(head))
                        ? swb_examine_read(e, 0, sizeof(head), head)
                        : 1;

        if (r != 0)
                return r < 0 ? r : 0;
        offset = swb_get_le64(head + 40);
        n = (size_t)(head[60] | head[61] << 8);
        names = (size_t)(head[62] | head[63] << 8);
        if (memcmp(head, "\177ELF\2\1", 6) != 0 || n == 0 || n > SECTIONS_MAX ||
            !swb_examine_is_inside(e, offset, n * size))
                return 0;
        table = malloc(n * size);
        elf->sections = calloc(n, sizeof(*elf->sections));
        if (!table || !elf->sections)
                return swb_oom(e->err);
        r = swb_examine_read(e, offset, n * size, table);
        for (size_t i = 0; i < n && r == 0; i++)
                elf->sections[i] = section_of(table + i * size);
        elf->n = n;
        elf->is_object = head[16] == ET_REL;
        elf->is_x86 = head[18] == EM_X86_64 && head[19] == 0;
        return r == 0 && names < n ? read_names(e, &elf->sections[names], elf) : r;
}

static bool is_named(const struct elf *elf, const struct section *section, const char *name)
{
        return section->name < elf->n_names && strcmp(elf->names + section->name, name) == 0;
}

/* What the section is; PLAIN data for what has no stream of its own. */
static struct swb_split_region kind_of(const struct elf *elf, const struct section *s)
{
        static const struct swb_split_region relocations = {.kind = SWB_SPLIT_RECORDS,
                                                            .stream = SWB_STREAM_RELOCATIONS,
                                                            .fields = {8, 4, 4, 8}},
                                             symbols = {.kind = SWB_SPLIT_RECORDS,
                                                        .stream = SWB_STREAM_SYMBOLS,
                                                        .fields = {4, 1, 1, 2, 8, 8}},
                                             places = {.kind = SWB_SPLIT_RECORDS,
                                                       .stream = SWB_STREAM_RELOCATIONS,
                                                       .fields = {4, 4}};
        struct swb_split_region plain = {.kind = SWB_SPLIT_PLAIN, .stream = SWB_STREAM_DATA};

        if (s->type == SHT_RELA)
                return relocations;
        if (s->type == SHT_SYMTAB || s->type == SHT_DYNSYM)
                return symbols;
        if (is_named(elf, s, ".eh_frame_hdr"))
                return places;
        if (s->type == SHT_PROGBITS && (s->flags & SHF_EXECINSTR)) {
                /* in an object the operands are still to be filled in */
                if (elf->is_x86 && !elf->is_object)
                        plain.kind = SWB_SPLIT_X86;
                plain.stream = SWB_STREAM_CODE;
        } else if (s->type == SHT_STRTAB) {
                plain.stream = SWB_STREAM_STRINGS;
        } else if (is_named(elf, s, ".eh_frame")) {
                plain.stream = SWB_STREAM_UNWIND;
        } else if (is_named(elf, s, ".BTF")) {
                plain.stream = SWB_STREAM_TYPES;
        }
        return plain;
}

/* Where the section's bytes are in the file's blocks. A table ends where a hole begins. */
static void find_section(const struct swb_examine *e, const struct section *section, bool is_table,
                         uint64_t *ret_start, uint64_t *ret_n)
{
        const struct swb_place begin = swb_examine_place(e, section->offset),
                               end = swb_examine_place(e, section->offset + section->n_bytes);

        *ret_start = SWB_MIN(begin.stored, e->n_bytes);
        *ret_n = SWB_MIN(end.stored, e->n_bytes) - *ret_start;
        if (is_table)
                *ret_n = begin.is_hole ? 0 : SWB_MIN(*ret_n, begin.n);
}

/* Tables are cut into what a reader turns around at once; what is no whole record is left out. */
static int add_section(const struct swb_examine *e, const struct section *section,
                       struct swb_split_region kind)
{
        size_t record = swb_content_record_bytes(&kind);
        uint64_t start, left, step = UINT32_MAX;
        int r = 0;

        find_section(e, section, kind.kind == SWB_SPLIT_RECORDS, &start, &left);
        if (kind.kind == SWB_SPLIT_RECORDS) {
                uint64_t head = record == 8 && left >= 4 ? 4 : 0; /* of .eh_frame_hdr */

                start += head;
                left -= head;
                left -= left % record;
                step = SWB_SPLIT_RECORDS_MAX - SWB_SPLIT_RECORDS_MAX % record;
        }
        while (left > 0 && r == 0) {
                kind.n_bytes = (size_t)SWB_MIN(left, step);
                r = swb_content_add(e->content, start, &kind);
                start += kind.n_bytes;
                left -= kind.n_bytes;
        }
        return r;
}

static int compare_regions(const void *a, const void *b)
{
        const struct swb_content_region *x = a, *y = b;

        return x->start < y->start ? -1 : x->start > y->start;
}

/* By start; one that begins inside another is dropped. */
static void sort_regions(struct swb_content *content)
{
        uint64_t end = 0;
        size_t n = 0;

        if (content->n_regions > 0)
                qsort(content->regions, content->n_regions, sizeof(*content->regions),
                      compare_regions);
        for (size_t i = 0; i < content->n_regions; i++) {
                if (content->regions[i].start < end)
                        continue;
                content->regions[n] = content->regions[i];
                end = content->regions[n].start + content->regions[n].region.n_bytes;
                n++;
        }
        content->n_regions = n;
}

int swb_examine_elf(struct swb_examine *e)
{
        _cleanup_(elf_done) struct elf elf = {0};
        int r = read_elf(e, &elf);

        if (r < 0 || elf.n == 0)
                return r;
        e->content->class = elf.is_object ? SWB_CONTENT_OBJECT : SWB_CONTENT_PROGRAM;
        for (size_t i = 0; i < elf.n; i++) {
                const struct section *section = &elf.sections[i];
                struct swb_split_region kind = kind_of(&elf, section);

                if (section->type == SHT_NULL || section->type == SHT_NOBITS ||
                    !swb_examine_is_inside(e, section->offset, section->n_bytes) ||
                    (kind.kind == SWB_SPLIT_PLAIN && kind.stream == SWB_STREAM_DATA))
                        continue;
                if (add_section(e, section, kind) < 0)
                        return swb_oom(e->err);
        }
        sort_regions(e->content);
        return 0;
}
