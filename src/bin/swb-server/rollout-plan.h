/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* bin/swb-server/rollout-plan.h - the options of `rollout create`, and what they make */
#include "base/options.h"
#include "server/store/rollouts.h"

struct rollout_options {
        const char *channel, *version, *hours, *time_zone, *priority, *salt;
        const char *rate, *failure_rate;
        struct swb_opt_list stages;
        uint64_t bake_usec, concurrency, need, deadline_usec, silent_usec, overdue_usec;
        uint64_t max_failures, min_sample, class_failures;
};

#define ROLLOUT_OPTIONS_DEFAULT                                                                    \
        {                                                                                          \
                .channel = "stable", .hours = "", .time_zone = "", .priority = "normal",           \
                .bake_usec = 86400 * 1000000ull, .need = 10, .silent_usec = 86400 * 1000000ull,    \
                .overdue_usec = 14 * 86400 * 1000000ull, .max_failures = 50, .failure_rate = "2%", \
                .min_sample = 25, .class_failures = 5,                                             \
        }

/* Fills in all but name, app and release. USAGE; NOT_FOUND for a time zone. */
int rollout_plan_read(const struct rollout_options *options, struct swb_rollout_row *row,
                      struct swb_error *err) _warn_unused_;
