/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/plan/whole.h - new content without an old one, like beside like
 *
 * For full payloads of our own profile: files are examined, put in an order in which neighbours
 * resemble each other, and cut into REPLACE tasks that are long, but not too long when packed: an
 * operation is what a cut can cost.
 */
#include "generator/pack/pool.h"
#include "generator/plan/task.h"
#include "generator/scan/scan.h"

/*
 * Appends tasks for all blocks of which is_wanted[block] is true. The same for any number of
 * threads. Return: 0, IO, NO_MEMORY.
 */
int swb_whole_plan(const struct swb_pool *pool, const struct swb_scan *scan, const bool *is_wanted,
                   struct swb_task_list *tasks, struct swb_error *err) _warn_unused_;
