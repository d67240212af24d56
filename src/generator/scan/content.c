/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/scan/content.h"

#include <elf.h>

#include "base/endian.h"
#include "codec/codec.h"

#define PIECE_BYTES ((size_t)SWB_CONTENT_PIECE_BLOCKS * SWB_BLOCK_BYTES)
#define SECTIONS_MAX 4096u
#define NAMES_MAX_BYTES ((size_t)1 << 20)
/* The quickest level, and what sorting and patience leave of its result. */
#define GUESS_LEVEL 1
#define GUESS_PERCENT 80u
/* Frames of the Linux kernel's own LZ4: this, then blocks that make 8 MiB each. */
#define LZ4_MAGIC "\x02\x21\x4c\x18"
#define LZ4_BLOCK_MAX ((size_t)9 << 20)
#define LZ4_MIN_BYTES 1024u
/* Regions of LZ4 are short, because what a cut leaves of one is not sorted. */
#define LZ4_REGION_BYTES ((size_t)64 << 10)

struct examine {
        const struct swb_image *image;
        const struct swb_file *file;
        uint64_t n_bytes;   /* in blocks */
        uint64_t n_logical; /* with its holes */
        uint8_t *piece;     /* PIECE_BYTES */
        struct swb_content *content;
        struct swb_error *err;
};

void swb_content_done(struct swb_content *content)
{
        free(content->regions);
        free(content->costs);
        *content = (struct swb_content){0};
}

static int add_region(struct swb_content *content, uint64_t start,
                      const struct swb_split_region *region)
{
        if (content->n_regions == content->cap) {
                size_t cap = content->cap ? content->cap * 2 : 32;
                struct swb_content_region *regions =
                        reallocarray(content->regions, cap, sizeof(*regions));

                if (!regions)
                        return -ENOMEM;
                content->regions = regions;
                content->cap = cap;
        }
        content->regions[content->n_regions++] = (struct swb_content_region){start, *region};
        return 0;
}

/* Reads bytes of the file's blocks, which must be there. */
static int read_stored(const struct examine *e, uint64_t start, size_t n, uint8_t *data)
{
        uint64_t first = start / SWB_BLOCK_BYTES,
                 last = (start + n + SWB_BLOCK_BYTES - 1) / SWB_BLOCK_BYTES;
        _cleanup_free_ uint8_t *blocks = malloc((size_t)(last - first) * SWB_BLOCK_BYTES);
        struct swb_extent_list list = {0};
        int r;

        if (!blocks ||
            swb_extent_list_append_slice(&list, &e->file->blocks, first, last - first) < 0) {
                swb_extent_list_done(&list);
                return swb_oom(e->err);
        }
        r = swb_image_read_extents(e->image, list.items, list.n, blocks, e->err);
        swb_extent_list_done(&list);
        if (r == 0)
                memcpy(data, blocks + start % SWB_BLOCK_BYTES, n);
        return r;
}

static bool is_stored(const struct examine *e, uint64_t start, uint64_t n)
{
        return start <= e->n_bytes && n <= e->n_bytes - start;
}

/* Where a byte of the file is. */
struct place {
        uint64_t stored; /* in the blocks; of a hole: where it would begin */
        uint64_t n;      /* so many bytes on it is the same */
        bool is_hole;
};

static struct place find_place(const struct examine *e, uint64_t at)
{
        uint64_t skipped = 0;

        for (size_t i = 0; i < e->file->n_holes; i++) {
                const struct swb_hole *hole = &e->file->holes[i];
                uint64_t begin = hole->before * SWB_BLOCK_BYTES + skipped,
                         n = hole->n_blocks * SWB_BLOCK_BYTES;

                if (at < begin)
                        return (struct place){at - skipped, begin - at, false};
                if (at < begin + n)
                        return (struct place){begin - skipped, begin + n - at, true};
                skipped += n;
        }
        return (struct place){at - skipped, e->n_logical - at, false};
}

