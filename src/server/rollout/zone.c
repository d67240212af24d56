/* SPDX-License-Identifier: Apache-2.0 */
#include "server/rollout/zone.h"

#include <ctype.h>

#include "base/buf.h"
#include "base/cursor.h"
#include "os/file.h"

#define FILE_MAX_BYTES ((size_t)64 << 10)
#define TRANSITIONS_MAX 4096
#define TYPES_MAX 256
#define SECONDS_PER_DAY 86400
#define OFFSET_MAX (26 * 3600)

/* Month, week (5: last), weekday and second of the day of a switch. */
struct rule {
        int month, week, weekday;
        int32_t second;
};

struct zone_switch {
        int64_t at;
        int32_t offset; /* from then on */
};

struct swb_zone {
        struct zone_switch *switches;
        size_t n_switches;
        int32_t first_offset; /* before the first switch */
        bool has_future;      /* standard and summer time for all times to come */
        bool has_summer;
        int32_t standard, summer;
        struct rule summer_begins, summer_ends;
};

struct swb_zone *swb_zone_free(struct swb_zone *zone)
{
        if (!zone)
                return NULL;
        free(zone->switches);
        free(zone);
        return NULL;
}

/* Counts of a TZif header, in its order. */
enum { IS_UT, IS_STD, LEAP, TIME, TYPE, CHAR, N_COUNTS };

static int read_header(struct swb_cursor *c, uint8_t *ret_version, uint32_t *counts)
{
        const uint8_t *magic = swb_cursor_take(c, 4);

        *ret_version = swb_cursor_u8(c);
        (void)swb_cursor_take(c, 15);
        for (size_t i = 0; i < N_COUNTS; i++)
                counts[i] = swb_cursor_be32(c);
        if (swb_cursor_overrun(c) || memcmp(magic, "TZif", 4) != 0 ||
            counts[TIME] > TRANSITIONS_MAX || counts[TYPE] == 0 || counts[TYPE] > TYPES_MAX ||
            counts[LEAP] > TRANSITIONS_MAX || counts[CHAR] > FILE_MAX_BYTES ||
            counts[IS_UT] > TYPES_MAX || counts[IS_STD] > TYPES_MAX)
                return -EBADMSG;
        return 0;
}

/* The rest of a block behind its types, and a whole one. */
static size_t tail_bytes(const uint32_t *counts, size_t time_bytes)
{
        return counts[CHAR] + counts[LEAP] * (time_bytes + 4) + counts[IS_STD] + counts[IS_UT];
}

static size_t block_bytes(const uint32_t *counts, size_t time_bytes)
{
        return counts[TIME] * (time_bytes + 1) + counts[TYPE] * 6 + tail_bytes(counts, time_bytes);
}

static int read_block(struct swb_cursor *c, const uint32_t *counts, struct swb_zone *zone)
{
        int32_t offsets[TYPES_MAX];

        zone->switches = calloc(counts[TIME] + 1, sizeof(*zone->switches));
        if (!zone->switches)
                return -ENOMEM;
        zone->n_switches = counts[TIME];
        for (size_t i = 0; i < zone->n_switches; i++)
                zone->switches[i].at = (int64_t)swb_cursor_be64(c);
        for (size_t i = 0; i < zone->n_switches; i++)
                zone->switches[i].offset = swb_cursor_u8(c); /* its type, for now */
        for (size_t i = 0; i < counts[TYPE]; i++) {
                offsets[i] = (int32_t)swb_cursor_be32(c);
                (void)swb_cursor_take(c, 2);
                if (offsets[i] < -OFFSET_MAX || offsets[i] > OFFSET_MAX)
                        return -EBADMSG;
        }
        if (swb_cursor_overrun(c))
                return -EBADMSG;
        zone->first_offset = offsets[0];
        for (size_t i = 0; i < zone->n_switches; i++) {
                if ((uint32_t)zone->switches[i].offset >= counts[TYPE] ||
                    (i > 0 && zone->switches[i].at < zone->switches[i - 1].at))
                        return -EBADMSG;
                zone->switches[i].offset = offsets[zone->switches[i].offset];
        }
        return 0;
}

