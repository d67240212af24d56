/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/scan/extents.h - a list of block runs that grows
 *
 * Keeps the order in which blocks were added; a block that follows the last one lengthens its run.
 */
#include "payload/format.h"

struct swb_extent_list {
        struct swb_extent *items;
        size_t n, cap;
        uint64_t n_blocks; /* in all runs */
};

void swb_extent_list_done(struct swb_extent_list *list);

/* Return: 0 or -ENOMEM. */
int swb_extent_list_add(struct swb_extent_list *list, uint64_t start_block,
                        uint64_t n_blocks) _warn_unused_;
int swb_extent_list_append(struct swb_extent_list *list, const struct swb_extent *extents,
                           size_t n) _warn_unused_;

/* Appends to `list` the blocks [skip, skip + n_blocks) of `from`, counted in list order; less when
 * `from` is shorter. */
int swb_extent_list_append_slice(struct swb_extent_list *list, const struct swb_extent_list *from,
                                 uint64_t skip, uint64_t n_blocks) _warn_unused_;
