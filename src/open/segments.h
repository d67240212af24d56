/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * open/segments.h - several differences between the same opened contents, one behind the other
 *
 * Spec: docs/spec/payload.md PF-140. An image opens to hundreds of megabytes; one difference of all
 * of it would want more memory at once than a device gives.
 */
#include "base/buf.h"

#define SWB_SEGMENTS_MAX 4096u

struct swb_segment {
        const uint8_t *data; /* a difference; borrowed */
        size_t n_bytes;
        uint64_t n_target; /* bytes that it makes */
};

struct swb_segments {
        struct swb_segment *items;
        size_t n;
};

void swb_segments_done(struct swb_segments *segments);
/* What is no list of differences is a single one. 0, -EBADMSG, -E2BIG, -ENOMEM. */
int swb_segments_read(const uint8_t *blob, size_t n_blob, uint64_t n_target,
                      struct swb_segments *ret) _warn_unused_;
/* Appends them; a single one as it is. 0, -E2BIG, -ENOMEM. Making side. */
int swb_segments_write(const struct swb_segments *segments, struct swb_buf *buf) _warn_unused_;
