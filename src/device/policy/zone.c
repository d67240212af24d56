/* SPDX-License-Identifier: Apache-2.0 */
#include "device/policy/zone.h"

#include <ctype.h>

#include "os/file.h"

#define DAY 86400
#define HOUR 3600
#define FILE_BYTES_MAX (256u << 10)
#define RULE_TEXT_MAX 128

/* ---- reading a rule ---- */

struct text {
        const char *p;
        bool is_bad;
};

static int read_number(struct text *t, int max)
{
        int n = 0;

        if (!isdigit((unsigned char)*t->p))
                t->is_bad = true;
        while (isdigit((unsigned char)*t->p) && n <= max)
                n = n * 10 + (*t->p++ - '0');
        if (n > max)
                t->is_bad = true;
        return n;
}

static bool take(struct text *t, char c)
{
        if (*t->p != c)
                return false;
        t->p++;
        return true;
}

static void need(struct text *t, char c)
{
        if (!take(t, c))
                t->is_bad = true;
}

/* [+-]hh[:mm[:ss]] */
static int32_t read_time(struct text *t)
{
        int sign = take(t, '-') ? -1 : 1;
        int32_t sec;

        if (sign > 0)
                (void)take(t, '+');
        sec = read_number(t, 167) * HOUR;
        if (take(t, ':'))
                sec += read_number(t, 59) * 60;
        if (take(t, ':'))
                sec += read_number(t, 59);
        return sign * sec;
}

static void skip_name(struct text *t)
{
        const char *start = t->p;

        if (take(t, '<')) {
                t->p += strcspn(t->p, ">");
                need(t, '>');
                return;
        }
        while (isalpha((unsigned char)*t->p))
                t->p++;
        if (t->p - start < 3)
                t->is_bad = true;
}

static void check_range(struct text *t, int value, int low, int high)
{
        if (value < low || value > high)
                t->is_bad = true;
}

static struct swb_zone_rule read_rule(struct text *t)
{
        struct swb_zone_rule rule = {.kind = 'N', .time_sec = 2 * HOUR};

        if (take(t, 'M')) {
                rule.kind = 'M';
                rule.month = read_number(t, 12);
                need(t, '.');
                rule.week = read_number(t, 5);
                need(t, '.');
                rule.weekday = read_number(t, 6);
                check_range(t, rule.month, 1, 12);
                check_range(t, rule.week, 1, 5);
        } else if (take(t, 'J')) {
                rule.kind = 'J';
                rule.day = read_number(t, 365);
                check_range(t, rule.day, 1, 365);
        } else {
                rule.day = read_number(t, 365);
        }
        if (take(t, '/'))
                rule.time_sec = read_time(t);
        return rule;
}

int swb_zone_parse(const char *text, struct swb_zone *ret, struct swb_error *err)
{
        struct swb_zone zone = {0};
        struct text t = {.p = text};

        skip_name(&t);
        zone.standard_sec = zone.summer_sec = -read_time(&t);
        if (!t.is_bad && *t.p != '\0') {
                zone.has_summer = true;
                skip_name(&t);
                zone.summer_sec = *t.p == ',' ? zone.standard_sec + HOUR : -read_time(&t);
                need(&t, ',');
                zone.begin = read_rule(&t);
                need(&t, ',');
                zone.end = read_rule(&t);
        }
        if (t.is_bad || *t.p != '\0')
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                "'%.64s' is no rule of a time zone", text);
        *ret = zone;
        return 0;
}

int swb_zone_load(const char *path, struct swb_zone *ret, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(FILE_BYTES_MAX);
        char rule[RULE_TEXT_MAX];
        const char *line;
        size_t n;
        int r = swb_read_file(path, &buf, err);

        if (r < 0)
                return r;
        if (buf.n_bytes < 45 || memcmp(buf.data, "TZif", 4) != 0 || buf.data[4] < '2' ||
            buf.data[buf.n_bytes - 1] != '\n')
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                "'%s' is not a time zone file of version 2 or later", path);
        line = memrchr(buf.data, '\n', buf.n_bytes - 1);
        n = line ? buf.n_bytes - 2 - (size_t)(line - (const char *)buf.data) : sizeof(rule);
        if (n >= sizeof(rule))
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                "'%s' does not end with the zone's rule", path);
        memcpy(rule, line + 1, n);
        rule[n] = '\0';
        r = swb_zone_parse(rule, ret, err);
        return r < 0 ? swb_wrap(err, r, "'%s'", path) : 0;
}

/* ---- the calendar ---- */

static bool is_leap(int64_t year)
{
        return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Days from 1970-01-01 to the first of January. */
static int64_t year_start(int64_t year)
{
        int64_t y = year - 1;

        return y * 365 + y / 4 - y / 100 + y / 400 - 719162;
}

static int64_t year_of(int64_t day)
{
        int64_t year = 1970 + day / 366;

        while (year_start(year + 1) <= day)
                year++;
        return year;
}

/* The first day of a month, 1 .. 13, from 1970-01-01. */
static int64_t month_start(int64_t year, int month)
{
        static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};

        return year_start(year) + before[month - 1] + (month > 2 && is_leap(year));
}

struct swb_month swb_zone_month(int64_t day)
{
        int64_t year = year_of(day), first;
        int month = 12;

        while (month_start(year, month) > day)
                month--;
        first = month_start(year, month);
        return (struct swb_month){.number = year * 12 + month,
                                  .n_days = month_start(year, month + 1) - first,
                                  .day = day - first};
}

/* The day, from 1970-01-01, that a rule means in a year. */
static int64_t rule_day(const struct swb_zone_rule *rule, int64_t year)
{
        int64_t first, day, next;

        if (rule->kind == 'N')
                return year_start(year) + rule->day;
        if (rule->kind == 'J')
                return year_start(year) + rule->day - 1 + (rule->day > 59 && is_leap(year));
        first = month_start(year, rule->month);
        next = month_start(year, rule->month + 1);
        /* 1970-01-01 was a Thursday. */
        day = first + (rule->weekday - (first + 4) % 7 + 7) % 7 + 7 * (rule->week - 1);
        return day < next ? day : day - 7;
}

int32_t swb_zone_offset(const struct swb_zone *zone, int64_t utc_sec, int64_t *ret_until_sec)
{
        int64_t last = INT64_MIN, until = INT64_MAX, year;
        int32_t offset = zone->standard_sec;

        *ret_until_sec = INT64_MAX;
        if (!zone->has_summer || utc_sec < 0)
                return offset;
        year = year_of(utc_sec / DAY);
        for (int64_t y = year - 1; y <= year + 1; y++) {
                const int64_t change[] = {
                        rule_day(&zone->begin, y) * DAY + zone->begin.time_sec - zone->standard_sec,
                        rule_day(&zone->end, y) * DAY + zone->end.time_sec - zone->summer_sec,
                };

                for (int i = 0; i < 2; i++) {
                        if (change[i] <= utc_sec && change[i] > last) {
                                last = change[i];
                                offset = i == 0 ? zone->summer_sec : zone->standard_sec;
                        }
                        if (change[i] > utc_sec && change[i] < until)
                                until = change[i];
                }
        }
        *ret_until_sec = until;
        return offset;
}
