/* SPDX-License-Identifier: Apache-2.0 */
/* The fields of a raw kernel image, page by page. Spec: docs/design/delta.md, PA-102 to PA-104. */
#include "predict/program.h"

#include "base/endian.h"
#include "predict/window.h"

#define PAGE_BYTES 4096u
/* So many of a page's instructions are of the commonest kinds where it is code; in code it is half
 * of them, in data a few. */
#define COMMON_MIN 144u
/* Nearer things are mostly numbers, not distances. */
#define DISTANCE_MIN 4096u
/* A table's records have at most so many bytes. */
#define NEIGHBOURS_BYTES 16u
/* So many of the words about it lead, too. */
#define ALIKE_MIN 2u
/* What they lead to is as near as this, or else so far off that numbers are not that large. */
#define NEAR_BYTES ((uint32_t)64 << 10)
#define FAR_BYTES ((uint32_t)1 << 20)

/* Calls, pages of addresses, pairs of registers, loads, additions, moves, system. No text is such.
 */
static bool is_common(uint32_t instruction)
{
        switch (instruction >> 24) {
        case 0x91:
        case 0xa8:
        case 0xa9:
        case 0xaa:
        case 0xb9:
        case 0xd1:
        case 0xd2:
        case 0xd5:
        case 0xd6:
        case 0xf2:
        case 0xf9:
                return true;
        default:
                return (instruction & 0xfc000000) == 0x94000000 ||
                       (instruction & 0x9f000000) == 0x90000000;
        }
}

static bool is_code(struct swb_window *window, uint64_t page, uint64_t n_content)
{
        unsigned n = 0;

        for (uint64_t at = page; at < page + PAGE_BYTES && at + 4 <= n_content; at += 4)
                n += is_common(swb_get_le32(swb_window_at(window, at)));
        return n >= COMMON_MIN;
}

/* ---- distances: those of tables, whose records lead to places near to each other */

static bool leads(const struct swb_program *program, const struct swb_section *s, uint64_t at,
                  uint32_t value)
{
        return value + DISTANCE_MIN >= 2 * DISTANCE_MIN &&
               swb_elf_at_address(&program->elf,
                                  swb_elf_address(s, at) + (uint64_t)(int64_t)(int32_t)value);
}

/* The same number twice is a number. */
static bool are_alike(uint32_t value, uint32_t other)
{
        return value != other &&
               (other - value + NEAR_BYTES < 2 * NEAR_BYTES || value + FAR_BYTES >= 2 * FAR_BYTES);
}

static bool is_distance(const struct swb_program *program, const struct swb_section *s, uint64_t at,
                        const uint8_t *p)
{
        uint64_t end = s->offset + (uint64_t)s->n_bytes;
        uint32_t value = swb_get_le32(p);
        unsigned n_alike = 0;

        if (!leads(program, s, at, value))
                return false;
        for (uint64_t i = 4; i <= NEIGHBOURS_BYTES; i += 4) {
                uint32_t before = swb_get_le32(p - i), behind = swb_get_le32(p + i);

                n_alike += at - s->offset >= i && are_alike(value, before) &&
                           leads(program, s, at - i, before);
                n_alike += at + i + 4 <= end && are_alike(value, behind) &&
                           leads(program, s, at + i, behind);
        }
        return n_alike >= ALIKE_MIN;
}

void swb_distances_find(struct swb_program *program, const struct swb_section *s,
                        struct swb_window *window, uint64_t begin, uint64_t end)
{
        for (uint64_t at = (begin + 3) & ~UINT64_C(3); at + 4 <= end; at += 4)
                if (is_distance(program, s, at, swb_window_at(window, at)))
                        swb_fields_add(&program->fields, at, SWB_FIELD_DISTANCE);
}

/* What lies between two relocated words. */
static void find_between(struct swb_program *program, const struct swb_section *s,
                         struct swb_window *window, uint64_t begin, uint64_t end, bool code)
{
        if (code)
                swb_arm64_find_between(program, s, begin, end);
        else
                swb_distances_find(program, s, window, begin, end);
}

static void find_in_page(struct swb_program *program, const struct swb_section *s,
                         struct swb_window *window, uint64_t begin, uint64_t end)
{
        bool code = is_code(window, begin - begin % PAGE_BYTES, program->elf.view->n_bytes);
        uint64_t at;

        while (swb_relr_place(program, s, begin, end, &at)) {
                find_between(program, s, window, begin, at, code);
                swb_pointer_add(program, at);
                begin = (at + 8 + 3) & ~UINT64_C(3);
        }
        find_between(program, s, window, begin, end, code);
}

void swb_image_find(struct swb_program *program, const struct swb_section *s)
{
        const struct swb_kallsyms *list = &program->kallsyms;
        struct swb_window window = {.view = program->elf.view};
        uint64_t at = (s->offset + 3u) & ~UINT64_C(3), end = s->offset + (uint64_t)s->n_bytes;

        while (at < end) {
                uint64_t page = at - at % PAGE_BYTES, stop = SWB_MIN(page + PAGE_BYTES, end);

                if (list->n > 0 && at == list->first) {
                        swb_kallsyms_find(program);
                        at = (list->end + 3u) & ~UINT64_C(3);
                        continue;
                }
                if (list->n > 0 && list->first > at && list->first < stop)
                        stop = list->first;
                find_in_page(program, s, &window, at, stop);
                at = stop;
        }
}
