/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/plan/plan.h - from two scanned images to the tasks that make the new one
 */
#include "generator/plan/closed_list.h"
#include "generator/plan/rules.h"
#include "generator/plan/task.h"
#include "generator/plan/windows.h"
#include "generator/scan/blocks.h"
#include "generator/scan/scan.h"

struct swb_plan_side {
        const struct swb_scan *scan;
        const struct swb_blocks *blocks;
};

struct swb_plan_input {
        const struct swb_rules *rules;
        const struct swb_pool *pool;
        const struct swb_plan_side *old; /* NULL: full payload */
        struct swb_plan_side new;
        struct swb_window_limits limits;
        struct swb_closed_list *closed; /* takes what is packed; NULL: nobody asks */
};

/*
 * Appends the partition's tasks, each block of the target in exactly one. The same for any number
 * of threads; depends on the memory budget through the limits only. Return: 0, IO, NO_MEMORY.
 */
int swb_plan_partition(const struct swb_plan_input *input, struct swb_task_list *tasks,
                       struct swb_error *err) _warn_unused_;
