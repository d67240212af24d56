/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * os/multipart.h - an HTTP body of several ranges (multipart/byteranges, RFC 9110 14.6)
 *
 * No I/O. A part's length is what its Content-Range says; the delimiter is not searched for in the
 * data. What stands between two parts is bounded to SWB_MULTIPART_HEAD_MAX bytes.
 */
#include <stdint.h>

#include "base/error.h"

#define SWB_MULTIPART_BOUNDARY_MAX 70 /* RFC 2046 */
#define SWB_MULTIPART_LINE_MAX 512
#define SWB_MULTIPART_HEAD_MAX 4096

/* Bytes that stand at this offset of the file. < 0 with err filled ends it. */
typedef int (*swb_part_sink)(void *context, uint64_t offset, const void *data, size_t n_bytes,
                             struct swb_error *err);

struct swb_multipart {
        char delimiter[2 + SWB_MULTIPART_BOUNDARY_MAX + 1]; /* "--boundary" */
        uint64_t total;                                     /* size of the file */
        enum {
                SWB_MULTIPART_BETWEEN,
                SWB_MULTIPART_HEAD,
                SWB_MULTIPART_DATA,
                SWB_MULTIPART_END
        } stage;
        char line[SWB_MULTIPART_LINE_MAX + 1];
        size_t n_line, n_head; /* bytes since the last data */
        uint64_t offset, end;  /* of the part */
        bool has_range;
};

/* content_type: the header's value. PROTOCOL when it is not multipart/byteranges with a boundary.
 */
int swb_multipart_init(struct swb_multipart *multipart, const char *content_type, uint64_t total,
                       struct swb_error *err) _warn_unused_;
/* PROTOCOL, or the sink's. */
int swb_multipart_feed(struct swb_multipart *multipart, const void *data, size_t n_bytes,
                       swb_part_sink sink, void *context, struct swb_error *err) _warn_unused_;
/* Was the closing delimiter seen? */
bool swb_multipart_is_whole(const struct swb_multipart *multipart);

/* "bytes FIRST-LAST/TOTAL" of a file of exactly `total` bytes. 0, PROTOCOL. */
int swb_content_range_parse(const char *text, uint64_t total, uint64_t *ret_start,
                            uint64_t *ret_end, struct swb_error *err) _warn_unused_;
