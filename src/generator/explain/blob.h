/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/explain/blob.h - the data of single operations, and which format a difference has
 */
#include "base/buf.h"
#include "generator/read/payload_file.h"
#include "payload/format.h"

/* All of the operation's data; the caller frees. Does not disturb the reader. IO, NO_MEMORY. */
int swb_blob_read(const struct swb_payload_file *file, const struct swb_operation *op,
                  uint8_t **ret, struct swb_error *err) _warn_unused_;

/* Formats of SWDIFF operations. */
enum swb_format {
        SWB_FORMAT_NONE, /* another type of operation */
        SWB_FORMAT_SWD1,
        SWB_FORMAT_SWD2,
        SWB_FORMAT_SWO1_SWD1,
        SWB_FORMAT_SWO1_SWD2,
        SWB_FORMAT_OTHER, /* of a later version, or damaged */
        _SWB_FORMAT_MAX,
        _SWB_FORMAT_INVALID = -EINVAL,
};

/* "SWO1+SWD2" …; "" for NONE, "unknown" for OTHER. */
const char *swb_format_to_string(enum swb_format format);
/* Looks at no more than the heads. IO. */
int swb_format_of(const struct swb_payload_file *file, const struct swb_operation *op,
                  enum swb_format *ret, struct swb_error *err) _warn_unused_;

static inline bool swb_format_is_opened(enum swb_format format)
{
        return format == SWB_FORMAT_SWO1_SWD1 || format == SWB_FORMAT_SWO1_SWD2;
}

struct swb_format_tally {
        uint64_t count, bytes;
};

/* The SWDIFF operations of one partition (or all: SIZE_MAX), by format; `tallies` has room for all.
 * IO, FORMAT. */
int swb_formats_count(struct swb_payload_file *file, size_t partition,
                      struct swb_format_tally tallies[static _SWB_FORMAT_MAX],
                      struct swb_error *err) _warn_unused_;
