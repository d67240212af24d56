/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/explain/costs.h - which file of the new image takes how many bytes of a payload
 *
 * An operation's data counts for the files that it writes, by their share of its blocks. The sum
 * over all files is the sum over all operations.
 */
#include "base/buf.h"
#include "generator/read/payload_file.h"
#include "generator/scan/scan.h"

struct swb_file_cost {
        const struct swb_file *file; /* of the scan, borrowed */
        uint64_t blocks;             /* written, by any operation */
        uint64_t fresh_blocks;       /* those of operations with data */
        uint64_t bytes;
};

struct swb_costs {
        struct swb_file_cost *items; /* owned; the dearest first, then by path */
        size_t n;                    /* files that some operation writes */
        uint64_t bytes;
};

void swb_costs_done(struct swb_costs *costs);

/* While counting, one item a file of the scan. Return: 0, -ENOMEM. */
int swb_costs_init(struct swb_costs *costs, const struct swb_scan *scan) _warn_unused_;
/* `bytes` of data that write these extents; 0: copied from elsewhere, or zeros. */
void swb_costs_add(struct swb_costs *costs, const struct swb_scan *scan,
                   const struct swb_extent *extents, size_t n_extents, uint64_t bytes);
/* Ends the counting: sorts, adds up, and drops files that nothing writes. */
void swb_costs_end(struct swb_costs *costs);

/* One partition of a payload, against the scan of its new image. Return: 0, NO_MEMORY, and what
 * the reader says. */
int swb_costs_count(struct swb_payload_file *file, size_t partition, const struct swb_scan *scan,
                    struct swb_costs *ret, struct swb_error *err) _warn_unused_;

/* A path for people: the first name, or what the rest of an image is called. */
const char *swb_cost_name(const struct swb_file *file);

/* Appends an SVG tree map: a rectangle a file, its area the file's bytes. 0, -ENOMEM, -E2BIG. */
int swb_costs_svg(const struct swb_costs *costs, const char *title,
                  struct swb_buf *buf) _warn_unused_;
