/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* generator/layout/fill.h - puts a folder into an empty ext4 image (wraps libext2fs) */
#include "generator/layout/folder.h"

struct swb_fill {
        const char *image;
        int64_t built;
        bool keep_owners;
};

/* NO_SPACE, IO; LIMIT: a name or link that ext4 can't hold. */
int swb_fill_image(const struct swb_fill *fill, struct swb_folder *folder,
                   struct swb_error *err) _warn_unused_;
