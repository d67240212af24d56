/* SPDX-License-Identifier: Apache-2.0 */
#include "device/engine/schedule.h"

#define DAY (24 * 3600 * UINT64_C(1000000))
#define BACKOFF_FREE 2 /* failures without a wait */
#define BACKOFF_DOUBLINGS 4
#define BACKOFF_JITTER (DAY / 4)

bool swb_schedule_is_failed_check(const struct swb_check_result *result)
{
        switch (result->http_status) {
        case 429:
        case 500:
        case 502:
        case 503:
        case 504:
                return true;
        default:
                return false;
        }
}

/* Uniform in base - jitter … base + jitter, never below 0. */
static uint64_t spread(uint64_t base, uint64_t jitter, uint64_t dice)
{
        jitter = SWB_MIN(jitter, base);
        return base - jitter + dice % (2 * jitter + 1);
}

static uint64_t clamp(uint64_t value, uint64_t low, uint64_t high)
{
        return SWB_MAX(low, SWB_MIN(value, high));
}

uint64_t swb_schedule_wait(const struct swb_schedule *schedule, const struct swb_state *state,
                           uint64_t retry_after_usec, uint64_t dice)
{
        uint64_t longest = SWB_MAX(schedule->max_interval_usec, schedule->interval_usec);
        uint64_t base = schedule->interval_usec;
        uint64_t wait;

        if (state->poll_interval_usec > 0)
                base = clamp(state->poll_interval_usec, schedule->interval_usec, longest);
        for (uint64_t i = 0; i < state->failed_checks && base < longest; i++)
                base = SWB_MIN(base > longest / 2 ? longest : base * 2, longest);
        /* Long waits spread by half of themselves, so that a fleet that failed together does not
         * return together. */
        wait = spread(base, base > schedule->interval_usec ? base / 2 : schedule->jitter_usec,
                      dice);
        return SWB_MAX(wait, SWB_MIN(retry_after_usec, SWB_RETRY_AFTER_MAX_USEC));
}

struct swb_due swb_schedule_due(const struct swb_now *now, uint64_t wait_usec, bool is_order)
{
        struct swb_due due = {
                .boot_usec = now->boot_usec + wait_usec,
                .wall_usec = now->wall_is_sane ? now->wall_usec + wait_usec : 0,
                .wait_usec = wait_usec,
                .is_order = is_order,
        };

        (void)snprintf(due.boot_id, sizeof(due.boot_id), "%s", now->boot_id);
        return due;
}

/* 0 when the deadline passed, or lies further ahead than it can have been set (a stepped clock). */
static uint64_t time_left(uint64_t deadline, uint64_t now, uint64_t whole)
{
        if (deadline <= now || deadline - now > whole)
                return 0;
        return deadline - now;
}

uint64_t swb_schedule_left(const struct swb_due *due, const struct swb_now *now)
{
        if (strcmp(due->boot_id, now->boot_id) == 0)
                return time_left(due->boot_usec, now->boot_usec, due->wait_usec);
        if (now->wall_is_sane && due->wall_usec > 0)
                return time_left(due->wall_usec, now->wall_usec, due->wait_usec);
        return 0;
}

uint64_t swb_schedule_age(const struct swb_due *since, const struct swb_now *now)
{
        if (since->boot_id[0] == '\0')
                return 0;
        if (strcmp(since->boot_id, now->boot_id) == 0)
                return now->boot_usec - SWB_MIN(since->boot_usec, now->boot_usec);
        if (now->wall_is_sane && since->wall_usec > 0 && since->wall_usec < now->wall_usec)
                return SWB_MAX(now->wall_usec - since->wall_usec, now->boot_usec);
        return now->boot_usec;
}

uint64_t swb_schedule_start(const struct swb_schedule *schedule, const struct swb_due *due,
                            const struct swb_now *now)
{
        uint64_t first = spread(schedule->first_usec, schedule->first_jitter_usec, now->dice);
        uint64_t left = swb_schedule_left(due, now);

        if (strcmp(due->boot_id, now->boot_id) == 0)
                return left > 0 ? left : first;
        if (due->is_order && (!now->wall_is_sane || due->wall_usec == 0))
                left = due->wait_usec / 2;
        return SWB_MAX(first, left);
}

uint64_t swb_schedule_backoff(uint64_t n_failures, uint64_t dice)
{
        uint64_t n = n_failures - BACKOFF_FREE;

        if (n_failures <= BACKOFF_FREE)
                return 0;
        return spread(n > BACKOFF_DOUBLINGS ? DAY << BACKOFF_DOUBLINGS : DAY << (n - 1),
                      BACKOFF_JITTER, dice);
}
