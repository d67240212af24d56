/* SPDX-License-Identifier: Apache-2.0 */
#include "server/rollout/hours.h"

#define MINUTES_PER_DAY 1440

static const char *const day_names[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

static bool take_day(const char **p, unsigned *ret)
{
        for (unsigned i = 0; i < SWB_ELEMENTS(day_names); i++)
                if (strncasecmp(*p, day_names[i], 3) == 0) {
                        *p += 3;
                        *ret = i;
                        return true;
                }
        return false;
}

static bool take_days(const char **p, uint8_t *ret)
{
        unsigned first, last;

        if (!take_day(p, &first))
                return false;
        last = first;
        if (**p == '-') {
                (*p)++;
                if (!take_day(p, &last))
                        return false;
        }
        *ret = 0;
        for (unsigned day = first;; day = (day + 1) % 7) {
                *ret = (uint8_t)(*ret | 1u << day);
                if (day == last)
                        return true;
        }
}

/* HH:MM, up to 24:00. */
static bool take_minute(const char **p, uint16_t *ret)
{
        unsigned hour, minute;
        int n = 0;

        if (strspn(*p, "0123456789") != 2 || strspn(*p + 2, ":") != 1 ||
            sscanf(*p, "%2u:%2u%n", &hour, &minute, &n) != 2 || n != 5 || minute > 59 ||
            hour * 60 + minute > MINUTES_PER_DAY)
                return false;
        *p += n;
        *ret = (uint16_t)(hour * 60 + minute);
        return true;
}

static bool take_span(const char **p, struct swb_hours *hours)
{
        size_t i = hours->n;

        if (i == SWB_HOURS_MAX)
                return false;
        *p += strspn(*p, " ");
        if (!take_days(p, &hours->spans[i].days))
                return false;
        *p += strspn(*p, " ");
        if (!take_minute(p, &hours->spans[i].begin) || *(*p)++ != '-' ||
            !take_minute(p, &hours->spans[i].end))
                return false;
        hours->n++;
        return hours->spans[i].begin != hours->spans[i].end;
}

int swb_hours_parse(const char *text, struct swb_hours *ret, struct swb_error *err)
{
        struct swb_hours hours = {.n = 0};
        const char *p = text;

        while (*p) {
                if (!take_span(&p, &hours) || (*p && (*p++ != ',' || !*p)))
                        return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                        "'%.80s' are no hours: write Mon-Fri 09:00-17:00, up to "
                                        "%d of them after commas",
                                        text, SWB_HOURS_MAX);
        }
        *ret = hours;
        return 0;
}

bool swb_hours_contain(const struct swb_hours *hours, int64_t local_seconds)
{
        int64_t days = local_seconds / 86400; /* since 1970, which began on a Thursday */
        unsigned minute = (unsigned)(local_seconds % 86400 / 60), today, yesterday;

        if (hours->n == 0)
                return true;
        today = 1u << (days + 4) % 7;
        yesterday = 1u << (days + 3) % 7;
        for (size_t i = 0; i < hours->n; i++) {
                unsigned begin = hours->spans[i].begin, end = hours->spans[i].end;
                unsigned on = hours->spans[i].days;

                if (begin < end ? (on & today) && minute >= begin && minute < end
                                : ((on & today) && minute >= begin) ||
                                          ((on & yesterday) && minute < end))
                        return true;
        }
        return false;
}
