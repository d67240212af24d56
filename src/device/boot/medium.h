/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/boot/medium.h - the disk under a back end, so that tests can pull its plug
 *
 * Writes may reach the medium in any order, or in part, until sync() has returned.
 */
#include <stdint.h>

#include "base/error.h"

struct swb_medium {
        const struct swb_medium_ops *ops;
        char *name;
        uint64_t n_bytes;
        size_t sector_bytes; /* 0: not known, a file */
};

/* All required. Errors have fault BOOT and name the device. */
struct swb_medium_ops {
        /* Exactly n bytes, from the medium rather than from a cache. */
        int (*read)(struct swb_medium *medium, void *data, size_t n_bytes, uint64_t offset,
                    struct swb_error *err);
        int (*write)(struct swb_medium *medium, const void *data, size_t n_bytes, uint64_t offset,
                     struct swb_error *err);
        /* What was written before is durable on return. */
        int (*sync)(struct swb_medium *medium, struct swb_error *err);
        /* Against other programs that write there; released by unlock(). BUSY after seconds. */
        int (*lock)(struct swb_medium *medium, struct swb_error *err);
        void (*unlock)(struct swb_medium *medium);
        void (*close)(struct swb_medium *medium);
};

/* A block device or a regular file, for reading and writing. BOOT, BUSY (its lock). */
int swb_medium_open(const char *path, struct swb_medium **ret, struct swb_error *err) _warn_unused_;
