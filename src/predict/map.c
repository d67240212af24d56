/* SPDX-License-Identifier: Apache-2.0 */
#include "predict/map.h"

static int compare_pieces(const void *a, const void *b)
{
        const struct swb_map_piece *x = a, *y = b;

        if (x->old != y->old)
                return x->old < y->old ? -1 : 1;
        if (x->n != y->n)
                return x->n > y->n ? -1 : 1;
        return x->shift < y->shift ? -1 : x->shift > y->shift;
}

/* Only what went from a section to the same section says something about addresses there. */
static bool clip(const struct swb_elf *elf, const struct swb_layout *layout,
                 const struct swb_section *s, const struct swb_copy *copy,
                 struct swb_map_piece *ret)
{
        const struct swb_layout_section *to = &layout->sections[s - elf->sections];
        int64_t shift = (int64_t)(copy->new - copy->old);
        int64_t begin = (int64_t)SWB_MAX(copy->old, (uint64_t)s->offset);
        int64_t end = (int64_t)SWB_MIN(copy->old + copy->n_bytes, (uint64_t)s->offset + s->n_bytes);

        begin = SWB_MAX(begin, (int64_t)to->offset - shift);
        end = SWB_MIN(end, (int64_t)to->offset + to->n_bytes - shift);
        if (to->gone || begin >= end || shift < INT32_MIN || shift > INT32_MAX)
                return false;
        *ret = (struct swb_map_piece){(uint32_t)begin, (uint32_t)(end - begin), (int32_t)shift};
        return true;
}

static size_t first_section(const struct swb_elf *elf, uint64_t old)
{
        size_t low = 0, high = elf->n_by_spot;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                const struct swb_section *s = &elf->sections[elf->by_spot[middle]];

                if ((uint64_t)s->spot + s->n_bytes <= old)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static bool add_piece(struct swb_map *map, size_t *cap, size_t max_memory,
                      const struct swb_map_piece *piece, int *ret_error)
{
        if (map->n_pieces == *cap) {
                size_t bigger_cap = *cap ? *cap * 2 : 64;
                struct swb_map_piece *bigger;

                if (bigger_cap > max_memory / sizeof(*bigger)) {
                        *ret_error = -E2BIG;
                        return false;
                }
                bigger = reallocarray(map->pieces, bigger_cap, sizeof(*bigger));
                if (!bigger) {
                        *ret_error = -ENOMEM;
                        return false;
                }
                map->pieces = bigger;
                map->n_memory = bigger_cap * sizeof(*bigger);
                *cap = bigger_cap;
        }
        map->pieces[map->n_pieces++] = *piece;
        return true;
}

/* Where two say something of the same bytes, the longer one is believed. */
static void drop_overlaps(struct swb_map *map)
{
        size_t n = 0;
        uint32_t length = 0; /* of the last one, before anything was cut off */

        for (size_t i = 0; i < map->n_pieces; i++) {
                struct swb_map_piece piece = map->pieces[i];
                uint32_t end = piece.old + piece.n, whole = piece.n;

                if (n > 0) {
                        struct swb_map_piece *last = &map->pieces[n - 1];
                        uint32_t last_end = last->old + last->n;

                        if (piece.old < last_end && whole > length) {
                                piece.old = SWB_MAX(piece.old, last->old);
                                last->n = piece.old - last->old;
                                n -= last->n == 0;
                        } else if (piece.old < last_end) {
                                piece.old = last_end;
                        }
                        if (piece.old >= end)
                                continue;
                        piece.n = end - piece.old;
                }
                map->pieces[n++] = piece;
                length = whole;
        }
        map->n_pieces = n;
}

int swb_map_init(struct swb_map *map, const struct swb_elf *elf, const struct swb_layout *layout,
                 const struct swb_copy *copies, size_t n_copies, size_t max_memory)
{
        size_t cap = 0;
        int error = 0;

        *map = (struct swb_map){0};
        for (size_t i = 0; i < n_copies; i++) {
                const struct swb_copy *copy = &copies[i];

                if (copy->old > SWB_ELF_MAX_BYTES || copy->n_bytes > SWB_ELF_MAX_BYTES ||
                    copy->new > SWB_ELF_MAX_BYTES)
                        continue;
                for (size_t k = first_section(elf, copy->old); k < elf->n_by_spot; k++) {
                        const struct swb_section *s = &elf->sections[elf->by_spot[k]];
                        struct swb_map_piece piece;

                        if (s->spot >= copy->old + copy->n_bytes)
                                break;
                        if (s->role != SWB_ROLE_NO_CONTENT && clip(elf, layout, s, copy, &piece) &&
                            !add_piece(map, &cap, max_memory, &piece, &error))
                                return error;
                }
        }
        if (map->n_pieces > 0) {
                qsort(map->pieces, map->n_pieces, sizeof(*map->pieces), compare_pieces);
                drop_overlaps(map);
        }
        return 0;
}

void swb_map_done(struct swb_map *map)
{
        free(map->pieces);
        *map = (struct swb_map){0};
}

size_t swb_map_find(const struct swb_map *map, uint32_t begin, uint32_t spot)
{
        size_t low = 0, high = map->n_pieces;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (map->pieces[middle].old <= spot)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low > 0 && map->pieces[low - 1].old >= begin ? low : 0;
}

int64_t swb_map_shift(const struct swb_map *map, uint32_t begin, uint32_t spot, int64_t otherwise)
{
        size_t number = swb_map_find(map, begin, spot);

        return number > 0 ? map->pieces[number - 1].shift : otherwise;
}

uint64_t swb_map_moved(const struct swb_map *map, const struct swb_elf *elf,
                       const struct swb_layout *layout, uint32_t spot, bool in_section)
{
        const struct swb_section *s = swb_elf_at_spot(elf, spot);
        const struct swb_layout_section *to;
        int64_t moved, shift = 0;

        if (!s)
                return 0;
        to = &layout->sections[s - elf->sections];
        moved = (int64_t)to->offset - s->offset;
        if (s->role != SWB_ROLE_NO_CONTENT)
                shift = swb_map_shift(map, s->offset, spot, moved) - moved;
        return (uint64_t)shift + (in_section ? 0 : to->address - s->address);
}
