/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/prepare.h - a partition's images on their way to tasks: opened, scanned, hashed,
 * planned
 */
#include "generator/plan/plan.h"
#include "generator/scan/image.h"

struct swb_prepared_side {
        struct swb_image *image;
        struct swb_scan *scan;    /* until planned */
        struct swb_blocks blocks; /* until planned; the image's hash stays */
};

struct swb_prepared {
        const char *name;                  /* borrowed, for messages */
        struct swb_prepared_side old, new; /* old.image NULL: full */
        struct swb_task_list tasks;
        struct swb_closed_list closed; /* planned: what may stay packed */
        char note[192];                /* what the user should know, "" = nothing */
};

/* How large contents are cut: each difference fits the memory. */
struct swb_window_limits swb_prepared_limits(const struct swb_rules *rules, uint64_t memory_bytes);

/* Opens and scans. old_path NULL: full; then the image's files are looked at only if by_files.
 * NOT_FOUND, FORMAT, LIMIT, IO, NO_MEMORY. */
int swb_prepared_init(struct swb_prepared *p, const char *name, const char *old_path,
                      const char *new_path, bool by_files, struct swb_error *err) _warn_unused_;
void swb_prepared_done(struct swb_prepared *p);

/* The memory that planning takes at most for what it knows of each block, with room for a job.
 * Partitions must be open. */
uint64_t swb_prepared_memory(const struct swb_prepared *partitions, size_t n);

/* Hashes the images of all partitions side by side. */
int swb_prepared_hash(struct swb_prepared *partitions, size_t n, const struct swb_pool *pool,
                      struct swb_error *err) _warn_unused_;

/* Fills the tasks and lets go of what only the plan needed. */
int swb_prepared_plan(struct swb_prepared *p, const struct swb_rules *rules,
                      const struct swb_pool *pool, const struct swb_window_limits *limits,
                      struct swb_error *err) _warn_unused_;
