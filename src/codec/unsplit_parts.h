/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * codec/unsplit_parts.h - what the readers of the kinds of regions share (for this folder)
 *
 * unsplit.c goes through the regions; a file for each kind makes it from the decoded streams. What
 * is made goes straight to where the caller wants it, in pieces of any size.
 */
#include "codec/split_format.h"

/* What is left of a stream. */
struct swb_unsplit_source {
        const uint8_t *at, *end;
};

struct swb_unsplit {
        struct swb_unsplit_source sources[SWB_SPLIT_STREAMS_MAX];
        size_t n_sources;
        uint64_t n_target, n_made; /* n_made: without what is at `out` */
        uint8_t *out;              /* n_room bytes, of which n_out are made */
        size_t n_out, n_room;
        const struct swb_split_helper *helper; /* NULL: none */
        const struct swb_split_output *output;
};

struct swb_unsplit_region {
        uint32_t kind, stream, n;
};

/* ---- streams ---- */

static inline size_t swb_unsplit_left(const struct swb_unsplit_source *s)
{
        return (size_t)(s->end - s->at);
}

/* NULL: the stream has fewer. */
static inline const uint8_t *swb_unsplit_take(struct swb_unsplit_source *s, size_t n)
{
        const uint8_t *data = s->at;

        if (n > swb_unsplit_left(s))
                return NULL;
        s->at += n;
        return data;
}

static inline int swb_unsplit_byte(struct swb_unsplit_source *s, uint8_t *ret)
{
        if (s->at == s->end)
                return -EBADMSG;
        *ret = *s->at++;
        return 0;
}

/* As in PF-82, but of at most 32 bits. */
int swb_unsplit_number(struct swb_unsplit_source *s, uint32_t *ret) _warn_unused_;

/* ---- the target ---- */

/* What was made is the caller's. */
static inline void swb_unsplit_flush(struct swb_unsplit *u)
{
        if (u->n_out == 0)
                return;
        u->output->made(u->output->context, u->n_out);
        u->n_made += u->n_out;
        u->out += u->n_out;
        u->n_room -= u->n_out;
        u->n_out = 0;
}

int swb_unsplit_more_room(struct swb_unsplit *u, size_t want) _warn_unused_;

/* Room for `want` (at most SWB_SPLIT_ROOM_BYTES) bytes at out + n_out. */
static inline int swb_unsplit_room(struct swb_unsplit *u, size_t want)
{
        return u->n_room - u->n_out >= want ? 0 : swb_unsplit_more_room(u, want);
}

static inline uint64_t swb_unsplit_position(const struct swb_unsplit *u)
{
        return u->n_made + u->n_out;
}

/* The next n bytes of a stream, as they are. */
int swb_unsplit_move(struct swb_unsplit *u, struct swb_unsplit_source *s, size_t n) _warn_unused_;

/* ---- kinds ---- */

/* 0; -EBADMSG, -E2BIG; or what the output returned. The region's streams are there. */
int swb_unsplit_x86(struct swb_unsplit *u, const struct swb_unsplit_region *region) _warn_unused_;
int swb_unsplit_records(struct swb_unsplit *u,
                        const struct swb_unsplit_region *region) _warn_unused_;
int swb_unsplit_lz4(struct swb_unsplit *u, const struct swb_unsplit_region *region) _warn_unused_;