static bool is_inside(const struct examine *e, uint64_t start, uint64_t n)
{
        return start <= e->n_logical && n <= e->n_logical - start;
}

/* Reads bytes of the file, holes too, which must be there. */
static int read_at(const struct examine *e, uint64_t start, size_t n, uint8_t *data)
{
        while (n > 0) {
                const struct place place = find_place(e, start);
                size_t piece = (size_t)SWB_MIN((uint64_t)n, place.n);
                int r = 0;

                if (place.is_hole || !is_stored(e, place.stored, piece))
                        memset(data, 0, piece);
                else
                        r = read_stored(e, place.stored, piece, data);
                if (r < 0)
                        return r;
                start += piece;
                data += piece;
                n -= piece;
        }
        return 0;
}

/* ---- ELF ---- */

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

static int read_names(const struct examine *e, const struct section *section, struct elf *elf)
{
        if (section->type != SHT_STRTAB || section->n_bytes > NAMES_MAX_BYTES ||
            !is_inside(e, section->offset, section->n_bytes))
                return 0;
        elf->names = calloc(1, (size_t)section->n_bytes + 1);
        if (!elf->names)
                return swb_oom(e->err);
        elf->n_names = (size_t)section->n_bytes;
        return read_at(e, section->offset, elf->n_names, (uint8_t *)elf->names);
}

/* Fills `elf` if the file is one of 64 bits, little-endian; leaves it without sections otherwise.
 */
static int read_elf(const struct examine *e, struct elf *elf)
{
        const size_t size = sizeof(Elf64_Shdr);
        _cleanup_free_ uint8_t *table = NULL;
        uint8_t head[sizeof(Elf64_Ehdr)];
        uint64_t offset;
        size_t n, names;
        int r = is_inside(e, 0, sizeof(head)) ? read_at(e, 0, sizeof(head), head) : 1;

        if (r != 0)
                return r < 0 ? r : 0;
        offset = swb_get_le64(head + 40);
        n = (size_t)(head[60] | head[61] << 8);
        names = (size_t)(head[62] | head[63] << 8);
        if (memcmp(head, "\177ELF\2\1", 6) != 0 || n == 0 || n > SECTIONS_MAX ||
            !is_inside(e, offset, n * size))
                return 0;
        table = malloc(n * size);
        elf->sections = calloc(n, sizeof(*elf->sections));
        if (!table || !elf->sections)
                return swb_oom(e->err);
        r = read_at(e, offset, n * size, table);
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

static size_t record_bytes(const struct swb_split_region *region)
{
        size_t n = 0;

        for (size_t i = 0; i < SWB_SPLIT_FIELDS_MAX; i++)
                n += region->fields[i];
        return n;
}

/* Where the section's bytes are in the file's blocks. A table ends where a hole begins. */
static void find_section(const struct examine *e, const struct section *section, bool is_table,
                         uint64_t *ret_start, uint64_t *ret_n)
{
        const struct place begin = find_place(e, section->offset),
                           end = find_place(e, section->offset + section->n_bytes);

        *ret_start = SWB_MIN(begin.stored, e->n_bytes);
        *ret_n = SWB_MIN(end.stored, e->n_bytes) - *ret_start;
        if (is_table)
                *ret_n = begin.is_hole ? 0 : SWB_MIN(*ret_n, begin.n);
}

/* Tables are cut into what a reader turns around at once; what is no whole record is left out. */
static int add_section(const struct examine *e, const struct section *section,
                       struct swb_split_region kind)
{
        size_t record = record_bytes(&kind);
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
                r = add_region(e->content, start, &kind);
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

static int examine_elf(struct examine *e)
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
                    !is_inside(e, section->offset, section->n_bytes) ||
                    (kind.kind == SWB_SPLIT_PLAIN && kind.stream == SWB_STREAM_DATA))
                        continue;
                if (add_section(e, section, kind) < 0)
                        return swb_oom(e->err);
        }
        sort_regions(e->content);
        return 0;
}

