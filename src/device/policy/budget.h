/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/policy/budget.h - how much was downloaded, by day and month of the local calendar
 */
#include "device/policy/policy.h"

/* Stored with the engine's state. */
struct swb_usage {
        uint64_t day, month; /* swb_calendar_day(), swb_calendar_month() that the bytes belong to */
        uint64_t day_bytes, month_bytes, metered_bytes; /* metered: this month */
};

struct swb_usage_clock {
        const struct swb_zone *zone;
        uint64_t wall_usec;
        bool wall_is_sane; /* if not, the periods stay what they are */
};

void swb_usage_add(struct swb_usage *usage, const struct swb_usage_clock *clock, bool is_metered,
                   uint64_t n_bytes);
/* What is left, with [network]'s limits. */
void swb_usage_left(const struct swb_usage *usage, const struct swb_usage_clock *clock,
                    const struct swb_config *config, struct swb_allowance ret[SWB_ALLOWANCES]);
