/* SPDX-License-Identifier: Apache-2.0 */
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

/* For the callbacks. */
struct listing {
        struct swb_json json;
        struct table table;
        int64_t now;
};

static int add_json(const char *app, const struct swb_device *device, void *userdata,
                    struct swb_error *err)
{
        struct listing *listing = userdata;

        swb_json_device(&listing->json, app, device, listing->now, silent_after_usec / 1000000);
        return listing->json.buf->n_bytes < SERVER_FLUSH_BYTES
                       ? 0
                       : server_flush(listing->json.buf, err);
}

static int add_row(const char *app, const struct swb_device *device, void *userdata,
                   struct swb_error *err)
{
        char state[SWB_DEVICE_STATE_TEXT], event[SWB_EVENT_TEXT] = "-", seen[SWB_TIME_TEXT];
        struct listing *listing = userdata;

        (void)err;
        if (device->last_event_at)
                (void)swb_event_describe(device->last_event_type, device->last_event_result,
                                         device->last_errorcode, event);
        table_row(&listing->table, device->machineid, app, device->version,
                  *device->channel ? device->channel : "-", *device->slot ? device->slot : "-",
                  swb_device_describe(device, listing->now, silent_after_usec / 1000000, state),
                  event, swb_format_time(device->last_seen, seen), NULL);
        return 0;
}

static int print_json(struct swb_db *db, int64_t app, struct listing *listing,
                      struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(SERVER_JSON_MAX_BYTES);
        int r;

        listing->json = SWB_JSON(&buf, true);
        swb_json_open_array(&listing->json, NULL);
        r = swb_device_list(db, app, UINT64_MAX, add_json, listing, err);
        swb_json_close_array(&listing->json);
        return server_finish_json(&listing->json, r, err);
}

int cmd_devices(int n_args, char **args, struct swb_error *err)
{
        _cleanup_(swb_db_freep) struct swb_db *db = NULL;
        struct listing listing = {.now = (int64_t)time(NULL)};
        struct swb_app app = {0};
        int r;

        (void)n_args;
        (void)args;
        r = server_open_db(SWB_DB_EXISTING, &db, err);
        if (r >= 0 && appid)
                r = swb_app_find(db, appid, &app, err);
        if (r < 0)
                return r;
        if (as_json)
                return print_json(db, app.id, &listing, err);
        table_init(&listing.table, "DEVICE", "APP", "VERSION", "CHANNEL", "SLOT", "STATE",
                   "LAST EVENT", "LAST SEEN", NULL);
        r = swb_device_list(db, app.id, UINT64_MAX, add_row, &listing, err);
        return table_finish(&listing.table, r, err);
}
