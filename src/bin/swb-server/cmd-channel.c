/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swb-server/server.h"
#include "bin/swb-server/table.h"
#include "server/report/report.h"

static const char *appid, *version;
static bool as_json;

const struct swb_opt cmd_channel_options[] = {
        {'a', "app", SWB_OPT_STRING, &appid, "ID", false, "the app, if there are several"},
        {'r', "release", SWB_OPT_STRING, &version, "VERSION", false,
         "what the channel shall give; 'unset': nothing"},
        {0, "json", SWB_OPT_FLAG, &as_json, NULL, false, "print JSON"},
        {0},
};

static int add_json(const struct swb_channel *channel, void *userdata, struct swb_error *err)
{
        (void)err;
        swb_json_channel(userdata, channel);
        return 0;
}

static int add_row(const struct swb_channel *channel, void *userdata, struct swb_error *err)
{
        char changed[SWB_TIME_TEXT];

        (void)err;
        table_row(userdata, channel->name, channel->release ? channel->version : "-",
                  swb_format_time(channel->changed, changed), NULL);
        return 0;
}

static int run_list(struct swb_db *db, char **args, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(SERVER_JSON_MAX_BYTES);
        struct swb_json json = SWB_JSON(&buf, true);
        struct table table;
        struct swb_app app;
        int r;

        (void)args;
        r = swb_app_find(db, appid, &app, err);
        if (r < 0)
                return r;
        if (as_json) {
                swb_json_open_array(&json, NULL);
                r = swb_channel_list(db, app.id, add_json, &json, err);
                swb_json_close_array(&json);
                return server_finish_json(&json, r, err);
        }
        table_init(&table, "CHANNEL", "RELEASE", "CHANGED", NULL);
        r = swb_channel_list(db, app.id, add_row, &table, err);
        return table_finish(&table, r, err);
}

static int run_set(struct swb_db *db, char **args, struct swb_error *err)
{
        _cleanup_(swb_transaction_done) struct swb_transaction t = {0};
        struct swb_release release = {0};
        struct swb_app app;
        bool unset = version && strcmp(version, "unset") == 0;
        int r;

        if (!version)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "say what the channel shall give with --release");
        r = swb_app_find(db, appid, &app, err);
        if (r >= 0)
                r = swb_transaction_begin(&t, db, err);
        if (r >= 0 && !unset)
                r = swb_release_find(db, app.id, version, &release, err);
        if (r >= 0)
                r = swb_channel_set(db, app.id, args[0], release.id, (int64_t)time(NULL), err);
        if (r >= 0)
                r = swb_transaction_commit_catalog(&t, err);
        if (r < 0)
                return r;
        if (unset)
                (void)printf("channel %s gives nothing now\n", args[0]);
        else
                (void)printf("channel %s now gives %s\n", args[0], release.version);
        return SWB_EXIT_OK;
}

int cmd_channel(int n_args, char **args, struct swb_error *err)
{
        static const struct server_action actions[] = {
                {"list", 0, run_list},
                {"set", 1, run_set},
                {0},
        };

        return server_run_action(actions, n_args, args, SWB_DB_EXISTING, err);
}
