/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/http/range.h - which part of a file a request's headers ask for (RFC 9110, 13 and 14)
 *
 * Pure. Update clients resume with one range and trust that a 206 holds it, so ranges must be
 * exact.
 */
#include <stdint.h>

#include "base/error.h"

enum swb_range_kind {
        SWB_RANGE_WHOLE, /* none asked for, none that can be read, several that parts.h refuses: 200
                          */
        SWB_RANGE_PART,  /* 206 */
        SWB_RANGE_UNSATISFIABLE, /* 416 */
};

/* header: value of Range, NULL when absent. ret_* are set for PART: offset and length in bytes. */
enum swb_range_kind swb_range_parse(const char *header, uint64_t n_file_bytes, uint64_t *ret_offset,
                                    uint64_t *ret_bytes);

/* Is our strong etag (with its quotes) in a list as of If-None-Match, by weak comparison; "*" is.
 */
bool swb_etag_in_list(const char *header, const char *etag);
