/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/rollout/hours.h - the hours of a week in which people are there to look after a rollout
 *
 * Text: "Mon-Fri 09:00-17:00", several after commas, days single or as a range; a range over
 * midnight belongs to the day on which it begins. "" is always.
 */
#include <stdint.h>

#include "base/error.h"

#define SWB_HOURS_MAX 8
#define SWB_HOURS_TEXT_MAX 200

struct swb_hours {
        struct {
                uint8_t days;        /* bit 0: Sunday */
                uint16_t begin, end; /* minutes of the day; end may lie before begin */
        } spans[SWB_HOURS_MAX];
        size_t n;
};

/* USAGE */
int swb_hours_parse(const char *text, struct swb_hours *ret, struct swb_error *err) _warn_unused_;
/* local_seconds: seconds since 1970 by the clock on the wall. */
bool swb_hours_contain(const struct swb_hours *hours, int64_t local_seconds);
