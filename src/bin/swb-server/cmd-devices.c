/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swb-server/client.h"
#include "bin/swb-server/server.h"
#include "bin/swb-server/table.h"
#include "server/report/report.h"

static const char *appid;
static uint64_t silent_after_usec = SWB_SILENT_AFTER_SECONDS_DEFAULT * 1000000ull;
static bool as_json;

const struct swb_opt cmd_devices_options[] = {
        {'a', "app", SWB_OPT_STRING, &appid, "ID", false, "only devices of this app"},
        {0, "silent-after", SWB_OPT_DURATION, &silent_after_usec, "TIME", false,
         "call a device silent after this (default 1d)"},
        {0, "json", SWB_OPT_FLAG, &as_json, NULL, false, "print JSON"},
        {0},
};

static void add_row(const json_t *device, void *userdata)
{
        const json_t *event = json_object_get(device, "last_event");
        const char *reason = client_text(device, "reason");
        char state[SWB_DEVICE_STATE_TEXT];

        (void)snprintf(state, sizeof(state), "%s%s%s%s",
                       client_bool(device, "silent") ? "silent, was " : "",
                       client_text(device, "state"), *reason ? ": " : "", reason);
        table_row(userdata, client_text(device, "id"), client_text(device, "app"),
                  client_text(device, "version"), client_text_or(device, "channel", "-"),
                  client_text_or(device, "slot", "-"), state, client_text_or(event, "text", "-"),
                  client_text(device, "last_seen"), NULL);
}

int cmd_devices(int n_args, char **args, struct swb_error *err)
{
        struct client_request request = {.method = "GET", .path = "devices", .app = appid};
        _cleanup_free_ char *query = NULL;
        struct table table;
        char text[24];
        int r;

        (void)n_args;
        (void)args;
        (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)silent_after_usec / 1000000);
        r = client_add_query(&query, "silent_after", text, err);
        if (r < 0)
                return r;
        request.query = query;
        if (as_json)
                return client_print_pages(&request, "after", UINT64_MAX, err);
        table_init(&table, "DEVICE", "APP", "VERSION", "CHANNEL", "SLOT", "STATE", "LAST EVENT",
                   "LAST SEEN", NULL);
        r = client_each(&request, "after", UINT64_MAX, add_row, &table, err);
        return table_finish(&table, r, err);
}
