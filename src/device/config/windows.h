/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/config/windows.h - times of the week at which something may happen
 *
 * Text: "always", or up to SWB_WINDOWS_MAX of "[DAYS] HH:MM-HH:MM", separated by commas. DAYS is
 * Mon, Mon-Fri, or several of these joined by '+'; without it every day. A window that ends at or
 * before its start ends on the next day ("22:00-06:00", "00:00-00:00" is a whole day). The times
 * are those that a clock on the wall shows.
 */
#include <stdint.h>

#include "base/error.h"

#define SWB_WINDOWS_MAX 16
#define SWB_WEEK_SECONDS 604800u /* from Monday 00:00 */
#define SWB_WINDOWS_NO_CHANGE UINT32_MAX

struct swb_window {
        uint8_t days; /* bit 0: begins on Mondays */
        uint32_t start_sec, length_sec;
};

struct swb_windows {
        struct swb_window window[SWB_WINDOWS_MAX];
        size_t n; /* 0: always open */
};

/* CONFIG. */
int swb_windows_parse(const char *text, struct swb_windows *ret,
                      struct swb_error *err) _warn_unused_;
bool swb_windows_contain(const struct swb_windows *windows, uint32_t week_sec);
/* Seconds from week_sec until they open or close, at most a week; or SWB_WINDOWS_NO_CHANGE. */
uint32_t swb_windows_next(const struct swb_windows *windows, uint32_t week_sec);
