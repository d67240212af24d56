/* SPDX-License-Identifier: Apache-2.0 */
/* Apps with their keys, and channels. */
#include "server/api/internal.h"
#include "server/report/report.h"
#include "server/store/channels.h"

/* --- apps --- */

static int write_app(struct swb_json *json, struct swb_db *db, const struct swb_app *app,
                     struct swb_error *err)
{
        _cleanup_(swb_keyring_freep) struct swb_keyring *ring = NULL;
        int r;

        r = swb_keyring_new(&ring, err);
        if (r >= 0)
                r = swb_app_load_keys(db, app->id, ring, err);
        if (r < 0)
                return r;
        swb_json_open_object(json, NULL);
        swb_json_str(json, "app", app->appid);
        swb_json_str(json, "default_channel", app->default_channel);
        swb_json_str(json, "hash_sha256", swb_hash_form_to_string(app->hash_form));
        swb_json_u64(json, "required_signatures", app->required_signatures);
        swb_json_open_array(json, "keys");
        for (size_t i = 0; i < swb_keyring_count(ring); i++)
                swb_json_str(json, NULL, swb_keyring_id(ring, i));
        swb_json_close_array(json);
        swb_json_close_object(json);
        return 0;
}

static int add_app(const struct swb_app *app, void *userdata, struct swb_error *err)
{
        struct swb_api_call *call = userdata;

        return write_app(&call->json, call->db, app, err);
}

static int list_apps(struct swb_api_call *call, struct swb_error *err)
{
        int r;

        swb_json_open_array(&call->json, NULL);
        r = swb_app_list(call->db, add_app, call, err);
        swb_json_close_array(&call->json);
        return r;
}

/* The path names the app, or "only" the only one. */
static int find_app(struct swb_api_call *call, struct swb_error *err)
{
        const char *name = swb_api_name(call);

        return swb_app_find(call->db, strcmp(name, "only") == 0 ? NULL : name, &call->app, err);
}

static int show_app(struct swb_api_call *call, struct swb_error *err)
{
        int r = find_app(call, err);

        return r < 0 ? r : write_app(&call->json, call->db, &call->app, err);
}

static int describe_app(struct swb_api_call *call, struct swb_json *json, struct swb_error *err)
{
        int r = *swb_api_name(call) ? find_app(call, err) : -ENOENT;

        if (r == -ENOENT)
                return 0;
        if (r >= 0)
                r = write_app(json, call->db, &call->app, err);
        return r < 0 ? r : 1;
}

static int read_app(const struct swb_api_call *call, struct swb_app *app, struct swb_error *err)
{
        const char *form = NULL;
        int r;

        r = swb_api_copy(call, "default_channel", app->default_channel,
                         sizeof(app->default_channel), err);
        if (r >= 0)
                r = swb_api_u64(call, "required_signatures", &app->required_signatures, err);
        if (r >= 0)
                r = swb_api_text(call, "hash_sha256", &form, err);
        if (r < 0 || !form)
                return r;
        app->hash_form = swb_hash_form_from_string(form);
        if (app->hash_form == _SWB_HASH_FORM_INVALID)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "'hash_sha256': '%.40s' is not hex, base64 or omit", form);
        return 0;
}

static int change_keys(struct swb_api_call *call, struct swb_error *err)
{
        json_t *add, *drop;
        int r;

        r = swb_api_texts(call, "add_keys", &add, err);
        if (r >= 0)
                r = swb_api_texts(call, "remove_keys", &drop, err);
        for (size_t i = 0; r >= 0 && i < json_array_size(add); i++)
                r = swb_app_add_key(call->db, call->app.id, "'add_keys'",
                                    json_string_value(json_array_get(add, i)), call->now, err);
        for (size_t i = 0; r >= 0 && i < json_array_size(drop); i++)
                r = swb_app_remove_key(call->db, call->app.id,
                                       json_string_value(json_array_get(drop, i)), err);
        return r;
}

static int change(struct swb_api_call *call, struct swb_error *err)
{
        int r = read_app(call, &call->app, err);

        if (r >= 0)
                r = change_keys(call, err);
        if (r >= 0)
                r = swb_app_update(call->db, &call->app, err);
        return r < 0 ? r : write_app(&call->json, call->db, &call->app, err);
}

#define APP_MEMBERS "default_channel hash_sha256 required_signatures add_keys remove_keys"

static int change_app(struct swb_api_call *call, struct swb_error *err)
{
        int r = swb_api_only(call, APP_MEMBERS, err);

        if (r >= 0)
                r = find_app(call, err);
        return r < 0 ? r : change(call, err);
}

