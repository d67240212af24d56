/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/policy/calendar.h - weekly windows on a clock that is set twice a year
 *
 * An hour that the clock skips opens no window; an hour that it shows twice opens it twice.
 */
#include "device/config/windows.h"
#include "device/policy/zone.h"

struct swb_opening {
        bool is_open;
        uint64_t change_usec; /* from now until that changes; UINT64_MAX: never */
};

struct swb_opening swb_calendar_look(const struct swb_windows *windows, const struct swb_zone *zone,
                                     uint64_t wall_usec);

/* Numbers that differ from one local day, or month, to the next, and only grow with time. */
uint64_t swb_calendar_day(const struct swb_zone *zone, uint64_t wall_usec);
uint64_t swb_calendar_month(const struct swb_zone *zone, uint64_t wall_usec);
/* From now until the next local midnight, or the first of the next month. */
uint64_t swb_calendar_day_left(const struct swb_zone *zone, uint64_t wall_usec);
uint64_t swb_calendar_month_left(const struct swb_zone *zone, uint64_t wall_usec);
