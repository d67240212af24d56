/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/diff/make.h - from a task to the operations that do it
 */
#include "generator/diff/operations.h"
#include "generator/plan/task.h"
#include "generator/scan/image.h"

struct swb_cache;

struct swb_make {
        const struct swb_rules *rules;
        const struct swb_image *old; /* NULL: full payload */
        const struct swb_image *new;
        struct swb_spool *spool;
        struct swb_cache *cache; /* NULL: everything is made anew */
        const char *folder;      /* for what is not to take memory; NULL: all is in memory */
        uint64_t memory_bytes;   /* of the whole budget */
};

/* Appends the operations of one task. Thread-safe for different lists. IO, NO_SPACE, NO_MEMORY. */
int swb_make_task(const struct swb_make *make, const struct swb_task *task,
                  struct swb_operation_list *ret_operations, struct swb_error *err) _warn_unused_;

/* The memory it takes at most, of a budget. */
uint64_t swb_make_memory(const struct swb_rules *rules, const struct swb_task *task,
                         uint64_t budget_bytes);
/* The largest number of blocks, of old and new content each, whose difference fits a budget; 0 =
 * none. */
uint64_t swb_make_diff_blocks(const struct swb_rules *rules, uint64_t memory_bytes);
