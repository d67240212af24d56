/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/plan/task.h - a piece of the target and how it is to be made
 *
 * The plan's product and the packer's food. Tasks of a partition write each of its blocks exactly
 * once.
 */
#include "generator/scan/extents.h"

enum swb_task_kind {
        SWB_TASK_ZERO,
        SWB_TASK_COPY,    /* src blocks, one for one */
        SWB_TASK_DIFF,    /* dst from src by a difference, if that is smaller than without */
        SWB_TASK_REPLACE, /* dst without src, one operation */
};

struct swb_task {
        enum swb_task_kind kind;
        struct swb_extent_list src, dst;
};

struct swb_task_list {
        struct swb_task *items;
        size_t n, cap;
};

/* Appends an empty task; NULL when out of memory. The pointer is good until the next call. */
struct swb_task *swb_task_list_add(struct swb_task_list *list, enum swb_task_kind kind);
void swb_task_list_done(struct swb_task_list *list);

/* Cuts blocks into REPLACE tasks of at most chunk_blocks each. 0, -ENOMEM. */
int swb_task_list_add_replace(struct swb_task_list *list, const struct swb_extent_list *dst,
                              uint64_t chunk_blocks) _warn_unused_;
