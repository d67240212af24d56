/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swb-server/client.h"
#include "bin/swb-server/server.h"
#include "bin/swb-server/table.h"

static const char *appid, *machineid;
static uint64_t limit = 1000;
static bool as_json;

const struct swb_opt cmd_events_options[] = {
        {'a', "app", SWB_OPT_STRING, &appid, "ID", false, "only events of this app"},
        {'d', "device", SWB_OPT_STRING, &machineid, "ID", false, "only events of this device"},
        {'n', "limit", SWB_OPT_U64, &limit, "N", false, "at most so many (default 1000)"},
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

int cmd_events(int n_args, char **args, struct swb_error *err)
{
        struct client_request request = {.method = "GET", .path = "events", .app = appid};
        _cleanup_free_ char *query = NULL;
        struct table table;
        int r;

        (void)n_args;
        (void)args;
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
