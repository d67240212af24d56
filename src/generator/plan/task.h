/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/plan/task.h - a piece of the target and how it is to be made
 *
 * The plan's product and the packer's food. Tasks of a partition write each of its blocks exactly
 * once.
 */
#include "generator/scan/content.h"
#include "generator/scan/extents.h"
#include "open/recipe.h"

enum swb_task_kind {
        SWB_TASK_ZERO,
        SWB_TASK_COPY,    /* src blocks, one for one */
        SWB_TASK_DIFF,    /* dst from src by a difference, if that is smaller than without */
        SWB_TASK_REPLACE, /* dst without src, one operation */
};

/* So many blocks of src, and the blocks of dst that are made of them. */
struct swb_task_part {
        uint64_t src_blocks, dst_blocks;
};

struct swb_task {
        enum swb_task_kind kind;
        struct swb_extent_list src, dst;
        /* DIFF: together all of src and dst, each searched by itself. None: all is one part. */
        struct swb_task_part *parts;
        size_t n_parts, parts_cap;
        /* REPLACE: what the blocks hold. None: not examined. */
        struct swb_split_regions regions;
        /* DIFF of contents that are worth opening: what they open to, in bytes. 0: as they are. */
        uint64_t n_opened_old, n_opened_new;
        struct swb_recipe *known; /* how the new one opens, if that is known; owned */
};

struct swb_task_list {
        struct swb_task *items;
        size_t n, cap;
};

/* Appends an empty task; NULL when out of memory. The pointer is good until the next call. */
struct swb_task *swb_task_list_add(struct swb_task_list *list, enum swb_task_kind kind);
void swb_task_list_done(struct swb_task_list *list);

/*
 * Joins neighbouring DIFF tasks into one of several parts until it has so many blocks of the source
 * or of the target: one compression over many files. 0, -ENOMEM.
 */
int swb_task_list_join(struct swb_task_list *list, uint64_t src_blocks,
                       uint64_t dst_blocks) _warn_unused_;

/* Cuts blocks into REPLACE tasks of at most chunk_blocks each. 0, -ENOMEM. */
int swb_task_list_add_replace(struct swb_task_list *list, const struct swb_extent_list *dst,
                              uint64_t chunk_blocks) _warn_unused_;
