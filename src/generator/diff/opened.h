/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/diff/opened.h - a difference between contents that were opened
 */
#include "base/buf.h"
#include "generator/plan/rules.h"
#include "generator/plan/task.h"

struct swb_opened_pair {
        const struct swb_rules *rules;
        const struct swb_task *task;
        const uint8_t *old, *new; /* of the whole task */
        const char *folder;       /* for what is not to take memory; NULL: all is in memory */
        uint64_t max_bytes;       /* of either content, that are compared at once */
};

enum { SWB_OPENED = 1, SWB_NOT_OPENED = 0 };

/*
 * Appends the difference, in the format SWO1, when something of both contents opens, and a device
 * has the memory for it. Return: SWB_OPENED, SWB_NOT_OPENED, -E2BIG (patch's ceiling), -ENOMEM, or
 * what writing to the folder gave.
 */
int swb_opened_diff(const struct swb_opened_pair *pair, struct swb_buf *patch) _warn_unused_;
