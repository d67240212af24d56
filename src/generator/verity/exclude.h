/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/verity/exclude.h - a plan without the blocks that the device makes
 */
#include "generator/plan/task.h"

/* Takes the blocks of an extent out of what the tasks write; tasks that wrote nothing else are
 * dropped. 0, -ENOMEM. */
int swb_task_list_exclude(struct swb_task_list *tasks,
                          const struct swb_extent *extent) _warn_unused_;
