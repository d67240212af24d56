/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "bin/swb-server/client.h"
#include "bin/swb-server/server.h"
#include "bin/swb-server/table.h"

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

static int run_add(char **args, struct swb_error *err)
{
        _cleanup_(client_answer_done) struct client_answer answer = {0};
        _cleanup_(client_json_done) json_t *body = json_object();
        struct client_request request = {.method = "POST", .path = "webhooks", .body = body};
        int r;

        r = client_set_text(body, "name", args[0], err);
        if (r >= 0)
                r = fill(body, err);
        if (r >= 0)
                r = client_call(&request, &answer, err);
        if (r < 0)
                return r;
        if (as_json)
                return client_print_json(answer.json, err);
        /* Alone on its line, for a file. */
        (void)printf("%s\n", client_text(answer.json, "secret"));
        return SWB_EXIT_OK;
}

static int run_set(char **args, struct swb_error *err)
{
        _cleanup_free_ char *path = client_path("webhooks", args[0], NULL);
        _cleanup_(client_json_done) json_t *body = json_object();
        struct client_request request = {.method = "PATCH", .path = path, .body = body};
        int r = fill(body, err);

        return r < 0 ? r : client_do(&request, err);
}

static int run_list(char **args, struct swb_error *err)
{
        _cleanup_(client_answer_done) struct client_answer answer = {0};
        struct client_request request = {.method = "GET", .path = "webhooks"};
        struct table table;
        json_t *hook;
        size_t i;
        int r;

        (void)args;
        r = client_call(&request, &answer, err);
        if (r < 0)
                return r;
        if (as_json)
                return client_print_json(answer.json, err);
        table_init(&table, "WEBHOOK", "URL", "EVENTS", "DELIVERED", "DROPPED", "LAST", NULL);
        json_array_foreach(answer.json, i, hook)
        {
                char delivered[24], dropped[24];

                (void)snprintf(delivered, sizeof(delivered), "%" PRIu64,
                               client_number(hook, "delivered"));
                (void)snprintf(dropped, sizeof(dropped), "%" PRIu64,
                               client_number(hook, "dropped"));
                table_row(&table, client_text(hook, "name"), client_text(hook, "url"),
                          client_bool(hook, "enabled") ? client_text(hook, "events") : "disabled",
                          delivered, dropped, client_text_or(hook, "last_result", "-"), NULL);
        }
        return table_finish(&table, 0, err);
}

static int run_remove(char **args, struct swb_error *err)
{
        _cleanup_free_ char *path = client_path("webhooks", args[0], NULL);
        struct client_request request = {.method = "DELETE", .path = path};
        int r = client_do(&request, err);

        if (r < 0)
                return r;
        (void)printf("removed webhook %s\n", args[0]);
        return SWB_EXIT_OK;
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
