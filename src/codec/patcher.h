/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * codec/patcher.h - what the formats of patches have in common (device side); for this folder only
 *
 * A patch is a list of entries, and two streams that they take their bytes from. The formats
 * (bspatch.c, swpatch.c) differ in how the entries are written down.
 */
#include "base/cursor.h"
#include "codec/bspatch.h"

/* A compressed part of the patch, decoded on demand. Zeroed: nothing. */
struct swb_patch_stream {
        struct swb_decoder *decoder;
        enum swb_codec codec;
        const uint8_t *in;
        size_t n_in;
        bool empty; /* no bytes at all: some makers write nothing for an empty stream */
};

/* Takes the next n_bytes of the patch. 0, -EBADMSG when there are fewer, -ENOMEM. */
int swb_patch_stream_open(struct swb_patch_stream *stream, enum swb_codec codec,
                          struct swb_cursor *c, uint64_t n_bytes,
                          size_t max_memory_bytes) _warn_unused_;
void swb_patch_stream_done(struct swb_patch_stream *stream);
/* Exactly n bytes. 0, -EBADMSG when the stream is shorter, -E2BIG, -ENOMEM. */
int swb_patch_stream_read(struct swb_patch_stream *stream, uint8_t *data, size_t n) _warn_unused_;
/* 0 when the stream holds nothing more, neither content nor bytes behind its end; -EBADMSG. */
int swb_patch_stream_finish(struct swb_patch_stream *stream) _warn_unused_;

struct swb_patch_entry {
        uint64_t n_diff, n_extra;
        int64_t seek;
};

struct swb_patcher {
        struct swb_patch_stream diff, extra;
        /* The next entry. 0, -EBADMSG, -E2BIG, -ENOMEM. */
        int (*next)(void *context, struct swb_patch_entry *ret);
        void *context;
        const struct swb_bspatch_io *io;
        uint64_t n_source, n_target;
        int64_t source_pos; /* may lie outside the source while nothing is read there */
        uint64_t target_pos;
        uint8_t *target, *source; /* buffers */
};

/* Makes the whole target; `diff` and `extra` are used up exactly. Return: as swb_bspatch(). */
int swb_patcher_run(struct swb_patcher *patcher) _warn_unused_;
void swb_patcher_done(struct swb_patcher *patcher);
