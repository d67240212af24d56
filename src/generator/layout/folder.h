/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/layout/folder.h - all that lies in a folder of the build host, in the same order
 * everywhere
 */
#include <stdint.h>
#include <sys/stat.h>

#include "base/error.h"

#define SWB_FOLDER_ENTRIES_MAX (1u << 22)

struct swb_folder_entry {
        char *path; /* below the folder: "/etc/fstab"; "" for the folder itself */
        struct stat st;
        uint32_t ino;     /* in the image, once it is there */
        size_t hard_link; /* index of the first entry of the same file; its own if it is that */
};

struct swb_folder {
        char *root; /* without a slash at its end */
        struct swb_folder_entry
                *entries; /* by the bytes of their paths: folders before what is in them */
        size_t n, cap;
};

/* NOT_FOUND, DENIED, IO, LIMIT. */
int swb_folder_read(const char *path, struct swb_folder *ret, struct swb_error *err) _warn_unused_;
void swb_folder_done(struct swb_folder *folder);
/* The entry of the folder that holds `path`, which is not "". */
struct swb_folder_entry *swb_folder_parent(const struct swb_folder *folder, const char *path);
/* Where it lies on the host; free() it. NULL: no memory. */
char *swb_folder_host_path(const struct swb_folder *folder, const struct swb_folder_entry *entry);
