/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swb-server/list.h"
#include "bin/swb-server/server.h"
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

static const char *state_of(const json_t *device, char *text)
{
        const char *reason = client_text(device, "reason");

        (void)snprintf(text, LIST_CELL_MAX, "%s%s%s%s",
                       client_bool(device, "silent") ? "silent, was " : "",
                       client_text(device, "state"), *reason ? ": " : "", reason);
        return text;
}

static const char *last_event_of(const json_t *device, char *text)
{
        (void)text;
        return client_text_or(json_object_get(device, "last_event"), "text", "-");
}

int cmd_devices(int n_args, char **args, struct swb_error *err)
{
        static const struct list_column columns[] = {
                {"DEVICE", "id"},
                {"APP", "app"},
                {"VERSION", "version"},
                {"CHANNEL", "channel", "-"},
                {"SLOT", "slot", "-"},
                {"STATE", .cell = state_of},
                {"LAST EVENT", .cell = last_event_of},
                {"LAST SEEN", "last_seen"},
                {0},
        };
        struct list list = {.request = {.method = "GET", .path = "devices", .app = appid},
                            .cursor = "after",
                            .limit = UINT64_MAX,
                            .columns = columns,
                            .as_json = as_json};
        _cleanup_free_ char *query = NULL;
        char text[24];
        int r;

        (void)n_args;
        (void)args;
        (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)silent_after_usec / 1000000);
        r = client_add_query(&query, "silent_after", text, err);
        list.request.query = query;
        return r < 0 ? r : list_print(&list, err);
}
