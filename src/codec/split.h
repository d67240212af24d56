/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * codec/split.h - content sorted into streams by what it is: the format SWS1
 *
 * Instructions, their operands, tables and texts compress better among their like. Regions of a
 * content are each carried out by a named way ("kind") to take bytes from one or more streams; each
 * stream is packed by itself. Spec: docs/spec/payload.md, section 11.
 */
#include "base/buf.h"

/* An operation in this format makes at most so much. */
#define SWB_SPLIT_TARGET_MAX ((size_t)16 << 20)
#define SWB_SPLIT_STREAMS_MAX 16u
#define SWB_SPLIT_FIELDS_MAX 8u
/* A region of records is turned around in memory by some readers. */
#define SWB_SPLIT_RECORDS_MAX ((size_t)1 << 20)

enum swb_split_kind {
        SWB_SPLIT_PLAIN = 0,
        SWB_SPLIT_X86 = 1, /* x86-64 instructions: operands of calls, jumps and references apart */
        SWB_SPLIT_RECORDS = 2, /* a table of records: byte by byte of all, numbers as differences */
        SWB_SPLIT_LZ4 = 3,     /* an LZ4 block: tokens, literals and offsets apart */
};

/* Streams that the maker fills; readers know only numbers. 0 is the list of regions. */
enum swb_split_stream {
        SWB_STREAM_DATA = 1,
        SWB_STREAM_CODE = 2, /* and three more: calls, jumps, references */
        SWB_STREAM_RELOCATIONS = 6,
        SWB_STREAM_SYMBOLS = 7,
        SWB_STREAM_UNWIND = 8,
        SWB_STREAM_STRINGS = 9,
        SWB_STREAM_TYPES = 10,
        SWB_STREAM_LZ4 = 11, /* and two more */
        SWB_STREAMS = 14,
};

struct swb_split_region {
        size_t n_bytes;
        enum swb_split_kind kind;
        uint8_t stream;
        /* RECORDS: widths in bytes (1, 2, 4, 8), 0 behind the last. n_bytes is a multiple of their
         * sum and at most SWB_SPLIT_RECORDS_MAX. */
        uint8_t fields[SWB_SPLIT_FIELDS_MAX];
};

/* The first bytes of an LZ4 block that are whole sequences, at most n. */
size_t swb_split_lz4_whole(const uint8_t *data, size_t n);

/*
 * Appends the content in this format; the regions cover it, in order. Build side. Return: 0, -E2BIG
 * (buf's ceiling), -ENOMEM.
 */
int swb_split(const uint8_t *data, const struct swb_split_region *regions, size_t n_regions,
              struct swb_buf *buf) _warn_unused_;
uint64_t swb_split_memory(uint64_t n_bytes);

/* Takes the next n bytes of the target. 0 or negative errno. */
typedef int (*swb_split_write)(void *context, const uint8_t *data, size_t n);

/* Another thread: it begins with `work`, and is waited for. What it can't do is done without it. */
struct swb_split_helper {
        void *context;
        void (*start)(void *context, void (*work)(void *argument), void *argument);
        void (*wait)(void *context);
};

/* Where the target goes. */
struct swb_split_output {
        void *context;
        /* At least `want` (at most SWB_SPLIT_ROOM_BYTES) bytes of memory behind all that was made,
         * good until the next call. More may be written there than is made. 0, or negative errno.
         */
        int (*room)(void *context, size_t want, uint8_t **ret_out, size_t *ret_n);
        /* The next n bytes of the target are there. */
        void (*made)(void *context, size_t n);
};

#define SWB_SPLIT_ROOM_BYTES ((size_t)64 << 10)

/*
 * Makes exactly n_target bytes, front to back. All streams are decoded first, one after the other,
 * into `work`: empty, with the ceiling below, or what the last call left, because new memory would
 * have to be cleared by the kernel. Beside it, one decoder at a time has at most 9 MiB; with a
 * helper (NULL: none) there is a second one on its thread where there is the memory. Return: 0;
 * -EBADMSG for a blob that breaks the format; -E2BIG for one above its limits; -ENOMEM; or what
 * the output returned.
 */
int swb_unsplit_into(const uint8_t *blob, size_t n_blob, uint64_t n_target, struct swb_buf *work,
                     const struct swb_split_helper *helper,
                     const struct swb_split_output *output) _warn_unused_;

/* The same, in pieces of at most SWB_SPLIT_ROOM_BYTES. */
int swb_unsplit(const uint8_t *blob, size_t n_blob, uint64_t n_target, struct swb_buf *work,
                swb_split_write write, void *context) _warn_unused_;

#define SWB_SPLIT_WORK_BYTES (SWB_SPLIT_TARGET_MAX + ((size_t)2 << 20))
