/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/layout/mounts.h - what an image mounts where: fstab, mount units, persistent.conf (see
 * data/persistent), and what systemd and the kernel always bring
 */
#include "generator/layout/tree.h"

#define SWB_MOUNTS_MAX 128

struct swb_mount {
        char *where;      /* links followed */
        char *source;     /* file that says so, for people */
        bool is_writable; /* and not the image */
        bool is_root;
        bool is_optional; /* nofail, noauto: made or missing without harm */
};

struct swb_mounts {
        struct swb_mount items[SWB_MOUNTS_MAX];
        size_t n;
};

void swb_mounts_done(struct swb_mounts *mounts);
/* -ENOMEM, -EIO. Mounts beyond the maximum are ignored. */
int swb_mounts_find(struct swb_tree *tree, struct swb_mounts *mounts) _warn_unused_;
int swb_mounts_add_writable(struct swb_tree *tree, const char *path, struct swb_mounts *mounts);
/* Is there a writable mount somewhere below this folder? */
bool swb_mounts_below(const struct swb_mounts *mounts, const char *path);
/* The mount that covers a path whose links were followed; NULL: the image itself. */
const struct swb_mount *swb_mounts_over(const struct swb_mounts *mounts, const char *path);
