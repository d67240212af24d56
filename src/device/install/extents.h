/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/install/extents.h - a list of extents as one stretch of bytes
 *
 * Writer: front to back, through a buffer of the caller so that the medium sees large writes; what
 * is given in large pieces goes out without a copy. Reader: at any offset.
 * Extents are borrowed, and inside their files (the payload reader has checked that), or
 * SWB_SPARSE_HOLE, which reads as zeros and takes what is written nowhere.
 */
#include "base/error.h"
#include "payload/format.h"

#define SWB_IO_BYTES (1u << 20) /* one large write; also the buffer's size */

/* Called after every write; a negative return ends the work with this code. */
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

/* What is written, and how. Borrowed. */
struct swb_extent_target {
        struct swb_extent_file file;
        bool write_behind; /* each write starts on its way to the medium at once */
        const struct swb_step *step;
        uint8_t *buffer; /* SWB_IO_BYTES */
};

struct swb_extent_writer {
        const struct swb_extent_target *target;
        const struct swb_extent *extents;
        size_t n;
        size_t index;     /* the extent that is being written */
        uint64_t done;    /* bytes of it that were written */
        size_t fill;      /* bytes in the buffer */
        uint64_t n_bytes; /* of all extents */
        uint64_t taken;   /* of them written or in the buffer */
};

void swb_extent_writer_init(struct swb_extent_writer *writer,
                            const struct swb_extent_target *target,
                            const struct swb_extent *extents, size_t n);

/* Room for the next bytes, at least 1 unless the extents are full: fill it, then commit. */
int swb_extent_writer_space(struct swb_extent_writer *writer, uint8_t **ret_space, size_t *ret_n,
                            struct swb_error *err) _warn_unused_;
/* n bytes were put where _space() said, n at most what it gave. */
void swb_extent_writer_commit(struct swb_extent_writer *writer, size_t n);

/* FORMAT when there is no room for so much. */
int swb_extent_writer_put(struct swb_extent_writer *writer, const uint8_t *data, size_t n,
                          struct swb_error *err) _warn_unused_;

/* Writes what is left in the buffer. FORMAT unless the extents are full. */
int swb_extent_writer_finish(struct swb_extent_writer *writer, struct swb_error *err) _warn_unused_;

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
