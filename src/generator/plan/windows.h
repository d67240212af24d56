/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/plan/windows.h - large contents in pieces that fit the memory
 *
 * A difference needs several times the old content's size in memory to make. Contents above the
 * limits, whatever their size, are cut: each piece of the new one gets that part of the old one in
 * which most of its content is found again, wherever it stands. Pieces that are not found again at
 * all (compressed data) are not worth a difference.
 */
#include "generator/pack/pool.h"
#include "generator/plan/task.h"
#include "generator/scan/image.h"

struct swb_window_limits {
        uint64_t whole_blocks;   /* old and new contents up to this are not cut */
        uint64_t program_blocks; /* the same of those whose addresses are predicted */
        uint64_t src_blocks;     /* of the old content in one difference */
        uint64_t dst_blocks;     /* of the new one */
        uint64_t chunk_blocks;   /* of one REPLACE */
};

/*
 * Appends DIFF and REPLACE tasks that make `dst` (blocks of new) from `src` (blocks of old).
 * Contents of less than 1 MiB are not examined. Return: 0, IO, NO_MEMORY.
 */
int swb_windows_cut(const struct swb_pool *pool, const struct swb_window_limits *limits,
                    const struct swb_image *old, const struct swb_extent_list *src,
                    const struct swb_image *new, const struct swb_extent_list *dst,
                    struct swb_task_list *tasks, struct swb_error *err) _warn_unused_;
