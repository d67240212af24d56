/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * codec/puff_layout.h - where the DEFLATE blocks of a stream lie, and where their puffs
 *
 * Spec: docs/spec/payload.md PF-71, PF-72. A puffed stream is the stream with each extent of blocks
 * replaced by its puff; bits between two extents are kept, a byte for each byte that has any.
 */
#include "base/buf.h"

#define SWB_PUFF_EXTENTS_MAX 65536u

struct swb_puff_extent {
        uint64_t start_bit, end_bit;
        uint64_t start, end; /* of the puff, in bytes */
};

struct swb_puff_layout {
        struct swb_puff_extent *extents; /* owned; ascending */
        size_t n;
        uint64_t n_bytes;  /* of the stream */
        uint64_t n_puffed; /* of the puffed stream */
};

void swb_puff_layout_done(struct swb_puff_layout *layout);
/* Bytes of the puffed stream for the bits between start and end. */
uint64_t swb_puff_gap(uint64_t start_bit, uint64_t end_bit);

struct swb_puff_header {
        struct swb_puff_layout source, target;
        size_t n_bytes; /* the patch between the puffed streams begins here */
};

void swb_puff_header_done(struct swb_puff_header *header);
/*
 * Reads a patch's header for streams of these sizes. Return: 0; -EBADMSG; -E2BIG for more than
 * SWB_PUFF_EXTENTS_MAX extents; -EPROTONOSUPPORT for a patch of another kind within; -ENOMEM.
 */
int swb_puff_header_read(const uint8_t *patch, size_t n_patch, uint64_t n_source, uint64_t n_target,
                         struct swb_puff_header *ret) _warn_unused_;
/* Appends the header. Return: 0, -E2BIG, -ENOMEM. */
int swb_puff_header_write(const struct swb_puff_layout *source,
                          const struct swb_puff_layout *target, struct swb_buf *buf) _warn_unused_;
