/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * codec/stream_table.h - several packed streams behind a table of their sizes (device side); for
 * this folder only
 *
 * How the formats of many streams begin: magic, number of streams, three bytes that are the
 * format's; for each stream its coding (1 byte), packed size and size (4 bytes each,
 * little-endian); then the packed streams.
 */
#include "codec/patcher.h"

#define SWB_STREAM_TABLE_HEAD_BYTES 8
#define SWB_STREAM_TABLE_ENTRY_BYTES 9

/* A stream of known size, decoded on demand. */
struct swb_stream {
        struct swb_patch_stream packed;
        uint8_t *buffer;
        size_t at, n;     /* what of the buffer is still to be taken */
        uint32_t n_bytes; /* in all */
        uint32_t left;    /* not in the buffer yet */
};

struct swb_stream_rules {
        const char *magic; /* of 4 bytes */
        size_t n_min, n_max;
        /* What the decoder of a stream may need. */
        size_t (*decoder_bytes)(enum swb_codec codec, uint64_t n_stream, size_t window_bytes);
        size_t window_bytes;
        size_t memory_bytes; /* of all decoders together */
};

/*
 * Streams that follow each other up to the end of the blob. `streams` has room for n_max and was
 * zeroed; streams without a byte get no decoder. ret_left: of the rules' memory. Return: 0,
 * -EBADMSG, -E2BIG above that memory, -ENOMEM. However it ends, swb_streams_done() frees.
 */
int swb_streams_open(const struct swb_stream_rules *rules, const uint8_t *blob, size_t n_blob,
                     struct swb_stream *streams, size_t *ret_n, size_t *ret_left) _warn_unused_;
void swb_streams_done(struct swb_stream *streams, size_t n);
/* 0 when all were used up, -EBADMSG. */
int swb_streams_finish(struct swb_stream *streams, size_t n) _warn_unused_;

/* The codec of a number in the table. 0, -EBADMSG. */
int swb_stream_codec(uint8_t number, enum swb_codec *ret) _warn_unused_;

/* Exactly n bytes. -EBADMSG when the stream has fewer. */
int swb_stream_take(struct swb_stream *stream, uint8_t *data, size_t n) _warn_unused_;
/* A number as in PF-82, of at most 64 bits. */
int swb_stream_take_number(struct swb_stream *stream, uint64_t *ret) _warn_unused_;

/* A signed number's sign is its lowest bit. */
static inline int64_t swb_unzigzag(uint64_t value)
{
        return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}
