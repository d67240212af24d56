/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "bin/swb-server/client.h"
#include "bin/swb-server/server.h"
#include "bin/swb-server/table.h"

static const char *appid, *machineid;
static const char *release;
static uint64_t limit = 1000, days = 30;
static bool as_json, summary;

const struct swb_opt cmd_events_options[] = {
        {'a', "app", SWB_OPT_STRING, &appid, "ID", false, "only events of this app"},
        {'d', "device", SWB_OPT_STRING, &machineid, "ID", false, "only events of this device"},
        {'n', "limit", SWB_OPT_U64, &limit, "N", false, "at most so many (default 1000)"},
        {0, "summary", SWB_OPT_FLAG, &summary, NULL, false,
         "how many of each kind came on each day, also of those that are not kept any more"},
        {0, "days", SWB_OPT_U64, &days, "N", false, "summary: of so many days (default 30)"},
        {0, "release", SWB_OPT_STRING, &release, "VERSION", false, "summary: about this release"},
        {0, "json", SWB_OPT_FLAG, &as_json, NULL, false, "print JSON"},
        {0},
};

static void add_row(const json_t *event, void *userdata)
{
        table_row(userdata, client_text(event, "at"), client_text(event, "device"),
                  client_text(event, "version"), client_text_or(event, "next_version", "-"),
                  client_text(event, "summary"), client_text_or(event, "fault", "-"),
                  client_text_or(event, "slot", "-"), client_text_or(event, "text", "-"), NULL);
}

static void add_day(const json_t *day, void *userdata)
{
        char n[24];

        (void)snprintf(n, sizeof(n), "%" PRIu64, client_number(day, "events"));
        table_row(userdata, client_text(day, "day"), client_text(day, "app"),
                  client_text_or(day, "release", "-"), n, client_text(day, "summary"), NULL);
}

static int list_days(struct swb_error *err)
{
        struct client_request request = {.method = "GET", .path = "events/summary", .app = appid};
        _cleanup_free_ char *query = NULL;
        struct table table;
        char n[24];
        int r;

        if (machineid)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "the summary does not know single devices: leave --device out");
        (void)snprintf(n, sizeof(n), "%" PRIu64, days);
        r = client_add_query(&query, "days", n, err);
        if (r >= 0)
                r = client_add_query(&query, "release", release, err);
        if (r < 0)
                return r;
        request.query = query;
        if (as_json)
                return client_print_pages(&request, "before", limit, err);
        table_init(&table, "DAY", "APP", "RELEASE", "EVENTS", "EVENT", NULL);
        r = client_each(&request, "before", limit, add_day, &table, err);
        return table_finish(&table, r, err);
}

int cmd_events(int n_args, char **args, struct swb_error *err)
{
        struct client_request request = {.method = "GET", .path = "events", .app = appid};
        _cleanup_free_ char *query = NULL;
        struct table table;
        int r;

        (void)n_args;
        (void)args;
        if (summary)
                return list_days(err);
        r = client_add_query(&query, "device", machineid, err);
        if (r < 0)
                return r;
        request.query = query;
        if (as_json)
                return client_print_pages(&request, "before", limit, err);
        table_init(&table, "TIME", "DEVICE", "VERSION", "NEXT", "EVENT", "FAULT", "SLOT", "TEXT",
                   NULL);
        r = client_each(&request, "before", limit, add_row, &table, err);
        return table_finish(&table, r, err);
}