/* ---- LZ4 ---- */

static int add_lz4_regions(struct swb_content *content, uint64_t start, const uint8_t *data,
                           size_t n)
{
        struct swb_split_region region = {.kind = SWB_SPLIT_LZ4, .stream = SWB_STREAM_LZ4};
        size_t at = 0;
        int r = 0;

        while (at < n && r == 0) {
                region.n_bytes = n - at > LZ4_REGION_BYTES
                                         ? swb_split_lz4_whole(data + at, LZ4_REGION_BYTES)
                                         : n - at;
                if (region.n_bytes == 0)
                        break;
                r = add_region(content, start + at, &region);
                at += region.n_bytes;
        }
        return r;
}

/* One block behind its size. Return: 0 with its size, or with 0 if it is none; IO, NO_MEMORY. */
static int examine_block(struct examine *e, uint64_t start, size_t *ret_n)
{
        _cleanup_free_ uint8_t *data = NULL;
        uint8_t raw[4];
        uint64_t n;
        int r;

        *ret_n = 0;
        if (!is_stored(e, start, sizeof(raw)))
                return 0;
        r = read_stored(e, start, sizeof(raw), raw);
        n = r == 0 ? swb_get_le32(raw) : 0;
        if (n < LZ4_MIN_BYTES || n > LZ4_BLOCK_MAX || !is_stored(e, start + sizeof(raw), n))
                return r;
        data = malloc((size_t)n);
        if (!data)
                return swb_oom(e->err);
        r = read_stored(e, start + sizeof(raw), (size_t)n, data);
        if (r < 0 || swb_split_lz4_whole(data, (size_t)n) != n)
                return r;
        if (add_lz4_regions(e->content, start + sizeof(raw), data, (size_t)n) < 0)
                return swb_oom(e->err);
        *ret_n = (size_t)n + sizeof(raw);
        return 0;
}

static int examine_lz4(struct examine *e, uint64_t start)
{
        size_t n;
        int r;

        do {
                r = examine_block(e, start, &n);
                start += n;
        } while (r == 0 && n > 0);
        return r;
}

/* ---- the whole ---- */

static int guess_cost(const uint8_t *data, size_t n, uint32_t *ret)
{
        _cleanup_(swb_buf_done) struct swb_buf quick = SWB_BUF_INIT(n - 1);
        int r = swb_encode(SWB_CODEC_ZSTD, GUESS_LEVEL, data, n, &quick);

        if (r == 0)
                *ret = (uint32_t)(quick.n_bytes / 100 * GUESS_PERCENT);
        else if (r == -E2BIG)
                *ret = (uint32_t)n;
        return r == -E2BIG ? 0 : r;
}

static int examine_piece(struct examine *e, size_t number)
{
        uint64_t start = (uint64_t)number * PIECE_BYTES;
        size_t n = (size_t)SWB_MIN(e->n_bytes - start, (uint64_t)PIECE_BYTES);
        const uint8_t *magic;
        int r = read_stored(e, start, n, e->piece);

        if (r == 0 && guess_cost(e->piece, n, &e->content->costs[number]) < 0)
                r = swb_oom(e->err);
        if (r < 0 || e->content->n_regions > 0)
                return r;
        magic = memmem(e->piece, n, LZ4_MAGIC, 4);
        if (!magic)
                return 0;
        return examine_lz4(e, start + (uint64_t)(magic - e->piece) + 4);
}

int swb_content_examine(const struct swb_image *image, const struct swb_file *file,
                        struct swb_content *ret_content, struct swb_error *err)
{
        _cleanup_free_ uint8_t *piece = malloc(PIECE_BYTES);
        struct examine e = {.image = image,
                            .file = file,
                            .n_bytes = file->blocks.n_blocks * SWB_BLOCK_BYTES,
                            .piece = piece,
                            .content = ret_content,
                            .err = err};
        bool is_regular = file->kind == SWB_FILE_REGULAR;
        int r;

