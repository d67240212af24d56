/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swb-server/list.h"
#include "bin/swb-server/server.h"

static const char *url, *events;
static bool enable, disable, as_json;

const struct swb_opt cmd_webhook_options[] = {
        {0, "url", SWB_OPT_STRING, &url, "URL", false, "add, set: where to POST"},
        {0, "events", SWB_OPT_STRING, &events, "TEXT", false,
         "add, set: beginnings of actions to tell of, blanks between (default 'rollout.')"},
        {0, "enable", SWB_OPT_FLAG, &enable, NULL, false, "set: tell it again"},
        {0, "disable", SWB_OPT_FLAG, &disable, NULL, false, "set: tell it nothing"},
        {0, "json", SWB_OPT_FLAG, &as_json, NULL, false, "print JSON"},
        {0},
};

static int fill(json_t *body, struct swb_error *err)
{
        int r;

        r = client_set_text(body, "url", url, err);
        if (r >= 0)
                r = client_set_text(body, "events", events, err);
        if (r >= 0 && (enable || disable) &&
            json_object_set_new(body, "enabled", json_boolean(enable)) < 0)
                r = swb_oom(err);
        return r;
}

/* Alone on its line, for a file. */
static int print(const json_t *hook, struct swb_error *err)
{
        (void)err;
        (void)printf("%s\n", client_text(hook, "secret"));
        return SWB_EXIT_OK;
}

static int run_add(char **args, struct swb_error *err)
{
        _cleanup_(client_json_done) json_t *body = json_object();
        struct client_request request = {.method = "POST", .path = "webhooks", .body = body};
        int r;

        r = client_set_text(body, "name", args[0], err);
        if (r >= 0)
                r = fill(body, err);
        return r < 0 ? r : client_show(&request, as_json, print, err);
}

static int run_set(char **args, struct swb_error *err)
{
        _cleanup_free_ char *path = client_path("webhooks", args[0], NULL);
        _cleanup_(client_json_done) json_t *body = json_object();
        struct client_request request = {.method = "PATCH", .path = path, .body = body};
        int r = fill(body, err);

        return r < 0 ? r : client_do(&request, err);
}

static const char *events_of(const json_t *hook, char *text)
{
        (void)text;
        return client_bool(hook, "enabled") ? client_text(hook, "events") : "disabled";
}

static int run_list(char **args, struct swb_error *err)
{
        static const struct list_column columns[] = {
                {"WEBHOOK", "name"},
                {"URL", "url"},
                {"EVENTS", .cell = events_of},
                {"DELIVERED", "delivered"},
                {"DROPPED", "dropped"},
                {"LAST", "last_result", "-"},
                {0},
        };
        const struct list list = {.request = {.method = "GET", .path = "webhooks"},
                                  .columns = columns,
                                  .as_json = as_json};

        (void)args;
        return list_print(&list, err);
}

static int run_remove(char **args, struct swb_error *err)
{
        return client_remove("webhooks", NULL, args[0], err);
}

int cmd_webhook(int n_args, char **args, struct swb_error *err)
{
        static const struct client_action actions[] = {
                {"add", 1, run_add},
                {"set", 1, run_set},
                {"list", 0, run_list},
                {"remove", 1, run_remove},
                {0},
        };

        return client_run_action(actions, n_args, args, err);
}
