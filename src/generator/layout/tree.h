/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/layout/tree.h - the files in an ext2, ext3 or ext4 image, by path (wraps libext2fs)
 *
 * Read-only, no mount, no privileges. Symbolic links are followed inside the image, with "/" as its
 * root, as they will be on the device.
 */
#include <sys/types.h>

#include "base/buf.h"
#include "base/error.h"

#define SWB_TREE_ENTRIES_MAX (1u << 22)
#define SWB_TREE_PATH_MAX 4096
#define SWB_TREE_FILE_MAX (1u << 20) /* of a file that is read */

struct swb_tree_entry {
        char *path; /* "/etc/fstab"; "" for the root folder */
        uint32_t ino;
        mode_t mode; /* type and permissions */
        uint32_t uid;
        uint64_t n_bytes;
        int64_t mtime;
};

/* What the superblock says. */
struct swb_tree_facts {
        bool has_journal, is_clean;
        unsigned n_mounts; /* for writing */
};

struct swb_tree;

/* NOT_FOUND, DENIED, IO; UNSUPPORTED: no such file system; FORMAT: damaged; LIMIT. */
int swb_tree_open(const char *path, struct swb_tree **ret, struct swb_error *err) _warn_unused_;
struct swb_tree *swb_tree_free(struct swb_tree *tree);
SWB_DEFINE_CLEANUP(struct swb_tree *, swb_tree_free)

struct swb_tree_facts swb_tree_facts(const struct swb_tree *tree);
/* Sorted by path, each name of a hard link by itself. NULL behind the last. */
const struct swb_tree_entry *swb_tree_at(const struct swb_tree *tree, size_t index);
/* The first entry whose path is not before `path`; for all that is in a folder. */
size_t swb_tree_first(const struct swb_tree *tree, const char *path);

/* Where `path` leads when all links are followed, whether or not something is there; at most 40
 * links. -ELOOP, -ENAMETOOLONG, -EIO. */
int swb_tree_resolve(struct swb_tree *tree, const char *path,
                     char ret[SWB_TREE_PATH_MAX]) _warn_unused_;
/* Follows links. NULL: nothing there. */
const struct swb_tree_entry *swb_tree_find(struct swb_tree *tree, const char *path);
/* The link itself. */
const struct swb_tree_entry *swb_tree_find_link(const struct swb_tree *tree, const char *path);
/* A regular file as text, followed; "" when it is not there or none. At most SWB_TREE_FILE_MAX
 * bytes of it. NULL: no memory, or it can't be read. free() it. */
char *swb_tree_read(struct swb_tree *tree, const char *path);
