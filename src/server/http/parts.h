/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/http/parts.h - several ranges of a file in one answer (multipart/byteranges)
 *
 * Spec: RFC 9110, 14.6. Laid out when it is asked for, so memory does not depend on the ranges.
 */
#include <sys/types.h>

#include "base/ranges.h"

#define SWB_PARTS_BOUNDARY_BYTES 32

struct swb_parts {
        int fd; /* of the file, owned */
        uint64_t n_file_bytes;
        struct swb_range ranges[SWB_RANGES_MAX];
        size_t n;
        char boundary[SWB_PARTS_BOUNDARY_BYTES + 1];
};

/* Several ranges in a Range header: ascending, apart and inside the file. Returns how many; 0 when
 * it is anything else. */
size_t swb_parts_parse(const char *header, uint64_t n_file_bytes, struct swb_range *ranges);

/* Of the whole answer. */
uint64_t swb_parts_bytes(const struct swb_parts *parts);
/* Up to n_bytes of the answer from `offset` on; < 0: -errno. Nothing is asked behind its end. */
ssize_t swb_parts_read(const struct swb_parts *parts, uint64_t offset, char *data, size_t n_bytes);
