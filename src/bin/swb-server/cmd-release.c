/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "bin/swb-server/client.h"
#include "bin/swb-server/server.h"
#include "bin/swb-server/table.h"

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

#define NEEDS_TEXT 200

/* Minor version and encoders. */
static const char *needs_of(const json_t *payload, char *text)
{
        const char *encoders = client_text(payload, "encoders");

        if (!json_is_integer(json_object_get(payload, "minor_version")))
                return "";
        (void)snprintf(text, NEEDS_TEXT, "%llu%s%s",
                       (unsigned long long)client_number(payload, "minor_version"),
                       *encoders ? " " : "", encoders);
        return text;
}

static void add_release(struct table *table, const json_t *release)
{
        const json_t *payloads = json_object_get(release, "payloads"), *payload;
        char size[SWB_SIZE_TEXT], needs[NEEDS_TEXT];
        size_t i;

        json_array_foreach(payloads, i, payload)
                table_row(table, client_text(release, "version"),
                          client_text_or(payload, "source_version", "full"),
                          swb_format_size(client_number(payload, "size"), size),
                          needs_of(payload, needs), client_text(payload, "name"),
                          client_text(payload, "sha256"), client_text(release, "created"), NULL);
}

static void begin_table(struct table *table)
{
        table_init(table, "VERSION", "FROM", "SIZE", "NEEDS", "NAME", "SHA256", "CREATED", NULL);
}

struct apps {
        json_t *list;
        bool failed;
};

/* The releases of an app may go on on the next page. */
static void add_app(const json_t *app, void *userdata)
{
        struct apps *apps = userdata;
        json_t *last = json_array_get(apps->list, json_array_size(apps->list) - 1);
        int r;

        if (last && strcmp(client_text(last, "app"), client_text(app, "app")) == 0)
                r = json_array_extend(json_object_get(last, "releases"),
                                      json_object_get(app, "releases"));
        else
                r = json_array_append_new(apps->list, json_deep_copy(app));
        apps->failed = apps->failed || r < 0;
}

static int print_list(const json_t *apps, struct swb_error *err)
{
        const json_t *app, *release;
        struct table table;
        size_t i, k;

        if (json_array_size(apps) > 1)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "there are several apps: say which one with --app");
        begin_table(&table);
        json_array_foreach(apps, i, app) json_array_foreach(json_object_get(app, "releases"), k,
                                                            release) add_release(&table, release);
        return table_finish(&table, 0, err);
}

static int run_list(char **args, struct swb_error *err)
{
        const struct client_request request = {.method = "GET", .path = "releases", .app = appid};
        _cleanup_(client_json_done) json_t *list = json_array();
        struct apps apps = {.list = list, .failed = !list};
        int r;

        (void)args;
        r = client_each(&request, "before", UINT64_MAX, add_app, &apps, err);
        if (r < 0)
                return r;
        if (apps.failed)
                return swb_oom(err);
        return as_json ? client_print_json(list, err) : print_list(list, err);
}

static int print(const json_t *release, struct swb_error *err)
{
        struct table table;

        begin_table(&table);
        add_release(&table, release);
        return table_finish(&table, 0, err);
}

static int run_show(char **args, struct swb_error *err)
{
        _cleanup_free_ char *path = client_path("releases", args[0], NULL);
        struct client_request request = {.method = "GET", .path = path, .app = appid};

        return client_show(&request, as_json, print, err);
}

static int run_remove(char **args, struct swb_error *err)
{
        return client_remove("releases", appid, args[0], err);
}

static int run_set(char **args, struct swb_error *err)
{
        _cleanup_free_ char *path = client_path("releases", args[0], NULL);
        _cleanup_(client_json_done) json_t *body = NULL;
        struct client_request request = {.method = "PATCH", .path = path, .app = appid};
        bool value;
        int r;

        if (!stepping_stone || swb_parse_bool(stepping_stone, &value) < 0)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "say --stepping-stone=yes or --stepping-stone=no");
        request.body = body = json_pack("{s:b}", "stepping_stone", value);
        r = client_do(&request, err);
        if (r < 0)
                return r;
        (void)printf("release %s %s\n", args[0], value ? "can't be skipped" : "can be skipped");
        return SWB_EXIT_OK;
}

static int change_block(const char *version, bool block, struct swb_error *err)
{
        _cleanup_free_ char *path = NULL;
        _cleanup_(client_json_done) json_t *body =
                block ? json_pack("{s:s}", "reason", reason) : NULL;
        struct client_request request = {
                .method = block ? "PUT" : "DELETE", .app = appid, .body = body};
        int r;

        if (!hardware_class)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "say for which devices with --hardware-class");
        request.path = path = client_path("releases", version, "blocks", hardware_class, NULL);
        r = client_do(&request, err);
        if (r < 0)
                return r;
        (void)printf("release %s is %s for hardware class %s\n", version,
                     block ? "blocked" : "not blocked", hardware_class);
        return SWB_EXIT_OK;
}

static int run_block(char **args, struct swb_error *err)
{
        return change_block(args[0], true, err);
}

static int run_unblock(char **args, struct swb_error *err)
{
        return change_block(args[0], false, err);
}

int cmd_release(int n_args, char **args, struct swb_error *err)
{
        static const struct client_action actions[] = {
                {"list", 0, run_list},
                {"show", 1, run_show},
                {"remove", 1, run_remove},
                {"set", 1, run_set},
                {"block", 1, run_block},
                {"unblock", 1, run_unblock},
                {0},
        };

        return client_run_action(actions, n_args, args, err);
}
