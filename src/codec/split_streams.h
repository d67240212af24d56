/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * codec/split_streams.h - the packed streams of SWS1, decoded whole (device side); for this folder
 * only
 */
#include "base/cursor.h"
#include "codec/codec.h"
#include "codec/split_format.h"

/* A stream as it is packed, and where it is to be decoded. */
struct swb_split_packed {
        enum swb_codec codec;
        const uint8_t *data;
        uint32_t n_packed, n;
        uint8_t *room;
        int result;
};

/* The one that an entry of the table tells of; takes its bytes. 0, -EBADMSG. */
int swb_split_packed_find(struct swb_split_packed *stream, const uint8_t *entry,
                          struct swb_cursor *c, uint8_t *room) _warn_unused_;

/* All of them (at most SWB_SPLIT_STREAMS_MAX); helper NULL: on this thread alone. 0, -EBADMSG,
 * -E2BIG, -ENOMEM. */
int swb_split_decode(struct swb_split_packed *streams, unsigned n,
                     const struct swb_split_helper *helper) _warn_unused_;
