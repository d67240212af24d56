/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/scan/extents.h"

void swb_extent_list_done(struct swb_extent_list *list)
{
        free(list->items);
        *list = (struct swb_extent_list){0};
}

static int grow(struct swb_extent_list *list)
{
        size_t cap = list->cap ? list->cap * 2 : 4;
        struct swb_extent *items;

        items = reallocarray(list->items, cap, sizeof(*items));
        if (!items)
                return -ENOMEM;
        list->items = items;
        list->cap = cap;
        return 0;
}

int swb_extent_list_add(struct swb_extent_list *list, uint64_t start_block, uint64_t n_blocks)
{
        struct swb_extent *last = list->n ? &list->items[list->n - 1] : NULL;

        if (n_blocks == 0)
                return 0;
        if (last && (last->start_block == SWB_SPARSE_HOLE
                             ? start_block == SWB_SPARSE_HOLE
                             : last->start_block + last->n_blocks == start_block)) {
                last->n_blocks += n_blocks;
        } else {
                if (list->n == list->cap && grow(list) < 0)
                        return -ENOMEM;
                list->items[list->n++] =
                        (struct swb_extent){.start_block = start_block, .n_blocks = n_blocks};
        }
        list->n_blocks += n_blocks;
        return 0;
}

int swb_extent_list_append(struct swb_extent_list *list, const struct swb_extent *extents, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (swb_extent_list_add(list, extents[i].start_block, extents[i].n_blocks) < 0)
                        return -ENOMEM;
        return 0;
}

int swb_extent_list_append_slice(struct swb_extent_list *list, const struct swb_extent_list *from,
                                 uint64_t skip, uint64_t n_blocks)
{
        for (size_t i = 0; i < from->n && n_blocks > 0; i++) {
                const struct swb_extent *e = &from->items[i];
                uint64_t n;

                if (skip >= e->n_blocks) {
                        skip -= e->n_blocks;
                        continue;
                }
                n = SWB_MIN(e->n_blocks - skip, n_blocks);
                if (swb_extent_list_add(list,
                                        e->start_block == SWB_SPARSE_HOLE ? SWB_SPARSE_HOLE
                                                                          : e->start_block + skip,
                                        n) < 0)
                        return -ENOMEM;
                skip = 0;
                n_blocks -= n;
        }
        return 0;
}
