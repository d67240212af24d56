/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* server/api/plan.h - a rollout's plan as a request's body has it */
#include "server/api/internal.h"
#include "server/store/rollouts.h"

/* Members of the body that belong to a plan. */
#define SWB_API_PLAN_MEMBERS                                                                       \
        "stages bake_seconds need concurrency rate hours time_zone deadline_seconds priority "     \
        "max_failures max_failure_rate min_sample class_failures silent_after_seconds "            \
        "overdue_after_seconds"

/* Changes what the body names; a plan without stages gets the usual ones. USAGE; NOT_FOUND for a
 * time zone. */
int swb_api_read_plan(const struct swb_api_call *call, struct swb_rollout_row *row,
                      struct swb_error *err) _warn_unused_;
