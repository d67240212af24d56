/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/install/scratch.h - a file without a name, for contents that are opened
 *
 * It is made in the state folder when it is first written to, and is gone with the process.
 */
#include "base/error.h"
#include "open/wrapper.h"

struct swb_scratch_file {
        struct swb_open_scratch open; /* what apply.h takes */
        char *folder;
        int fd;
};

/* In place: `open.context` points at the object. folder NULL: the file is in memory. 0, -ENOMEM. */
int swb_scratch_file_init(struct swb_scratch_file *scratch, const char *folder) _warn_unused_;
/*
 * Takes so many bytes of the file system now, so that none are missing when half is written; does
 * nothing in memory, and where the file system can't. 0, -ENOSPC, or negative errno.
 */
int swb_scratch_file_reserve(struct swb_scratch_file *scratch, uint64_t n) _warn_unused_;
void swb_scratch_file_done(struct swb_scratch_file *scratch);
