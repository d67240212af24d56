/* SPDX-License-Identifier: Apache-2.0 */
#include "device/policy/calendar.h"

#define SECOND UINT64_C(1000000)
#define DAY 86400
/* Monday 1969-12-29, the last one before the clocks began. */
#define MONDAY (-3 * (int64_t)DAY)
/* In eight changes of the clock, four years, every window of a week has had its turn. */
#define LOOKS_MAX 8

static uint32_t week_second(int64_t utc_sec, int32_t offset)
{
        return (uint32_t)((utc_sec + offset - MONDAY) % (int64_t)SWB_WEEK_SECONDS);
}

static int64_t local_second(const struct swb_zone *zone, uint64_t wall_usec)
{
        int64_t until, utc = (int64_t)(wall_usec / SECOND);

        return utc + swb_zone_offset(zone, utc, &until);
}

struct swb_opening swb_calendar_look(const struct swb_windows *windows, const struct swb_zone *zone,
                                     uint64_t wall_usec)
{
        struct swb_opening opening = {.change_usec = UINT64_MAX};
        int64_t now = (int64_t)(wall_usec / SECOND), at = now;

        for (int i = 0; i < LOOKS_MAX; i++) {
                int64_t until;
                uint32_t week = week_second(at, swb_zone_offset(zone, at, &until));
                bool is_open = swb_windows_contain(windows, week);
                uint32_t wait;

                if (i == 0)
                        opening.is_open = is_open;
                else if (is_open != opening.is_open)
                        break; /* setting the clock did it */
                wait = swb_windows_next(windows, week);
                if (wait == SWB_WINDOWS_NO_CHANGE)
                        return opening;
                if (until == INT64_MAX || at + wait < until) {
                        at += wait;
                        break;
                }
                at = until;
        }
        opening.change_usec = (uint64_t)at * SECOND - wall_usec;
        return opening;
}

uint64_t swb_calendar_day(const struct swb_zone *zone, uint64_t wall_usec)
{
        int64_t local = local_second(zone, wall_usec);

        return local < 0 ? 0 : (uint64_t)(local / DAY);
}

uint64_t swb_calendar_month(const struct swb_zone *zone, uint64_t wall_usec)
{
        return (uint64_t)swb_zone_month((int64_t)swb_calendar_day(zone, wall_usec)).number;
}

uint64_t swb_calendar_day_left(const struct swb_zone *zone, uint64_t wall_usec)
{
        int64_t local = SWB_MAX(local_second(zone, wall_usec), INT64_C(0));

        return (uint64_t)(DAY - local % DAY) * SECOND - wall_usec % SECOND;
}

uint64_t swb_calendar_month_left(const struct swb_zone *zone, uint64_t wall_usec)
{
        uint64_t left = swb_calendar_day_left(zone, wall_usec);
        struct swb_month month = swb_zone_month((int64_t)swb_calendar_day(zone, wall_usec));

        return left + (uint64_t)(month.n_days - 1 - month.day) * DAY * SECOND;
}
