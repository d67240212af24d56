/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * codec/swd2_watch.h - what each piece of a target takes of an SWD2 difference's streams
 *
 * For reports only: nothing is made that stays. A device never has a watcher.
 */
#include "codec/stream_table.h"
#include "codec/swd2_format.h"

/* A piece of the target, and what was taken to make it. */
struct swb_swd2_taken {
        size_t part; /* its number, from 0 */
        enum swb_model model;
        uint64_t target, n_target;            /* bytes of the whole target */
        uint64_t bytes[SWB_SWD2_STREAMS_MAX]; /* of each stream, unpacked */
        uint64_t zeros[SWB_SWD2_STREAMS_MAX]; /* those of them that are 0 */
        uint64_t fields[SWB_FIELD_KINDS_MAX];
        uint64_t right[SWB_FIELD_KINDS_MAX]; /* of them predicted without correction */
};

/* A part as the plan has it. */
struct swb_swd2_part {
        uint64_t source, n_source, target, n_target, n_entries;
        enum swb_model model;
};

struct swb_swd2_watch {
        void *context;
        /* Before the part's pieces, which come in order. 0 or negative errno, which ends it all. */
        int (*part)(void *context, const struct swb_swd2_part *part);
        /* The first piece of a part is all of it, with what the plan and the entries took. */
        void (*taken)(void *context, const struct swb_swd2_taken *taken);
        /* May be NULL. The next bytes of the streams of differences and of new bytes, before the
         * piece for which they were taken. */
        void (*bytes)(void *context, size_t stream, const uint8_t *data, size_t n);
        size_t predictor_bytes; /* set: what the largest predictor held */
        /* State of the watched. */
        struct swb_swd2_taken now;
        uint64_t before[SWB_SWD2_STREAMS_MAX];
        uint64_t at; /* in the whole target */
        size_t n_parts;
};

/* The head, and the streams' sizes as their table has them. */
struct swb_swd2_table {
        size_t n_streams, n_head; /* n_head: bytes of the table */
        size_t window_bytes;
        uint64_t needs_bytes; /* of memory, as the head tells */
        uint64_t decoders_bytes;
        uint32_t packed[SWB_SWD2_STREAMS_MAX], bytes[SWB_SWD2_STREAMS_MAX];
};

/* 0, -EBADMSG. */
int swb_swd2_table_read(const uint8_t *patch, size_t n_patch,
                        struct swb_swd2_table *ret) _warn_unused_;

/*
 * Decodes the difference and tells what was taken. io->write_target must be there. io NULL: there
 * is no source; then pieces are whole entries, counted as if each byte of a copy took one of the
 * differences, and fields are not known. Return: as swb_swd2_patch(), and what `part` returned.
 */
int swb_swd2_stat(const uint8_t *patch, size_t n_patch, uint64_t n_source, uint64_t n_target,
                  const struct swb_bspatch_io *io, struct swb_swd2_watch *watch) _warn_unused_;

/* ---- for codec/swd2patch.c */

int swb_swd2_watch_part(struct swb_swd2_watch *watch,
                        const struct swb_swd2_part *part) _warn_unused_;
/* The next n_target bytes (or the whole part) are told of, with what was taken since. */
void swb_swd2_watch_piece(struct swb_swd2_watch *watch, const struct swb_stream *streams,
                          size_t n_streams, uint64_t n_target);
void swb_swd2_watch_bytes(struct swb_swd2_watch *watch, size_t stream, const uint8_t *data,
                          size_t n);
void swb_swd2_watch_field(struct swb_swd2_watch *watch, uint8_t kind, uint64_t correction);
/* Without a source: a part by its entries alone. */
void swb_swd2_watch_entries(struct swb_swd2_watch *watch, const struct swb_copy *copies, size_t n,
                            uint64_t n_target);
