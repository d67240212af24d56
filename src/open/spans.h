/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * open/spans.h - places in some bytes where something encoded seems to lie; for this folder only
 */
#include "open/recipe.h"

struct swb_span {
        size_t offset, n_encoded; /* n_encoded 0: a stream that knows its own end */
        size_t n_opened;          /* at most; of a stream 0: any number */
        enum swb_packing packing;
        /* Spans of one group were made by the same encoder with the same parameters. */
        unsigned group;
        struct swb_setting guess; /* encoder NONE: no idea */
        /* Of all bytes of the file that it is a block of: a hash. 0: it is none of a file. */
        uint64_t file;
};

struct swb_spans {
        struct swb_span *items; /* ascending, without overlaps */
        size_t n, cap;
        unsigned n_groups;
};

void swb_spans_done(struct swb_spans *spans);
/* 0, -ENOMEM. */
int swb_spans_add(struct swb_spans *spans, const struct swb_span *span) _warn_unused_;

/* Puts those from `first` on in order; blocks that files share, and whatever else overlaps, count
 * once. */
void swb_spans_sort(struct swb_spans *spans, size_t first);

/* A hash of a file's encoded bytes, never 0; and of several pieces that lie apart: `before` is that
 * of those before this one, or 0. */
uint64_t swb_spans_hash(uint64_t before, const uint8_t *data, size_t n);

/* Looks for all that is known; for images of file systems only if they are wanted. 0, -ENOMEM. */
int swb_spans_find(const uint8_t *data, size_t n, bool images, struct swb_spans *ret) _warn_unused_;

/* Probers: is there something of theirs at `offset`? Add their spans, give back where it ends, or 0
 * when it is nothing. -ENOMEM. */
int64_t swb_spans_gzip(const uint8_t *data, size_t n, size_t offset,
                       struct swb_spans *spans) _warn_unused_;
int64_t swb_spans_squashfs(const uint8_t *data, size_t n, size_t offset,
                           struct swb_spans *spans) _warn_unused_;
int64_t swb_spans_erofs(const uint8_t *data, size_t n, size_t offset,
                        struct swb_spans *spans) _warn_unused_;
int64_t swb_spans_xz(const uint8_t *data, size_t n, size_t offset,
                     struct swb_spans *spans) _warn_unused_;
int64_t swb_spans_bzip2(const uint8_t *data, size_t n, size_t offset,
                        struct swb_spans *spans) _warn_unused_;
int64_t swb_spans_lzma(const uint8_t *data, size_t n, size_t offset,
                       struct swb_spans *spans) _warn_unused_;
int64_t swb_spans_lzop(const uint8_t *data, size_t n, size_t offset,
                       struct swb_spans *spans) _warn_unused_;
int64_t swb_spans_zstd(const uint8_t *data, size_t n, size_t offset,
                       struct swb_spans *spans) _warn_unused_;
/* What the head of an .xz stream tells of how it was made. */
bool swb_spans_guess_xz(const uint8_t *data, size_t n, struct swb_setting *ret);
/* What its first block opens to, if that says so; or 0. */
uint64_t swb_spans_xz_block(const uint8_t *data, size_t n);
/* What decodes the stream that begins there, for the recipe of an old content: no more than the
 * packing, unless its head names a window for which SWB_UNPACK_MEMORY_BYTES is too little. */
struct swb_setting swb_spans_window(const struct swb_span *span, const uint8_t *data, size_t n);
/* Of a frame of zstd, as a logarithm, rounded up; 0: it can't be told. */
unsigned swb_spans_window_zstd(const uint8_t *data, size_t n);
int64_t swb_spans_zlib(const uint8_t *data, size_t n, size_t offset,
                       struct swb_spans *spans) _warn_unused_;
int64_t swb_spans_zip(const uint8_t *data, size_t n, size_t offset,
                      struct swb_spans *spans) _warn_unused_;
int64_t swb_spans_lz4_frame(const uint8_t *data, size_t n, size_t offset,
                            struct swb_spans *spans) _warn_unused_;
int64_t swb_spans_lz4_legacy(const uint8_t *data, size_t n, size_t offset,
                             struct swb_spans *spans) _warn_unused_;
