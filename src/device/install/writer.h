/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/install/writer.h - a list of extents as one stretch of bytes, to be written front to back
 *
 * Through a buffer, so that the medium sees large writes. With a outbox (outbox.h) another thread
 * writes: what is done here is then on its way, and its failure is told later.
 * Extents are as in extents.h.
 */
#include "device/install/extents.h"

/* Any buffer has so much and a block. */
#define SWB_WRITER_ROOM_BYTES ((size_t)64 << 10)

struct swb_outbox;

/* Where the next bytes of a stretch go. */
struct swb_extent_place {
        struct swb_extent_file file;
        int direct_fd;     /* for large writes past the page cache, which wait; negative: none */
        bool write_behind; /* large writes start on their way to the medium at once */
        const struct swb_extent *extents;
        uint64_t done; /* bytes of the first one that were written */
};

/* Writes n bytes, which the extents have room for, and moves on. */
int swb_extent_place_write(struct swb_extent_place *place, const uint8_t *data, size_t n,
                           struct swb_error *err) _warn_unused_;
/* Only moves on. */
void swb_extent_place_skip(struct swb_extent_place *place, uint64_t n);

/* What is written, and how. Borrowed. */
struct swb_extent_target {
        struct swb_extent_file file;
        int direct_fd; /* with an outbox */
        bool write_behind;
        const struct swb_step *step;
        struct swb_outbox *outbox; /* NULL: none, and then */
        uint8_t *buffer;           /* SWB_IO_BYTES */
};

struct swb_extent_writer {
        const struct swb_extent_target *target;
        struct swb_extent_place place;
        uint8_t *buffer;  /* NULL: it has to be had first */
        size_t n_buffer;  /* its size */
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
/* At least `want` (at most SWB_WRITER_ROOM_BYTES) bytes of memory for them, even where the
 * extents have less room. */
int swb_extent_writer_room(struct swb_extent_writer *writer, size_t want, uint8_t **ret_room,
                           size_t *ret_n, struct swb_error *err) _warn_unused_;
/* n bytes were put where one of these said, n at most what it gave and the extents have. */
void swb_extent_writer_commit(struct swb_extent_writer *writer, size_t n);

/* FORMAT when there is no room for so much. */
int swb_extent_writer_put(struct swb_extent_writer *writer, const uint8_t *data, size_t n,
                          struct swb_error *err) _warn_unused_;

/* Writes what is left in the buffer. FORMAT unless the extents are full. */
int swb_extent_writer_finish(struct swb_extent_writer *writer, struct swb_error *err) _warn_unused_;
