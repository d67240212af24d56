/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * codec/stream_pack.h - one stream of a difference in the smallest of several codings (making
 * side); for this folder only
 */
#include "codec/mixed_encoder.h"

/* How a stream is packed, in the headers of SWD1 and SWD2. */
#define SWB_STREAM_NONE 0
#define SWB_STREAM_XZ 1
#define SWB_STREAM_ZSTD 2
#define SWB_STREAM_BZ2 3
#define SWB_STREAM_BROTLI 4
/* In SWD2 alone. */
#define SWB_STREAM_MIXED 5
#define SWB_STREAM_MIXED_LARGE 6

/* Longer streams are for xz only: a zstd window must fit the reader's memory. */
#define SWB_STREAM_ZSTD_MAX_BYTES ((size_t)128 << 10)

struct swb_pack_limits {
        uint32_t dictionary_bytes; /* of xz */
        int bz2_level;             /* at most; 0: without bzip2 */
        bool brotli;
        bool mixed;
        enum swb_mix_mode mix_mode;
        bool quick; /* never the long way of xz */
        /* What a reader gives the decoder; NULL: the above are enough. */
        size_t (*decoder_bytes)(enum swb_codec codec, uint64_t n_stream, size_t window_bytes);
        size_t window_bytes;
};

/* Appends the smallest coding of a stream, and tells which it is. 0, -E2BIG (out's ceiling),
 * -ENOMEM. */
int swb_stream_pack(const struct swb_buf *in, const struct swb_pack_limits *limits,
                    uint8_t *ret_number, struct swb_buf *out) _warn_unused_;

/* Seven bits a byte, the lowest first (PF-82). 0, -E2BIG, -ENOMEM. */
int swb_append_number(struct swb_buf *buf, uint64_t value) _warn_unused_;

/* The sign goes to the lowest bit. */
static inline uint64_t swb_zigzag(int64_t value)
{
        return (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
}
