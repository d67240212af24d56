/* SPDX-License-Identifier: Apache-2.0 */
#include "predict/image.h"

#include <elf.h>
#include <string.h>

#include "base/endian.h"
#include "predict/window.h"

#define MAGIC_AT 56u
#define MEMORY_SIZE_AT 16u
#define IMAGE_MIN_BYTES ((uint64_t)64 << 10)
/* Where kernels are linked that do not tell: any address that nothing else is. */
#define BASE_UNKNOWN 0xffff800008000000u
/* Kernels begin at a multiple of this. */
#define BASE_ALIGNMENT ((uint64_t)2 << 20)

#define TYPES_MAGIC 0x0001eb9fu
#define TYPES_HEADER_BYTES 24u
#define RELATIVE 0x403u /* R_AARCH64_RELATIVE without a symbol */
/* So many relocations in a row are no accident. */
#define RELOCATIONS_MIN 1024u

struct range {
        uint64_t begin, end;
};

bool swb_image_is(const uint8_t *start, size_t n, uint64_t n_content)
{
        static const uint8_t magic[] = {'A', 'R', 'M', 0x64};

        return n >= SWB_ELF_HEADER_BYTES && n_content >= IMAGE_MIN_BYTES &&
               n_content <= SWB_ELF_MAX_BYTES &&
               memcmp(start + MAGIC_AT, magic, sizeof(magic)) == 0;
}

/* The header with its two tables, one behind the other, and both in the file. */
static bool are_types(const uint8_t *p, uint64_t at, uint64_t n_bytes, struct range *ret)
{
        uint64_t n_types, strings;

        if (swb_get_le32(p) != TYPES_MAGIC || swb_get_le32(p + 4) != TYPES_HEADER_BYTES ||
            swb_get_le32(p + 8) != 0)
                return false;
        n_types = swb_get_le32(p + 12);
        strings = swb_get_le32(p + 16);
        *ret = (struct range){at, at + TYPES_HEADER_BYTES + strings + swb_get_le32(p + 20)};
        return strings >= n_types && ret->end <= n_bytes;
}

static struct range find_types(struct swb_view *view)
{
        struct swb_window window = {.view = view};
        struct range types;

        for (uint64_t at = 0; at + TYPES_HEADER_BYTES <= view->n_bytes; at += 4)
                if (are_types(swb_window_at(&window, at), at, view->n_bytes, &types))
                        return types;
        return (struct range){0, 0};
}

/* The first long run of relative relocations from `at` on; ret_least: of their addends. */
static struct range find_relocations(struct swb_view *view, uint64_t at, uint64_t *ret_least)
{
        struct swb_window window = {.view = view};
        uint64_t begin = at, n = 0, least = UINT64_MAX;

        while (at + SWB_ELF_RELA_BYTES <= view->n_bytes) {
                const uint8_t *p = swb_window_at(&window, at);

                if (swb_get_le64(p + 8) == RELATIVE) {
                        least = SWB_MIN(least, swb_get_le64(p + 16));
                        at += SWB_ELF_RELA_BYTES;
                        n++;
                        continue;
                }
                if (n >= RELOCATIONS_MIN)
                        break;
                at += 8;
                begin = at;
                n = 0;
                least = UINT64_MAX;
        }
        if (n < RELOCATIONS_MIN)
                return (struct range){view->n_bytes, view->n_bytes};
        *ret_least = least;
        return (struct range){begin, at};
}

static struct swb_section section_of(uint64_t base, uint64_t begin, uint64_t end, uint32_t type,
                                     enum swb_role role)
{
        return (struct swb_section){
                .address = base + begin,
                .flags = SHF_ALLOC,
                .offset = (uint32_t)begin,
                .n_bytes = (uint32_t)(end - begin),
                .spot = (uint32_t)begin,
                .type = type,
                .name = UINT32_MAX,
                .role = role,
        };
}

void swb_image_sections(struct swb_view *view, struct swb_section sections[SWB_IMAGE_SECTIONS])
{
        struct range types = find_types(view), rela;
        uint64_t base = BASE_UNKNOWN, n = view->n_bytes, memory;
        const uint8_t *p = swb_view_at(view, MEMORY_SIZE_AT, 8);

        memory = p ? swb_get_le64(p) : 0;
        memory = SWB_MIN(SWB_MAX(memory, n), n + SWB_ELF_MAX_BYTES);
        rela = find_relocations(view, (types.end + 7) & ~UINT64_C(7), &base);
        base &= ~(BASE_ALIGNMENT - 1);
        sections[SWB_IMAGE_HEAD] = section_of(base, 0, types.begin, SHT_PROGBITS, SWB_ROLE_IMAGE);
        sections[SWB_IMAGE_TYPES] =
                section_of(base, types.begin, types.end, SHT_PROGBITS, SWB_ROLE_BTF);
        sections[SWB_IMAGE_MIDDLE] =
                section_of(base, types.end, rela.begin, SHT_PROGBITS, SWB_ROLE_IMAGE);
        sections[SWB_IMAGE_RELA] = section_of(base, rela.begin, rela.end, SHT_RELA, SWB_ROLE_RELA);
        sections[SWB_IMAGE_RELA].record = SWB_ELF_RELA_BYTES;
        sections[SWB_IMAGE_REST] = section_of(base, rela.end, n, SHT_PROGBITS, SWB_ROLE_IMAGE);
        sections[SWB_IMAGE_BSS] = section_of(base, n, memory, SHT_NOBITS, SWB_ROLE_NO_CONTENT);
        sections[SWB_IMAGE_BSS].spot = SWB_SPOT_NONE;
}
