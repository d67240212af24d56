/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/explain/lots.h"

#include <elf.h>

#include "base/endian.h"
#include "generator/scan/examine.h"
#include "predict/elf_file.h"

/* How the kernel marks a signature behind a module: its parts' sizes, then this. */
#define SIGNED_MARK "~Module signature appended~\n"
#define SIGNED_MARK_BYTES (sizeof(SIGNED_MARK) - 1)
#define SIGNED_SIZES_BYTES 12u
#define NAME_BYTES 40u

const char *swb_lot_to_string(enum swb_lot lot)
{
        static const char *const names[_SWB_LOT_MAX] = {
                [SWB_LOT_WHOLE] = "",
                [SWB_LOT_CODE] = "code",
                [SWB_LOT_DATA] = "data",
                [SWB_LOT_UNWIND] = "unwind",
                [SWB_LOT_SYMBOLS] = "symbols",
                [SWB_LOT_STRINGS] = "strings",
                [SWB_LOT_RELOCATIONS] = "relocations",
                [SWB_LOT_TYPES] = "types",
                [SWB_LOT_DEBUG] = "debug",
                [SWB_LOT_CHECKSUMS] = "checksums",
                [SWB_LOT_BUILD_ID] = "build id",
                [SWB_LOT_SIGNATURE] = "signature",
                [SWB_LOT_HEADERS] = "headers",
        };

        swb_assert(lot >= 0 && lot < _SWB_LOT_MAX);
        return names[lot];
}

static int add_region(struct swb_sort *sort, uint64_t end, enum swb_lot lot)
{
        struct swb_lot_region *last = sort->n > 0 ? &sort->regions[sort->n - 1] : NULL;
        uint64_t begin = last ? last->end : 0;

        if (end <= begin)
                return 0;
        if (last && last->lot == lot) {
                last->end = end;
                return 0;
        }
        if ((sort->n & (sort->n - 1)) == 0) {
                struct swb_lot_region *bigger = reallocarray(
                        sort->regions, sort->n ? 2 * sort->n : 8, sizeof(*sort->regions));

                if (!bigger)
                        return -ENOMEM;
                sort->regions = bigger;
        }
        sort->regions[sort->n++] = (struct swb_lot_region){begin, end, lot};
        return 0;
}

/* ---- sections */

static bool begins(const char *name, const char *with)
{
        return strncmp(name, with, strlen(with)) == 0;
}

static enum swb_lot by_name(const char *name)
{
        if (begins(name, ".debug") || begins(name, ".zdebug") || begins(name, ".gnu_debug"))
                return SWB_LOT_DEBUG;
        if (begins(name, ".note.gnu.build-id"))
                return SWB_LOT_BUILD_ID;
        if (begins(name, ".orc_"))
                return SWB_LOT_UNWIND;
        return SWB_LOT_DATA;
}

static enum swb_lot by_type(const struct swb_section *section, const char *name)
{
        switch (section->type) {
        case SHT_STRTAB:
                return SWB_LOT_STRINGS;
        case SHT_GNU_versym:
        case SHT_GNU_verneed:
        case SHT_GNU_verdef:
                return SWB_LOT_SYMBOLS;
        case SHT_REL:
                return SWB_LOT_RELOCATIONS;
        default:
                return by_name(name);
        }
}

static enum swb_lot lot_of(const struct swb_section *section, const char *name)
{
        switch (section->role) {
        case SWB_ROLE_CODE:
                return SWB_LOT_CODE;
        case SWB_ROLE_SYMBOLS:
        case SWB_ROLE_HASH:
                return SWB_LOT_SYMBOLS;
        case SWB_ROLE_RELA:
        case SWB_ROLE_RELR:
                return SWB_LOT_RELOCATIONS;
        case SWB_ROLE_UNWIND:
        case SWB_ROLE_UNWIND_INDEX:
        case SWB_ROLE_GO:
        case SWB_ROLE_ORC:
                return SWB_LOT_UNWIND;
        case SWB_ROLE_BTF:
                return SWB_LOT_TYPES;
        case SWB_ROLE_VERSIONS:
        case SWB_ROLE_CHECKSUMS:
                return SWB_LOT_CHECKSUMS;
        case SWB_ROLE_POINTERS:
        case SWB_ROLE_CONSTANTS:
        case SWB_ROLE_PLACES:
        case SWB_ROLE_IMAGE:
                return SWB_LOT_DATA;
        case SWB_ROLE_OTHER:
        case SWB_ROLE_NO_CONTENT:
        case _SWB_ROLE_MAX:
                break;
        }
        return by_type(section, name);
}

