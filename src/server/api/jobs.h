/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* server/api/jobs.h - work on payloads, for the files that make some */
#include "server/api/internal.h"
#include "server/jobs/payloads.h"

/* Members of the body that are a job's plan. */
#define SWB_API_JOB_MEMBERS "channel max_deltas cpu_seconds delta_bytes"

/* Makes a job for call->app by the body's plan and writes it as the answer. */
int swb_api_job_make(struct swb_api_call *call, const char *version,
                     struct swb_error *err) _warn_unused_;
