/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/policy/zone.h - local time, without the process-wide state that libc keeps it in
 *
 * A zone is its rule in the form of POSIX's TZ variable ("CET-1CEST,M3.5.0,M10.5.0/3"), which every
 * zone file of the last twenty years carries as its last line. What the table before that line
 * says of years gone by, and the few zones whose clock follows the moon, are not known here.
 */
#include <stdint.h>

#include "base/error.h"

/* When the clock is set, in local time before that. */
struct swb_zone_rule {
        char kind; /* 'M': month.week.day; 'J': 1 .. 365 without 29 February; 'N': 0 .. 365 */
        int month, week, weekday; /* 'M'; week 5 = the last; 0 = Sunday */
        int day;                  /* 'J', 'N' */
        int32_t time_sec;         /* of that day, may be negative or more than a day */
};

struct swb_zone {
        int32_t standard_sec, summer_sec; /* east of UTC */
        bool has_summer;
        struct swb_zone_rule begin, end; /* of summer time */
};

#define SWB_ZONE_UTC ((struct swb_zone){0})

/* FORMAT. */
int swb_zone_parse(const char *text, struct swb_zone *ret, struct swb_error *err) _warn_unused_;
/* Of a zone file (/etc/localtime). FORMAT, LIMIT, and what reading a file may fail with. */
int swb_zone_load(const char *path, struct swb_zone *ret, struct swb_error *err) _warn_unused_;
/* Seconds east of UTC at this time; *ret_until_sec: when it changes next (INT64_MAX: never). */
int32_t swb_zone_offset(const struct swb_zone *zone, int64_t utc_sec, int64_t *ret_until_sec);

/* The month of a day since 1970-01-01. */
struct swb_month {
        int64_t number;      /* grows by one from month to month */
        int64_t n_days, day; /* day: 0 = the first */
};
struct swb_month swb_zone_month(int64_t day);