static void read_name(const struct swb_elf *elf, const struct swb_section *section,
                      char name[static NAME_BYTES])
{
        for (size_t i = 0; i < NAME_BYTES; i += 8)
                swb_put_le64((uint8_t *)name + i,
                             swb_elf_u64(elf, (uint64_t)elf->names_offset + section->name + i));
        name[NAME_BYTES - 1] = '\0';
}

static int add_sections(const struct swb_examine *e, const struct swb_elf *elf,
                        struct swb_sort *sort)
{
        int r = 0;

        for (size_t i = 0; i < elf->n_by_spot && r == 0; i++) {
                const struct swb_section *section = &elf->sections[elf->by_spot[i]];
                uint64_t end = (uint64_t)section->offset + section->n_bytes;
                char name[NAME_BYTES];

                if (section->type == SHT_NOBITS || end > e->n_logical)
                        continue;
                read_name(elf, section, name);
                r = add_region(sort, swb_examine_place(e, section->offset).stored, SWB_LOT_HEADERS);
                if (r == 0)
                        r = add_region(sort, swb_examine_place(e, end).stored,
                                       lot_of(section, name));
        }
        return r;
}

/* ---- a module's signature: the last bytes of the file */

/* Where it begins; n_bytes: there is none. */
static int find_signature(const struct swb_examine *e, uint64_t *ret)
{
        uint8_t tail[2 * SWB_BLOCK_BYTES];
        size_t n = (size_t)SWB_MIN((uint64_t)sizeof(tail), e->n_bytes);
        uint64_t start = e->n_bytes - n, length;
        int r = swb_examine_read_stored(e, start, n, tail);

        *ret = e->n_bytes;
        while (r == 0 && n > 0 && tail[n - 1] == 0)
                n--;
        if (r < 0 || n < SIGNED_SIZES_BYTES + SIGNED_MARK_BYTES ||
            memcmp(tail + n - SIGNED_MARK_BYTES, SIGNED_MARK, SIGNED_MARK_BYTES) != 0)
                return r;
        n -= SIGNED_MARK_BYTES;
        length = swb_get_be32(tail + n - 4);
        n -= SIGNED_SIZES_BYTES;
        *ret = start + n - SWB_MIN(length, start + n);
        return 0;
}

static void cut_at(struct swb_sort *sort, uint64_t end)
{
        while (sort->n > 0 && sort->regions[sort->n - 1].begin >= end)
                sort->n--;
        if (sort->n > 0)
                sort->regions[sort->n - 1].end = SWB_MIN(sort->regions[sort->n - 1].end, end);
}

static int add_rest(const struct swb_examine *e, struct swb_sort *sort)
{
        uint64_t signature;
        int r = find_signature(e, &signature);

        if (r < 0)
                return r;
        cut_at(sort, signature);
        r = add_region(sort, signature, SWB_LOT_HEADERS);
        if (r == 0)
                r = add_region(sort, e->n_bytes, SWB_LOT_SIGNATURE);
        return r < 0 ? swb_oom(e->err) : 0;
}

static int read_file(void *context, uint64_t offset, uint8_t *data, size_t n)
{
        return swb_examine_read(context, offset, n, data);
}

int swb_lots_find(const struct swb_image *image, const struct swb_file *file, struct swb_sort *sort,
                  struct swb_error *err)
{
        struct swb_examine e = {.image = image,
                                .file = file,
                                .n_bytes = file->blocks.n_blocks * SWB_BLOCK_BYTES,
                                .err = err};
        struct swb_view view;
        struct swb_elf elf;
        int r;

        e.n_logical = e.n_bytes;
        for (size_t i = 0; i < file->n_holes; i++)
                e.n_logical += file->holes[i].n_blocks * SWB_BLOCK_BYTES;
        view = SWB_VIEW_OF(read_file, &e, e.n_logical);
        r = swb_elf_init(&elf, &view);
        if (r == 0 && elf.n_sections > 0)
                r = add_sections(&e, &elf, sort);
        if (r == 0)
                r = swb_view_error(&view);
        if (r < 0)
                r = swb_fail_errno(err, r, "look into '%s'", file->path);
        if (r == 0 && sort->n > 0)
                r = add_rest(&e, sort);
        swb_elf_done(&elf);
        swb_view_done(&view);
        return r;
}