        e.n_logical = e.n_bytes;
        for (size_t i = 0; i < file->n_holes; i++)
                e.n_logical += file->holes[i].n_blocks * SWB_BLOCK_BYTES;
        ret_content->class = is_regular ? SWB_CONTENT_OTHER : SWB_CONTENT_REST;
        ret_content->n_costs = (size_t)((e.n_bytes + PIECE_BYTES - 1) / PIECE_BYTES);
        ret_content->costs = calloc(ret_content->n_costs + 1, sizeof(*ret_content->costs));
        if (!piece || !ret_content->costs)
                return swb_oom(err);
        r = is_regular ? examine_elf(&e) : 0;
        for (size_t i = 0; i < ret_content->n_costs && r == 0; i++)
                r = examine_piece(&e, i);
        return r;
}

uint64_t swb_content_memory(void)
{
        return LZ4_BLOCK_MAX * 2 + 6 * PIECE_BYTES;
}

/* ---- slices ---- */

static int append(struct swb_split_regions *list, struct swb_split_region region, uint64_t n_bytes)
{
        struct swb_split_region *last = list->n > 0 ? &list->items[list->n - 1] : NULL;

        if (n_bytes == 0)
                return 0;
        if (last && last->kind == SWB_SPLIT_PLAIN && region.kind == SWB_SPLIT_PLAIN &&
            last->stream == region.stream) {
                last->n_bytes += (size_t)n_bytes;
                return 0;
        }
        if (list->n == list->cap) {
                size_t cap = list->cap ? list->cap * 2 : 32;
                struct swb_split_region *items = reallocarray(list->items, cap, sizeof(*items));

                if (!items)
                        return -ENOMEM;
                list->items = items;
                list->cap = cap;
        }
        region.n_bytes = (size_t)n_bytes;
        list->items[list->n++] = region;
        return 0;
}

/* The part [from, to) of a region: whole records of it, what is left of them as it is. */
static int append_part(struct swb_split_regions *list, const struct swb_content_region *region,
                       uint64_t from, uint64_t to)
{
        struct swb_split_region plain = {.kind = SWB_SPLIT_PLAIN, .stream = region->region.stream};
        uint64_t head = 0, tail = 0;
        int r;

        if (region->region.kind == SWB_SPLIT_RECORDS) {
                size_t record = record_bytes(&region->region);

                head = SWB_MIN((record - (from - region->start) % record) % record, to - from);
                tail = (to - from - head) % record;
        }
        /* The end of one that begins before lacks what says where its sequences are. */
        if (region->region.kind == SWB_SPLIT_LZ4 && from > region->start) {
                plain.stream++;
                return append(list, plain, to - from);
        }
        r = append(list, plain, head);
        if (r == 0)
                r = append(list, region->region, to - from - head - tail);
        return r == 0 ? append(list, plain, tail) : r;
}

/* The first region that ends behind `start`. */
static size_t find_region(const struct swb_content *content, uint64_t start)
{
        size_t low = 0, high = content->n_regions;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                const struct swb_content_region *region = &content->regions[middle];

                if (region->start + region->region.n_bytes <= start)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

int swb_content_slice(const struct swb_content *content, uint64_t start, uint64_t n_bytes,
                      struct swb_split_regions *ret)
{
        const struct swb_split_region data = {.kind = SWB_SPLIT_PLAIN, .stream = SWB_STREAM_DATA};
        uint64_t end = start + n_bytes;
        int r = 0;

        for (size_t i = find_region(content, start); i < content->n_regions && r == 0; i++) {
                const struct swb_content_region *region = &content->regions[i];
                uint64_t from = SWB_MAX(start, region->start),
                         to = SWB_MIN(end, region->start + region->region.n_bytes);

                if (region->start >= end)
                        break;
                r = append(ret, data, from - start);
                if (r == 0)
                        r = append_part(ret, region, from, to);
                start = to;
        }
        return r == 0 ? append(ret, data, end - start) : r;
}
