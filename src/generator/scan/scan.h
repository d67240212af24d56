/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/scan/scan.h - which block of an image belongs to which file
 *
 * The answer is a hint for making differences small, never the ground of a payload's correctness:
 * whatever a damaged or unknown file system makes of it, every block of the image belongs to
 * exactly one file of the scan, and payloads are made from the blocks' bytes.
 *
 * File systems are read through libext2fs without mounting them. Fragments smaller than a payload
 * block (1 KiB file systems) count for the first file, in path order, that owns a part of the
 * block.
 */
#include "generator/scan/extents.h"
#include "generator/scan/image.h"

enum swb_file_kind {
        SWB_FILE_FOLDER,
        SWB_FILE_LINK, /* symbolic link too long for its inode */
        SWB_FILE_REGULAR,
        SWB_FILE_REST, /* everything that belongs to no file: tables, bitmaps, free space */
};

/* Blocks of a file that hold zeros and are not in the image. */
struct swb_hole {
        uint64_t before; /* blocks of the file's list that come before it */
        uint64_t n_blocks;
};

struct swb_file {
        char *path; /* "/usr/bin/env"; of several hard links the first in byte order; "" for REST */
        char **links; /* the other names, in no order; at most SWB_FILE_LINKS_MAX are kept */
        size_t n_links;
        enum swb_file_kind kind;
        struct swb_extent_list blocks; /* in the file's order, holes left out */
        struct swb_hole *holes;        /* in that order; none known where blocks are below 4 KiB */
        size_t n_holes;
};

#define SWB_FILE_LINKS_MAX 16u

/* Appends all of a file, its holes as extents from SWB_SPARSE_HOLE on. 0, -ENOMEM. */
int swb_file_content(const struct swb_file *file, struct swb_extent_list *list) _warn_unused_;

/* Releases what the file holds, not the struct. */
void swb_file_done(struct swb_file *file);

struct swb_scan {
        const struct swb_image *image; /* borrowed */
        struct swb_file *files;        /* by kind, then path; the last one is REST */
        size_t n_files;
        uint32_t *owner;  /* per block: index into files */
        bool raw;         /* no file system was read: REST holds the whole image */
        char reason[128]; /* why an ext file system was taken as raw; "" = it is none */
};

/* The image must outlive the scan. `raw`: do not look for a file system. IO, NO_MEMORY. */
int swb_scan_new(const struct swb_image *image, bool raw, struct swb_scan **ret,
                 struct swb_error *err) _warn_unused_;
struct swb_scan *swb_scan_free(struct swb_scan *scan);
SWB_DEFINE_CLEANUP(struct swb_scan *, swb_scan_free)
