/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swb-server/server.h"
#include "bin/swb-server/table.h"
#include "server/report/report.h"

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

static int add_json(const struct swb_event_row *event, void *userdata, struct swb_error *err)
{
        struct swb_json *json = userdata;

        swb_json_event(json, event);
        return json->buf->n_bytes < SERVER_FLUSH_BYTES ? 0 : server_flush(json->buf, err);
}

static int add_row(const struct swb_event_row *event, void *userdata, struct swb_error *err)
{
        char at[SWB_TIME_TEXT], what[SWB_EVENT_TEXT];

        (void)err;
        table_row(userdata, swb_format_time(event->at, at), event->machineid, event->version,
                  *event->next_version ? event->next_version : "-",
                  swb_event_describe(event->type, event->result, event->errorcode, what),
                  *event->fault ? event->fault : "-", *event->slot ? event->slot : "-",
                  *event->text ? event->text : "-", NULL);
        return 0;
}

static int print_json(struct swb_db *db, int64_t app, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(SERVER_JSON_MAX_BYTES);
        struct swb_json json = SWB_JSON(&buf, true);
        int r;

        swb_json_open_array(&json, NULL);
        r = swb_event_list(db, app, machineid, 0, limit, add_json, &json, err);
        swb_json_close_array(&json);
        return server_finish_json(&json, r, err);
}

int cmd_events(int n_args, char **args, struct swb_error *err)
{
        _cleanup_(swb_db_freep) struct swb_db *db = NULL;
        struct swb_app app = {0};
        struct table table;
        int r;

        (void)n_args;
        (void)args;
        r = server_open_db(SWB_DB_EXISTING, &db, err);
        if (r >= 0 && appid)
                r = swb_app_find(db, appid, &app, err);
        if (r < 0)
                return r;
        if (as_json)
                return print_json(db, app.id, err);
        table_init(&table, "TIME", "DEVICE", "VERSION", "NEXT", "EVENT", "FAULT", "SLOT", "TEXT",
                   NULL);
        r = swb_event_list(db, app.id, machineid, 0, limit, add_row, &table, err);
        return table_finish(&table, r, err);
}
