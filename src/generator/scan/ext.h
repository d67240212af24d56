/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/scan/ext.h - files of an ext2, ext3 or ext4 image and their blocks (wraps libext2fs)
 *
 * Extents and indirect maps, any block size (blocks are given in units of SWB_BLOCK_BYTES), inline
 * data (such files have no blocks), holes (left out), hard links (one entry).
 */
#include "generator/scan/scan.h"

struct swb_ext_files {
        struct swb_file *files; /* by inode number; blocks may be named by several files */
        size_t n;
};

void swb_ext_files_done(struct swb_ext_files *list);

enum { SWB_EXT_FILES = 0, SWB_EXT_NONE = 1, SWB_EXT_UNREADABLE = 2 };

/*
 * Return: SWB_EXT_FILES and the list; SWB_EXT_NONE: no such file system; SWB_EXT_UNREADABLE: one
 * that libext2fs can't read (feature unknown, damaged), with the reason; -ENOMEM.
 */
int swb_ext_list(const struct swb_image *image, struct swb_ext_files *ret, char *reason,
                 size_t n_reason, struct swb_error *err) _warn_unused_;
