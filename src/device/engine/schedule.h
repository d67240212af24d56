/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/engine/schedule.h - when to check: pure arithmetic, clock and dice are passed in
 *
 * First check after the start, interval, jitter, growing waits after failed checks, the server's
 * poll interval, Retry-After, and what is left of a wait after a restart. Times in microseconds.
 */
#include "device/engine/state.h"

/* Longest wait that a server's Retry-After can order. */
#define SWB_RETRY_AFTER_MAX_USEC (24 * 3600 * UINT64_C(1000000))

struct swb_now {
        uint64_t boot_usec; /* CLOCK_BOOTTIME */
        uint64_t wall_usec;
        const char *boot_id;
        bool wall_is_sane; /* not before the build date */
        uint64_t dice;     /* uniformly random */
};

struct swb_schedule {
        uint64_t first_usec, first_jitter_usec; /* after the start, ± */
        uint64_t interval_usec, jitter_usec;    /* between checks, ± */
        uint64_t max_interval_usec;
};

/* What is known of the check that just ended. */
struct swb_check_result {
        uint64_t http_status;      /* 0: no HTTP answer */
        uint64_t retry_after_usec; /* 0: none */
};

/* A check that counts for the back-off: the server said that it is in trouble (429, 500, 502, 503,
 * 504). Everything else does not: a captive portal must not push a device to the longest interval.
 */
bool swb_schedule_is_failed_check(const struct swb_check_result *result);

/* The wait until the next check, given the state's poll interval and count of failed checks. */
uint64_t swb_schedule_wait(const struct swb_schedule *schedule, const struct swb_state *state,
                           uint64_t retry_after_usec, uint64_t dice);

/* Makes the record to store for a wait that starts now. */
struct swb_due swb_schedule_due(const struct swb_now *now, uint64_t wait_usec, bool is_order);

/*
 * The wait at the start of the engine: after a restart in the same boot what is left on the boot
 * clock; after a reboot what is left on the wall clock where that can be trusted, but no less than
 * the first check's draw. Without a usable clock an ordered wait is halved at each start, so that
 * it is neither forgotten nor served for ever.
 */
uint64_t swb_schedule_start(const struct swb_schedule *schedule, const struct swb_due *due,
                            const struct swb_now *now);

/* What is left of a stored wait, in the same boot or a later one; 0 where no clock can tell. */
uint64_t swb_schedule_left(const struct swb_due *due, const struct swb_now *now);

/* How long ago something began, given the record of a wait of length 0 that was made then. Where no
 * clock can tell after a reboot it is the time since boot: less than the truth. */
uint64_t swb_schedule_age(const struct swb_due *since, const struct swb_now *now);

/*
 * The wait after failures that may be a full payload's own fault: none for the first two, then 1,
 * 2, 4, 8, 16, 16 … days, give or take 6 hours. (A delta gives way to a full payload instead.)
 */
uint64_t swb_schedule_backoff(uint64_t n_failures, uint64_t dice);
