/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/pack/shelf.h - bytes that are put down once, and then read as memory
 *
 * What two images and all that they open to take may be several times the memory that there is. So
 * it lies in a file without a name, which is mapped: the system has its pages in memory while there
 * is room, and no longer. A process that dies leaves nothing behind. What is small stays in memory.
 */
#include "base/buf.h"
#include "generator/scan/extents.h"
#include "generator/scan/image.h"

struct swb_shelf {
        const char *folder; /* borrowed; NULL: all stays in memory */
        struct swb_buf buf; /* while it is small */
        bool has_file;
        int fd;
        uint64_t n_bytes;
        void *map; /* of n_mapped bytes, or NULL */
        size_t n_mapped;
};

#define SWB_SHELF_INIT(where) ((struct swb_shelf){.folder = (where), .buf = SWB_BUF_INIT(SIZE_MAX)})

void swb_shelf_done(struct swb_shelf *shelf);

/* Appends (context: a swb_shelf), before it is mapped. 0, -ENOMEM, or what opening or writing the
 * file gave. */
int swb_shelf_put(void *context, const uint8_t *data, size_t n) _warn_unused_;
/* Takes back what was put behind the first n bytes. */
void swb_shelf_cut(struct swb_shelf *shelf, uint64_t n_bytes);
/* All that was put, for reading; good until swb_shelf_done(). 0, negative errno. */
int swb_shelf_map(struct swb_shelf *shelf, const uint8_t **ret) _warn_unused_;
/* Blocks of an image, one behind the other, put and mapped. IO, NO_SPACE, NO_MEMORY. */
int swb_shelf_take(struct swb_shelf *shelf, const struct swb_image *image,
                   const struct swb_extent_list *blocks, const uint8_t **ret,
                   struct swb_error *err) _warn_unused_;
