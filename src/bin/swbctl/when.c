/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swbctl/when.h"

#define SECOND UINT64_C(1000000)

uint64_t wall_usec(void)
{
        struct timespec ts = {0};

        (void)clock_gettime(CLOCK_REALTIME, &ts); /* fails for an unknown clock only */
        return (uint64_t)ts.tv_sec * SECOND + (uint64_t)ts.tv_nsec / 1000;
}

const char *format_span(uint64_t usec, char *text)
{
        uint64_t s = (usec + SECOND / 2) / SECOND;

        if (s < 60)
                (void)snprintf(text, TIME_TEXT, "%" PRIu64 " s", s);
        else if (s < 3600)
                (void)snprintf(text, TIME_TEXT, "%" PRIu64 " min", s / 60);
        else if (s < 86400)
                (void)snprintf(text, TIME_TEXT, "%" PRIu64 " h %" PRIu64 " min", s / 3600,
                               s / 60 % 60);
        else
                (void)snprintf(text, TIME_TEXT, "%" PRIu64 " d", s / 86400);
        return text;
}

const char *format_when(uint64_t usec, char *text)
{
        uint64_t now = wall_usec();
        char span[TIME_TEXT];

        if (usec == 0)
                (void)snprintf(text, TIME_TEXT, "-");
        else if (usec <= now && now - usec < 2 * SECOND)
                (void)snprintf(text, TIME_TEXT, "just now");
        else if (usec <= now)
                (void)snprintf(text, TIME_TEXT, "%s ago", format_span(now - usec, span));
        else
                (void)snprintf(text, TIME_TEXT, "in %s", format_span(usec - now, span));
        return text;
}