static int create_app(struct swb_api_call *call, struct swb_error *err)
{
        struct swb_error absent = SWB_ERROR_INIT;
        const char *appid;
        int r;

        r = swb_api_only(call, "app " APP_MEMBERS, err);
        if (r >= 0)
                r = swb_api_need(call, "app", &appid, err);
        if (r < 0)
                return r;
        if (swb_app_find(call->db, appid, &call->app, &absent) >= 0)
                return swb_fail(err, -EEXIST, SWB_FAULT_USAGE, "there is an app '%s' already",
                                call->app.appid);
        r = swb_app_ensure(call->db, appid, call->now, &call->app, err);
        if (r < 0)
                return r;
        swb_copy_bounded(call->made, call->app.appid, SWB_APPID_MAX);
        return change(call, err);
}

static int remove_app(struct swb_api_call *call, struct swb_error *err)
{
        int r = find_app(call, err);

        return r < 0 ? r : swb_app_remove(call->db, &call->app, err);
}

/* --- channels --- */

static int add_channel(const struct swb_channel *channel, void *userdata, struct swb_error *err)
{
        (void)err;
        swb_json_channel(userdata, channel);
        return 0;
}

static int list_channels(struct swb_api_call *call, struct swb_error *err)
{
        int r;

        swb_json_open_array(&call->json, NULL);
        r = swb_channel_list(call->db, call->app.id, add_channel, &call->json, err);
        swb_json_close_array(&call->json);
        return r;
}

struct wanted {
        const char *name;
        struct swb_json *json;
        bool found;
};

static int pick_channel(const struct swb_channel *channel, void *userdata, struct swb_error *err)
{
        struct wanted *wanted = userdata;

        (void)err;
        if (strcmp(channel->name, wanted->name) == 0) {
                swb_json_channel(wanted->json, channel);
                wanted->found = true;
        }
        return 0;
}

static int describe_channel(struct swb_api_call *call, struct swb_json *json, struct swb_error *err)
{
        struct wanted wanted = {.name = call->args[0], .json = json};
        int r = swb_channel_list(call->db, call->app.id, pick_channel, &wanted, err);

        return r < 0 ? r : wanted.found;
}

static int show_channel(struct swb_api_call *call, struct swb_error *err)
{
        int r = describe_channel(call, &call->json, err);

        if (r == 0)
                return swb_fail(err, -ENOENT, SWB_FAULT_NOT_FOUND, "there is no channel '%s'",
                                call->args[0]);
        return SWB_MIN(r, 0);
}

/* "release": a version, or null for none. */
static int set_channel(struct swb_api_call *call, struct swb_error *err)
{
        struct swb_release release = {0};
        const char *version = NULL;
        int r;

        r = swb_api_only(call, "release", err);
        if (r >= 0 && !json_object_get(call->body, "release"))
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "'release' is missing: a version, or null for none");
        if (r >= 0)
                r = swb_api_text(call, "release", &version, err);
        if (r >= 0 && version)
                r = swb_release_find(call->db, call->app.id, version, &release, err);
        if (r >= 0)
                r = swb_channel_set(call->db, call->app.id, call->args[0], release.id, call->now,
                                    err);
        return r < 0 ? r : show_channel(call, err);
}

static int remove_channel(struct swb_api_call *call, struct swb_error *err)
{
        return swb_channel_remove(call->db, call->app.id, call->args[0], err);
}

const struct swb_api_route swb_api_app_routes[] = {
        {"GET", "apps", SWB_SCOPE_READ, list_apps, NULL, NULL, SWB_API_NO_APP},
        {"POST", "apps", SWB_SCOPE_ADMIN, create_app, describe_app, "app.create",
         SWB_API_NO_APP | SWB_API_CATALOG},
        {"GET", "apps/{app}", SWB_SCOPE_READ, show_app, describe_app, NULL, SWB_API_NO_APP},
        {"PATCH", "apps/{app}", SWB_SCOPE_ADMIN, change_app, describe_app, "app.change",
         SWB_API_NO_APP | SWB_API_CATALOG},
        {"DELETE", "apps/{app}", SWB_SCOPE_ADMIN, remove_app, describe_app, "app.remove",
         SWB_API_NO_APP | SWB_API_CATALOG | SWB_API_NO_BODY},
        {"GET", "channels", SWB_SCOPE_READ, list_channels, NULL, NULL, 0},
        {"GET", "channels/{channel}", SWB_SCOPE_READ, show_channel, describe_channel, NULL, 0},
        {"PUT", "channels/{channel}", SWB_SCOPE_DEPLOY, set_channel, describe_channel,
         "channel.set", SWB_API_CATALOG},
        {"DELETE", "channels/{channel}", SWB_SCOPE_DEPLOY, remove_channel, describe_channel,
         "channel.remove", SWB_API_CATALOG | SWB_API_NO_BODY},
        {0},
};
