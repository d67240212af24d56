/* SPDX-License-Identifier: Apache-2.0 */
#include "predict/image.h"

#include <elf.h>
#include <string.h>

#include "base/endian.h"
#include "predict/relr.h"
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

/* Of a table of bits so many words are looked at, and so many must be addresses. */
#define PLACES_SEEN 64u
#define PLACES_ALIKE 48u
/* So many candidates are looked at. */
#define TABLES_MAX 16u

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

/* ---- relocations as words of bits */

static bool is_address(uint64_t word)
{
        return word >> 48 == 0xffff && word % 8 == 0;
}

/* The end of the words that may be such a table; ret_n: of the bits. */
static uint64_t end_of_words(struct swb_view *view, uint64_t at, uint64_t *ret_n)
{
        struct swb_window window = {.view = view};
        uint64_t first = swb_get_le64(swb_window_at(&window, at)), where = first + 8, n = 0;

        for (at += 8; at + 8 <= view->n_bytes; at += 8) {
                uint64_t word = swb_get_le64(swb_window_at(&window, at));

                if (word % 2 != 0) {
                        n += (uint64_t)__builtin_popcountll(word) - 1;
                        where += 63 * 8u;
                } else if (word >= where && word - first < SWB_ELF_MAX_BYTES) {
                        where = word + 8;
                } else {
                        break;
                }
        }
        *ret_n = n;
        return at;
}

/* Of the first words that the table names: how many would be addresses, if the image were linked
 * to that? */
static unsigned count_addresses(struct swb_view *view, const struct range *words, uint64_t base,
                                uint64_t memory)
{
        struct swb_relr_walk walk = {.at = words->begin, .end = words->end};
        unsigned n = 0;

        for (unsigned i = 0; i < PLACES_SEEN && swb_relr_next(view, &walk); i++) {
                const uint8_t *p = swb_view_at(view, walk.place - base, 8);

                n += p && swb_get_le64(p) - base < memory;
        }
        return n;
}

/* The address to which the image was linked is that with which most words are addresses; 0: with
 * none they are. */
static uint64_t base_of(struct swb_view *view, const struct range *words, uint64_t memory)
{
        const uint8_t *p = swb_view_at(view, words->begin, 8);
        uint64_t first = p ? swb_get_le64(p) : 0, found = 0;
        unsigned most = PLACES_ALIKE - 1;

        for (uint64_t base = first & ~(BASE_ALIGNMENT - 1); first - base < view->n_bytes;
             base -= BASE_ALIGNMENT) {
                unsigned n = count_addresses(view, words, base, memory);

                if (n > most) {
                        most = n;
                        found = base;
                }
        }
        return found;
}

/* The first table from `at` on whose bits name enough words, and these are addresses. */
static struct range find_words(struct swb_view *view, uint64_t at, uint64_t memory,
                               uint64_t *ret_base)
{
        struct swb_window window = {.view = view};
        unsigned tries = TABLES_MAX;

        while (at + 8 <= view->n_bytes && tries > 0) {
                struct range words = {at, at};
                uint64_t n, base;

                if (!is_address(swb_get_le64(swb_window_at(&window, at)))) {
                        at += 8;
                        continue;
                }
                words.end = end_of_words(view, at, &n);
                at = words.end;
                if (n < RELOCATIONS_MIN)
                        continue;
                tries--;
                base = base_of(view, &words, memory);
                if (base != 0) {
                        *ret_base = base;
                        return words;
                }
        }
        return (struct range){view->n_bytes, view->n_bytes};
}

/* ---- sections */

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
        uint32_t type = SHT_RELA;
        const uint8_t *p = swb_view_at(view, MEMORY_SIZE_AT, 8);

        memory = p ? swb_get_le64(p) : 0;
        memory = SWB_MIN(SWB_MAX(memory, n), n + SWB_ELF_MAX_BYTES);
        rela = find_relocations(view, (types.end + 7) & ~UINT64_C(7), &base);
        if (rela.begin == rela.end) {
                rela = find_words(view, (types.end + 7) & ~UINT64_C(7), memory, &base);
                type = SHT_RELR;
        }
        base &= ~(BASE_ALIGNMENT - 1);
        sections[SWB_IMAGE_HEAD] = section_of(base, 0, types.begin, SHT_PROGBITS, SWB_ROLE_IMAGE);
        sections[SWB_IMAGE_TYPES] =
                section_of(base, types.begin, types.end, SHT_PROGBITS, SWB_ROLE_BTF);
        sections[SWB_IMAGE_MIDDLE] =
                section_of(base, types.end, rela.begin, SHT_PROGBITS, SWB_ROLE_IMAGE);
        sections[SWB_IMAGE_RELOCATIONS] = section_of(
                base, rela.begin, rela.end, type, type == SHT_RELA ? SWB_ROLE_RELA : SWB_ROLE_RELR);
        sections[SWB_IMAGE_REST] = section_of(base, rela.end, n, SHT_PROGBITS, SWB_ROLE_IMAGE);
        sections[SWB_IMAGE_BSS] = section_of(base, n, memory, SHT_NOBITS, SWB_ROLE_NO_CONTENT);
        sections[SWB_IMAGE_BSS].spot = SWB_SPOT_NONE;
}
