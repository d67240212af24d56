/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* server/jobs/result.h - what a job has made and why not more: lines of JSON in the job's row */
#include <jansson.h>

#include "server/jobs/candidates.h"

struct swb_job_line {
        const struct swb_candidate *source; /* NULL: the full payload */
        uint64_t full_bytes, n_bytes;
        int64_t cpu_msec;
        const char *outcome; /* "published", or why not */
};

/* The lines of an earlier try, or none; NULL: out of memory. */
json_t *swb_job_result_load(const char *text);
/* Return: 0, -ENOMEM. */
int swb_job_result_add(json_t *result, const struct swb_job_line *line) _warn_unused_;
bool swb_job_result_has(const json_t *result, const char *source_version);
/* Adds what its deltas have used of the job's budgets. */
void swb_job_result_count(const json_t *result, int64_t *cpu_msec, uint64_t *n_bytes);
