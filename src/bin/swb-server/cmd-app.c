/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swb-server/server.h"
#include "bin/swb-server/table.h"

static const char *appid, *default_channel, *hash_form;
static struct swb_opt_list add_keys, remove_keys;

const struct swb_opt cmd_app_options[] = {
        {'a', "app", SWB_OPT_STRING, &appid, "ID", false, "the app, if there are several"},
        {0, "default-channel", SWB_OPT_STRING, &default_channel, "NAME", false,
         "for devices that name no track (default stable)"},
        {0, "hash-sha256", SWB_OPT_STRING, &hash_form, "FORM", false,
         "hash_sha256 in answers: hex (the protocol), base64 (go-omaha), omit"},
        {0, "add-key", SWB_OPT_LIST, &add_keys, "FILE", false,
         "trust this PEM key for the app's payloads"},
        {0, "remove-key", SWB_OPT_LIST, &remove_keys, "KEYID", false, "trust it no longer"},
        {0},
};

static int add_row(const struct swb_app *app, void *userdata, struct swb_error *err)
{
        (void)err;
        table_row(userdata, app->appid, app->default_channel,
                  swb_hash_form_to_string(app->hash_form), NULL);
        return 0;
}

static int run_list(struct swb_db *db, char **args, struct swb_error *err)
{
        struct table table;
        int r;

        (void)args;
        table_init(&table, "APP", "DEFAULT CHANNEL", "HASH_SHA256", NULL);
        r = swb_app_list(db, add_row, &table, err);
        return table_finish(&table, r, err);
}

static int run_show(struct swb_db *db, char **args, struct swb_error *err)
{
        _cleanup_(swb_keyring_freep) struct swb_keyring *ring = NULL;
        struct swb_app app;
        int r;

        (void)args;
        r = swb_app_find(db, appid, &app, err);
        if (r >= 0)
                r = swb_keyring_new(&ring, err);
        if (r >= 0)
                r = swb_app_load_keys(db, app.id, ring, err);
        if (r < 0)
                return r;
        (void)printf("app %s\ndefault channel %s\nhash_sha256 %s\n", app.appid, app.default_channel,
                     swb_hash_form_to_string(app.hash_form));
        for (size_t i = 0; i < swb_keyring_count(ring); i++)
                (void)printf("key %s\n", swb_keyring_id(ring, i));
        return SWB_EXIT_OK;
}

static int change_keys(struct swb_db *db, int64_t app, struct swb_error *err)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < add_keys.n; i++)
                r = swb_app_add_key_file(db, app, add_keys.items[i], (int64_t)time(NULL), err);
        for (size_t i = 0; r >= 0 && i < remove_keys.n; i++)
                r = swb_app_remove_key(db, app, remove_keys.items[i], err);
        return r;
}

static int run_set(struct swb_db *db, char **args, struct swb_error *err)
{
        _cleanup_(swb_transaction_done) struct swb_transaction t = {0};
        struct swb_app app;
        int r;

        r = swb_app_find(db, appid, &app, err);
        if (r < 0)
                return r;
        if (default_channel) {
                r = swb_name_check("channel", default_channel, err);
                if (r < 0)
                        return r;
                swb_copy_bounded(app.default_channel, default_channel, SWB_NAME_MAX);
        }
        if (hash_form) {
                app.hash_form = swb_hash_form_from_string(hash_form);
                if (app.hash_form == _SWB_HASH_FORM_INVALID)
                        return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                        "option --hash-sha256: '%s' is not hex, base64 or omit",
                                        hash_form);
        }
        r = swb_transaction_begin(&t, db, err);
        if (r >= 0)
                r = swb_app_update(db, &app, err);
        if (r >= 0)
                r = change_keys(db, app.id, err);
        if (r >= 0)
                r = swb_transaction_commit_catalog(&t, err);
        return r < 0 ? r : run_show(db, args, err);
}

int cmd_app(int n_args, char **args, struct swb_error *err)
{
        static const struct server_action actions[] = {
                {"list", 0, run_list},
                {"show", 0, run_show},
                {"set", 0, run_set},
                {0},
        };

        return server_run_action(actions, n_args, args, SWB_DB_EXISTING, err);
}
