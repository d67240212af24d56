/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/install/extents.h - a list of extents as one stretch of bytes, to be read at any offset
 *
 * Extents are borrowed, and inside their files (the payload reader has checked that), or
 * SWB_SPARSE_HOLE, which reads as zeros and takes what is written nowhere.
 */
#include "base/error.h"
#include "payload/format.h"

#define SWB_IO_BYTES (1u << 20) /* one large read or write; also the size of their buffers */

/* Called after every piece of work; a negative return ends the work with this code. */
struct swb_step {
        int (*done)(void *context, uint64_t n_bytes, struct swb_error *err);
        void *context;
};

/* A file or device and the size of the image in it, which need not be of whole blocks. Borrowed. */
struct swb_extent_file {
        int fd;
        const char *name; /* for messages */
        uint64_t n_bytes; /* what lies behind reads as zeros and is not written */
};

/* How many of n bytes at an offset belong to the image. */
static inline size_t swb_extent_file_clip(const struct swb_extent_file *file, uint64_t offset,
                                          size_t n)
{
        if (offset >= file->n_bytes)
                return 0;
        return (size_t)SWB_MIN((uint64_t)n, file->n_bytes - offset);
}

/* Blocks of the stretch that were read lately: patches read a few bytes here and there, three
 * quarters of the times from a block that was looked at before. */
#define SWB_EXTENT_CACHE_BLOCKS 64u
struct swb_extent_cache {
        uint64_t blocks[SWB_EXTENT_CACHE_BLOCKS]; /* their numbers and one, 0: none */
        uint8_t data[SWB_EXTENT_CACHE_BLOCKS][SWB_BLOCK_BYTES];
};

struct swb_extent_reader {
        struct swb_extent_file file;
        const struct swb_extent *extents;
        size_t n;
        uint64_t *starts; /* n + 1: where each extent begins in the stretch, and the end */
        size_t index;     /* the extent read last: most reads go on from there */
        uint64_t n_bytes;
        struct swb_extent_cache *cache; /* made with the first small read */
};

int swb_extent_reader_init(struct swb_extent_reader *reader, const struct swb_extent_file *file,
                           const struct swb_extent *extents, size_t n,
                           struct swb_error *err) _warn_unused_;
void swb_extent_reader_done(struct swb_extent_reader *reader);

/* Exactly n bytes. FORMAT when they are not all inside. */
int swb_extent_reader_get(struct swb_extent_reader *reader, uint64_t offset, uint8_t *data,
                          size_t n, struct swb_error *err) _warn_unused_;
