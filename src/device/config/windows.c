/* SPDX-License-Identifier: Apache-2.0 */
#include "device/config/windows.h"

#include <ctype.h>

#include "base/text.h"

#define DAY 86400u
#define DAYS 7

/* ---- reading ---- */

static int day_number(const char *text)
{
        static const char *const names[DAYS] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};

        for (int i = 0; i < DAYS; i++)
                if (strncasecmp(text, names[i], 3) == 0)
                        return i;
        return -1;
}

/* One "Mon" or "Fri-Mon". Return: behind it, NULL for neither. */
static const char *read_day_range(const char *p, uint8_t *days)
{
        int first = day_number(p), last = first;

        if (first < 0)
                return NULL;
        p += 3;
        if (*p == '-') {
                last = day_number(p + 1);
                if (last < 0)
                        return NULL;
                p += 4;
        }
        for (int d = first;; d = (d + 1) % DAYS) {
                *days |= (uint8_t)(1u << d);
                if (d == last)
                        return p;
        }
}

static const char *read_days(const char *p, uint8_t *days)
{
        *days = 0;
        if (!isalpha((unsigned char)*p)) {
                *days = (1u << DAYS) - 1;
                return p;
        }
        for (;;) {
                p = read_day_range(p, days);
                if (!p || *p != '+')
                        break;
                p++;
        }
        if (!p || *p != ' ')
                return NULL;
        return p + strspn(p, " ");
}

static const char *read_time(const char *p, uint32_t *sec)
{
        unsigned hour, minute;

        for (int i = 0; i < 5; i++)
                if (i == 2 ? p[i] != ':' : !isdigit((unsigned char)p[i]))
                        return NULL;
        hour = (unsigned)(p[0] - '0') * 10 + (unsigned)(p[1] - '0');
        minute = (unsigned)(p[3] - '0') * 10 + (unsigned)(p[4] - '0');
        if (minute > 59 || hour > 24 || (hour == 24 && minute > 0))
                return NULL;
        *sec = (hour * 60 + minute) * 60;
        return p + 5;
}

static const char *read_window(const char *p, struct swb_window *window)
{
        uint32_t end = 0;

        p = read_days(p, &window->days);
        if (p)
                p = read_time(p, &window->start_sec);
        if (!p || *p != '-' || window->start_sec == DAY)
                return NULL;
        p = read_time(p + 1, &end);
        window->length_sec =
                end > window->start_sec ? end - window->start_sec : end + DAY - window->start_sec;
        return p;
}

int swb_windows_parse(const char *text, struct swb_windows *ret, struct swb_error *err)
{
        struct swb_windows windows = {0};
        const char *p = text;

        if (strcmp(text, "always") == 0) {
                *ret = windows;
                return 0;
        }
        for (;;) {
                if (windows.n == SWB_WINDOWS_MAX)
                        return swb_fail(err, -E2BIG, SWB_FAULT_CONFIG, "more than %d windows",
                                        SWB_WINDOWS_MAX);
                p = read_window(p + strspn(p, " "), &windows.window[windows.n++]);
                if (!p || (*p != '\0' && *p != ','))
                        return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG,
                                        "'%s' is not \"always\" or windows such as \"02:00-05:00, "
                                        "Sat+Sun 22:00-06:00\"",
                                        text);
                if (*p == '\0')
                        break;
                p++;
        }
        *ret = windows;
        return 0;
}

/* ---- asking ---- */

/* Seconds that a window which is open at week_sec stays so; 0: it is closed. */
static uint32_t open_for(const struct swb_window *window, uint32_t week_sec)
{
        uint32_t longest = 0;

        for (uint32_t d = 0; d < DAYS; d++) {
                uint32_t start = d * DAY + window->start_sec;
                uint32_t since = (week_sec + SWB_WEEK_SECONDS - start) % SWB_WEEK_SECONDS;

                if ((window->days & (1u << d)) && since < window->length_sec)
                        longest = SWB_MAX(longest, window->length_sec - since);
        }
        return longest;
}

static uint32_t all_open_for(const struct swb_windows *windows, uint32_t week_sec)
{
        uint32_t longest = 0;

        for (size_t i = 0; i < windows->n; i++)
                longest = SWB_MAX(longest, open_for(&windows->window[i], week_sec));
        return longest;
}

bool swb_windows_contain(const struct swb_windows *windows, uint32_t week_sec)
{
        return windows->n == 0 || all_open_for(windows, week_sec) > 0;
}

static uint32_t opens_in(const struct swb_windows *windows, uint32_t week_sec)
{
        uint32_t soonest = SWB_WINDOWS_NO_CHANGE;

        for (size_t i = 0; i < windows->n; i++)
                for (uint32_t d = 0; d < DAYS; d++) {
                        uint32_t start = d * DAY + windows->window[i].start_sec;
                        uint32_t wait = (start + SWB_WEEK_SECONDS - week_sec) % SWB_WEEK_SECONDS;

                        if (windows->window[i].days & (1u << d))
                                soonest = SWB_MIN(soonest, wait);
                }
        return soonest;
}

uint32_t swb_windows_next(const struct swb_windows *windows, uint32_t week_sec)
{
        uint32_t total = 0, more;

        if (windows->n == 0)
                return SWB_WINDOWS_NO_CHANGE;
        /* Windows that touch or overlap are one. */
        while ((more = all_open_for(windows, (week_sec + total) % SWB_WEEK_SECONDS)) > 0) {
                total += more;
                if (total >= SWB_WEEK_SECONDS)
                        return SWB_WINDOWS_NO_CHANGE;
        }
        return total > 0 ? total : opens_in(windows, week_sec);
}