/* Decimal digits, at most four. */
static bool take_number(const char **p, int *ret)
{
        int n = 0;
        const char *start = *p;

        while (isdigit((unsigned char)**p) && *p - start < 4)
                n = 10 * n + (*(*p)++ - '0');
        *ret = n;
        return *p > start;
}

static bool take(const char **p, char c)
{
        if (**p != c)
                return false;
        (*p)++;
        return true;
}

/* A zone's short name: letters, or anything in <>. */
static bool skip_name(const char **p)
{
        const char *start = *p;

        if (take(p, '<')) {
                *p += strcspn(*p, ">");
                return take(p, '>');
        }
        while (isalpha((unsigned char)**p))
                (*p)++;
        return *p > start;
}

/* [+-]H[:M[:S]] in seconds. */
static bool take_time(const char **p, int32_t *ret)
{
        bool negative = take(p, '-');
        int hours, minutes = 0, seconds = 0;

        if (!negative)
                (void)take(p, '+');
        if (!take_number(p, &hours) || hours > 167)
                return false;
        if (take(p, ':') &&
            (!take_number(p, &minutes) || (take(p, ':') && !take_number(p, &seconds))))
                return false;
        *ret = (negative ? -1 : 1) * (hours * 3600 + minutes * 60 + seconds);
        return minutes < 60 && seconds < 60;
}

static bool take_rule(const char **p, struct rule *rule)
{
        rule->second = 2 * 3600;
        if (!take(p, ',') || !take(p, 'M') || !take_number(p, &rule->month) || !take(p, '.') ||
            !take_number(p, &rule->week) || !take(p, '.') || !take_number(p, &rule->weekday))
                return false;
        if (take(p, '/') && !take_time(p, &rule->second))
                return false;
        return rule->month >= 1 && rule->month <= 12 && rule->week >= 1 && rule->week <= 5 &&
               rule->weekday <= 6;
}

/* "CET-1CEST,M3.5.0,M10.5.0/3": offsets count westward there. */
static void read_future(const char *text, struct swb_zone *zone)
{
        const char *p = text;
        int32_t west;

        if (!skip_name(&p) || !take_time(&p, &west) || west < -OFFSET_MAX || west > OFFSET_MAX)
                return;
        zone->standard = -west;
        if (!*p) {
                zone->has_future = true;
                return;
        }
        zone->summer = zone->standard + 3600;
        if (!skip_name(&p))
                return;
        if (*p != ',') {
                if (!take_time(&p, &west) || west < -OFFSET_MAX || west > OFFSET_MAX)
                        return;
                zone->summer = -west;
        }
        zone->has_summer =
                take_rule(&p, &zone->summer_begins) && take_rule(&p, &zone->summer_ends) && !*p;
        zone->has_future = zone->has_summer;
}

static int parse(struct swb_cursor *c, struct swb_zone *zone)
{
        uint32_t counts[N_COUNTS];
        const uint8_t *text;
        char footer[64];
        uint8_t version;
        size_t n;

        if (read_header(c, &version, counts) < 0 || version < '2')
                return -EBADMSG;
        (void)swb_cursor_take(c, block_bytes(counts, 4)); /* the same again with 32 bits */
        if (swb_cursor_overrun(c) || read_header(c, &version, counts) < 0)
                return -EBADMSG;
        if (swb_cursor_left(c) < block_bytes(counts, 8))
                return -EBADMSG;
        if (read_block(c, counts, zone) < 0)
                return -EBADMSG;
        (void)swb_cursor_take(c, tail_bytes(counts, 8));
        if (swb_cursor_u8(c) != '\n' || swb_cursor_overrun(c))
                return 0; /* no footer: the last transition has to do */
        n = swb_cursor_left(c);
        text = swb_cursor_take(c, n);
        if (n > 0 && n <= sizeof(footer) && text[n - 1] == '\n') {
                memcpy(footer, text, n);
                footer[n - 1] = '\0';
                read_future(footer, zone);
        }
        return 0;
}

