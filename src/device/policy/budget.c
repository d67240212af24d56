/* SPDX-License-Identifier: Apache-2.0 */
#include "device/policy/budget.h"

/* While the clock is wrong nobody knows when a period ends. */
#define UNKNOWN_RENEWAL_USEC (3600 * UINT64_C(1000000))

/* A clock that was set back begins a new period, too: better that than one that never ends. */
static struct swb_usage turn_over(const struct swb_usage *usage,
                                  const struct swb_usage_clock *clock)
{
        struct swb_usage now = *usage;
        uint64_t day, month;

        if (!clock->wall_is_sane)
                return now;
        day = swb_calendar_day(clock->zone, clock->wall_usec);
        month = swb_calendar_month(clock->zone, clock->wall_usec);
        if (now.day != day)
                now.day_bytes = 0;
        if (now.month != month)
                now.month_bytes = now.metered_bytes = 0;
        now.day = day;
        now.month = month;
        return now;
}

void swb_usage_add(struct swb_usage *usage, const struct swb_usage_clock *clock, bool is_metered,
                   uint64_t n_bytes)
{
        *usage = turn_over(usage, clock);
        usage->day_bytes += n_bytes;
        usage->month_bytes += n_bytes;
        if (is_metered)
                usage->metered_bytes += n_bytes;
}

static struct swb_allowance left(uint64_t limit, uint64_t used, uint64_t renewal_usec)
{
        return (struct swb_allowance){.limit_bytes = limit,
                                      .left_bytes = limit > used ? limit - used : 0,
                                      .renewal_usec = renewal_usec};
}

void swb_usage_left(const struct swb_usage *usage, const struct swb_usage_clock *clock,
                    const struct swb_config *config, struct swb_allowance ret[SWB_ALLOWANCES])
{
        struct swb_usage now = turn_over(usage, clock);
        uint64_t day = UNKNOWN_RENEWAL_USEC, month = UNKNOWN_RENEWAL_USEC;

        if (clock->wall_is_sane) {
                day = swb_calendar_day_left(clock->zone, clock->wall_usec);
                month = swb_calendar_month_left(clock->zone, clock->wall_usec);
        }
        ret[0] = left(config->network.day_limit_bytes, now.day_bytes, day);
        ret[1] = left(config->network.month_limit_bytes, now.month_bytes, month);
        ret[2] = left(config->network.metered_month_limit_bytes, now.metered_bytes, month);
}
