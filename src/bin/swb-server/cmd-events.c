/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "bin/swb-server/list.h"
#include "bin/swb-server/server.h"

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

static int list_days(struct swb_error *err)
{
        static const struct list_column columns[] = {
                {"DAY", "day"},       {"APP", "app"},       {"RELEASE", "release", "-"},
                {"EVENTS", "events"}, {"EVENT", "summary"}, {0},
        };
        struct list list = {.request = {.method = "GET", .path = "events/summary", .app = appid},
                            .cursor = "before",
                            .limit = limit,
                            .columns = columns,
                            .as_json = as_json};
        _cleanup_free_ char *query = NULL;
        char n[24];
        int r;

        if (machineid)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "the summary does not know single devices: leave --device out");
        (void)snprintf(n, sizeof(n), "%" PRIu64, days);
        r = client_add_query(&query, "days", n, err);
        if (r >= 0)
                r = client_add_query(&query, "release", release, err);
        list.request.query = query;
        return r < 0 ? r : list_print(&list, err);
}

static int list_events(struct swb_error *err)
{
        static const struct list_column columns[] = {
                {"TIME", "at"},
                {"DEVICE", "device"},
                {"VERSION", "version"},
                {"NEXT", "next_version", "-"},
                {"EVENT", "summary"},
                {"FAULT", "fault", "-"},
                {"SLOT", "slot", "-"},
                {"TEXT", "text", "-"},
                {0},
        };
        struct list list = {.request = {.method = "GET", .path = "events", .app = appid},
                            .cursor = "before",
                            .limit = limit,
                            .columns = columns,
                            .as_json = as_json};
        _cleanup_free_ char *query = NULL;
        int r = client_add_query(&query, "device", machineid, err);

        list.request.query = query;
        return r < 0 ? r : list_print(&list, err);
}

int cmd_events(int n_args, char **args, struct swb_error *err)
{
        (void)n_args;
        (void)args;
        return summary ? list_days(err) : list_events(err);
}
