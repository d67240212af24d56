/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* server/jobs/plan.h - what a job is asked for; JSON in the job's row */
#include "server/store/jobs.h"

struct swb_payloads_plan {
        /* That gives the release once its full payload is there; "": none. */
        char channel[SWB_NAME_MAX + 1];
        uint64_t max_deltas;
        uint64_t cpu_seconds; /* of all deltas; 0: no limit */
        uint64_t delta_bytes; /* of all deltas; 0: no limit */
};

#define SWB_PAYLOADS_PLAN_DEFAULT                                                                  \
        ((struct swb_payloads_plan){.max_deltas = 5, .cpu_seconds = 4 * 3600})

/* JSON of a plan; owned by the caller. NULL: out of memory. */
char *swb_payloads_plan_text(const struct swb_payloads_plan *plan);
/* What that says; of what it does not say the default. */
void swb_payloads_plan_read(const char *text, struct swb_payloads_plan *ret);
