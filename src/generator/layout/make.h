/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/layout/make.h - an ext4 image of a folder, byte for byte the same wherever it is made
 *
 * mke2fs lays out the empty file system, libext2fs fills it, file by file in the order of their
 * names; then e2fsck judges. No journal, no mount, no privileges. Nothing of the host gets into it:
 * neither the order of its folders, nor its time, its users or its configuration of mke2fs.
 *
 * Kept of each file: type, content with its holes, permissions, hard links, time of change (but not
 * later than `built`, and as all of its times), the attributes security.capability and user.*.
 */
#include <stdint.h>

#include "base/error.h"

#define SWB_LABEL_MAX 16
#define SWB_UUID_BYTES 16

struct swb_make {
        const char *folder, *output;
        const char *label;
        uint8_t uuid[SWB_UUID_BYTES];
        uint64_t n_bytes;  /* multiple of 4096; 0: what is needed, and a little more */
        uint64_t n_inodes; /* 0: some more than needed */
        int64_t built;
        bool keep_owners; /* else everything belongs to root */
};

struct swb_made {
        uint64_t n_bytes, n_files;
};

/* A UUID that depends on the label only, so that each release has the same. */
int swb_make_uuid(const char *label, uint8_t ret[SWB_UUID_BYTES], struct swb_error *err);
/* NO_SPACE: n_bytes are too few. The output appears whole or not at all. */
int swb_make_image(const struct swb_make *make, struct swb_made *ret,
                   struct swb_error *err) _warn_unused_;
