/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/report/report.h - which files of a new image will cost in a payload, before it is made
 *
 * The images are scanned, hashed and planned as for a payload; only the making is replaced by
 * estimates.
 */
#include "generator/explain/costs.h"
#include "generator/plan/plan.h"
#include "generator/report/content.h"

struct swb_report_file {
        const struct swb_file *like;     /* of the old scan, read most for it; NULL: none */
        const struct swb_packed *packed; /* what compressed content it begins with; NULL: none */
};

struct swb_report {
        struct swb_image *new, *old;
        struct swb_scan *new_scan, *old_scan; /* old: NULL without an old image */
        struct swb_costs costs;
        struct swb_report_file *files; /* of new_scan, by index; owned */
        uint64_t zero_blocks, copied_blocks, fresh_blocks;
        char note[192]; /* what the user should know, "" = nothing */
};

void swb_report_done(struct swb_report *report);

/*
 * old_path NULL: a full payload. The profile's newest minor version is taken. `report` is released
 * with swb_report_done() also after a failure. Return: 0; NOT_FOUND, FORMAT, IO (images); LIMIT;
 * NO_MEMORY.
 */
int swb_report_make(const char *old_path, const char *new_path, const struct swb_pool *pool,
                    struct swb_report *report, struct swb_error *err) _warn_unused_;

static inline const struct swb_report_file *swb_report_file_of(const struct swb_report *report,
                                                               const struct swb_file *file)
{
        return &report->files[file - report->new_scan->files];
}
