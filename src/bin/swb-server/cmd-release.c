/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "bin/swb-server/server.h"
#include "bin/swb-server/table.h"
#include "server/publish/unpublish.h"
#include "server/report/report.h"
#include "server/store/blocks.h"

static const char *appid, *stepping_stone, *hardware_class, *reason = "by hand";
static bool as_json;

const struct swb_opt cmd_release_options[] = {
        {'a', "app", SWB_OPT_STRING, &appid, "ID", false, "the app, if there are several"},
        {0, "stepping-stone", SWB_OPT_STRING, &stepping_stone, "YES|NO", false,
         "set: may devices below it skip it?"},
        {0, "hardware-class", SWB_OPT_STRING, &hardware_class, "TEXT", false,
         "block, unblock: for which devices"},
        {0, "reason", SWB_OPT_STRING, &reason, "TEXT", false,
         "block: why, for people (default: by hand)"},
        {0, "json", SWB_OPT_FLAG, &as_json, NULL, false, "print JSON"},
        {0},
};

/* A list's callbacks need the table and the release whose payloads they are shown. */
struct listing {
        struct swb_db *db;
        struct table table;
        const struct swb_release *release;
};

static int add_payload(const struct swb_payload *payload, void *userdata, struct swb_error *err)
{
        struct listing *listing = userdata;
        char created[SWB_TIME_TEXT], size[SWB_SIZE_TEXT];

        (void)err;
        table_row(&listing->table, listing->release->version,
                  *payload->source_version ? payload->source_version : "full",
                  swb_format_size(payload->size, size), payload->name, payload->sha256,
                  swb_format_time(listing->release->created, created), NULL);
        return 0;
}

static int add_release(const struct swb_release *release, void *userdata, struct swb_error *err)
{
        struct listing *listing = userdata;

        listing->release = release;
        return swb_payload_list(listing->db, release->id, add_payload, listing, err);
}

static void begin_table(struct listing *listing)
{
        table_init(&listing->table, "VERSION", "FROM", "SIZE", "NAME", "SHA256", "CREATED", NULL);
}

static int run_list(struct swb_db *db, char **args, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(SERVER_JSON_MAX_BYTES);
        struct swb_json json = SWB_JSON(&buf, true);
        struct listing listing = {.db = db};
        struct swb_app app = {0};
        int r;

        (void)args;
        if (appid || !as_json) {
                r = swb_app_find(db, appid, &app, err);
                if (r < 0)
                        return r;
        }
        if (as_json)
                return server_finish_json(&json, swb_json_releases(&json, db, app.id, err), err);
        begin_table(&listing);
        r = swb_release_list(db, app.id, add_release, &listing, err);
        return table_finish(&listing.table, r, err);
}

static int find(struct swb_db *db, const char *version, struct swb_release *ret,
                struct swb_error *err)
{
        struct swb_app app;
        int r = swb_app_find(db, appid, &app, err);

        return r < 0 ? r : swb_release_find(db, app.id, version, ret, err);
}

static int run_show(struct swb_db *db, char **args, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(SERVER_JSON_MAX_BYTES);
        struct swb_json json = SWB_JSON(&buf, true);
        struct listing listing = {.db = db};
        struct swb_release release;
        int r;

        r = find(db, args[0], &release, err);
        if (r < 0)
                return r;
        if (as_json)
                return server_finish_json(&json, swb_json_release(&json, db, &release, err), err);
        begin_table(&listing);
        r = add_release(&release, &listing, err);
        return table_finish(&listing.table, r, err);
}

static int run_remove(struct swb_db *db, char **args, struct swb_error *err)
{
        _cleanup_(swb_unpublish_done) struct swb_unpublish u;
        _cleanup_(swb_transaction_done) struct swb_transaction t = {0};
        struct swb_release release;
        int r;

        r = swb_unpublish_begin(&u, server_options.data, err);
        if (r >= 0)
                r = swb_transaction_begin(&t, db, err);
        if (r >= 0)
                r = find(db, args[0], &release, err);
        if (r >= 0)
                r = swb_unpublish_rows(&u, db, &release, err);
        if (r >= 0)
                r = swb_transaction_commit_catalog(&t, err);
        if (r >= 0)
                r = swb_unpublish_files(&u, db, err);
        if (r < 0)
                return r;
        (void)printf("removed release %s\n", release.version);
        return SWB_EXIT_OK;
}

static int run_set(struct swb_db *db, char **args, struct swb_error *err)
{
        _cleanup_(swb_transaction_done) struct swb_transaction t = {0};
        struct swb_release release;
        bool value;
        int r;

        if (!stepping_stone || swb_parse_bool(stepping_stone, &value) < 0)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "say --stepping-stone=yes or --stepping-stone=no");
        r = swb_transaction_begin(&t, db, err);
        if (r >= 0)
                r = find(db, args[0], &release, err);
        if (r >= 0)
                r = swb_release_set_stepping_stone(db, &release, value, err);
        if (r >= 0)
                r = swb_transaction_commit_catalog(&t, err);
        if (r < 0)
                return r;
        (void)printf("release %s %s\n", release.version,
                     value ? "can't be skipped" : "can be skipped");
        return SWB_EXIT_OK;
}

static int change_block(struct swb_db *db, const char *version, bool block, struct swb_error *err)
{
        _cleanup_(swb_transaction_done) struct swb_transaction t = {0};
        struct swb_release release;
        int r;

        if (!hardware_class)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "say for which devices with --hardware-class");
        r = swb_transaction_begin(&t, db, err);
        if (r >= 0)
                r = find(db, version, &release, err);
        if (r >= 0)
                r = block ? swb_block_put(db, release.id, hardware_class, reason,
                                          (int64_t)time(NULL), err)
                          : swb_block_lift(db, release.id, hardware_class, err);
        if (r >= 0)
                r = swb_transaction_commit_catalog(&t, err);
        if (r < 0)
                return r;
        (void)printf("release %s is %s for hardware class %s\n", release.version,
                     block ? "blocked" : "not blocked", hardware_class);
        return SWB_EXIT_OK;
}

static int run_block(struct swb_db *db, char **args, struct swb_error *err)
{
        return change_block(db, args[0], true, err);
}

static int run_unblock(struct swb_db *db, char **args, struct swb_error *err)
{
        return change_block(db, args[0], false, err);
}

int cmd_release(int n_args, char **args, struct swb_error *err)
{
        static const struct server_action actions[] = {
                {"list", 0, run_list},
                {"show", 1, run_show},
                {"remove", 1, run_remove},
                {"set", 1, run_set},
                {"block", 1, run_block},
                {"unblock", 1, run_unblock},
                {0},
        };

        return server_run_action(actions, n_args, args, SWB_DB_EXISTING, err);
}