int swb_zone_parse(const void *data, size_t n_bytes, struct swb_zone **ret, struct swb_error *err)
{
        _cleanup_(swb_zone_freep) struct swb_zone *zone = calloc(1, sizeof(*zone));
        struct swb_cursor c = {.data = data, .n_bytes = n_bytes};

        if (!zone)
                return swb_oom(err);
        if (parse(&c, zone) < 0)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT, "not a time zone file");
        *ret = SWB_TAKE_PTR(zone);
        return 0;
}

static bool is_zone_name(const char *name)
{
        size_t n = strlen(name);

        if (n > SWB_ZONE_NAME_MAX || !isalpha((unsigned char)name[0]))
                return false;
        for (const char *p = name; *p; p++)
                if (!isalnum((unsigned char)*p) && !strchr("/_+-", *p))
                        return false;
        return true;
}

int swb_zone_load(const char *name, struct swb_zone **ret, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf data = SWB_BUF_INIT(FILE_MAX_BYTES);
        char path[sizeof(SWB_ZONE_FOLDER) + SWB_ZONE_NAME_MAX + 1];
        int r;

        if (!*name || strcmp(name, "UTC") == 0) {
                *ret = calloc(1, sizeof(**ret));
                return *ret ? 0 : swb_oom(err);
        }
        if (!is_zone_name(name))
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "'%.80s' is not the name of a time zone (as Europe/Berlin)", name);
        (void)snprintf(path, sizeof(path), "%s/%s", SWB_ZONE_FOLDER, name);
        r = swb_read_file(path, &data, err);
        if (r >= 0)
                r = swb_zone_parse(data.data, data.n_bytes, ret, err);
        return r < 0 ? swb_wrap(err, r, "time zone '%s'", name) : 0;
}

/* Days since 1970 of the first of a month; 1970 and later. */
static int64_t days_to(int64_t year, int month)
{
        /* Years begin in March here, so that the leap day is the last. */
        int64_t y = month <= 2 ? year - 1 : year;
        int64_t month_from_march = month + (month > 2 ? -3 : 9);

        return 365 * y + y / 4 - y / 100 + y / 400 + (153 * month_from_march + 2) / 5 - 719468;
}

/* Seconds since 1970 of a switch by the clock on the wall before it. */
static int64_t rule_in_year(const struct rule *rule, int64_t year)
{
        int64_t first = days_to(year, rule->month);
        int64_t next = rule->month == 12 ? days_to(year + 1, 1) : days_to(year, rule->month + 1);
        int64_t day = first + (rule->weekday - (first + 4) % 7 + 7) % 7 + 7 * (rule->week - 1);

        while (day >= next)
                day -= 7;
        return day * SECONDS_PER_DAY + rule->second;
}

static int32_t future_offset(const struct swb_zone *zone, int64_t t)
{
        int64_t begin, end, year = 1970 + t / 31556952; /* of the mean length */
        bool is_summer;

        if (!zone->has_summer)
                return zone->standard;
        while (days_to(year + 1, 1) * SECONDS_PER_DAY <= t + zone->standard)
                year++;
        while (days_to(year, 1) * SECONDS_PER_DAY > t + zone->standard)
                year--;
        begin = rule_in_year(&zone->summer_begins, year) - zone->standard;
        end = rule_in_year(&zone->summer_ends, year) - zone->summer;
        is_summer = begin < end ? t >= begin && t < end : t >= begin || t < end;
        return is_summer ? zone->summer : zone->standard;
}

int32_t swb_zone_offset(const struct swb_zone *zone, int64_t unix_seconds)
{
        size_t low = 0, high;

        if (!zone)
                return 0;
        high = zone->n_switches;
        if (zone->has_future && unix_seconds >= 0 &&
            (high == 0 || unix_seconds >= zone->switches[high - 1].at))
                return future_offset(zone, unix_seconds);
        while (low < high) {
                size_t middle = (low + high) / 2;

                if (zone->switches[middle].at <= unix_seconds)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low == 0 ? zone->first_offset : zone->switches[low - 1].offset;
}
