/* SPDX-License-Identifier: Apache-2.0 */
/* Who is told of changes. */
#include "server/store/webhooks.h"
#include "server/api/internal.h"
#include "server/report/report.h"

static void put_time(struct swb_json *json, const char *name, int64_t at)
{
        char text[SWB_TIME_TEXT];

        swb_json_str(json, name, at ? swb_format_time(at, text) : NULL);
}

static void open_hook(struct swb_json *json, const struct swb_webhook *hook)
{
        swb_json_open_object(json, NULL);
        swb_json_str(json, "name", hook->name);
        swb_json_str(json, "url", hook->url);
        swb_json_str(json, "events", hook->events);
        swb_json_bool(json, "enabled", hook->enabled);
        put_time(json, "created", hook->created);
}

static void write_hook(struct swb_json *json, const struct swb_webhook *hook)
{
        open_hook(json, hook);
        put_time(json, "last_at", hook->last_at);
        swb_json_str(json, "last_result", hook->last_result);
        swb_json_i64(json, "failed_tries", hook->attempts);
        swb_json_i64(json, "delivered", hook->delivered);
        swb_json_i64(json, "dropped", hook->dropped);
        swb_json_close_object(json);
}

static int add_hook(const struct swb_webhook *hook, void *userdata, struct swb_error *err)
{
        (void)err;
        write_hook(userdata, hook);
        return 0;
}

static int list_hooks(struct swb_api_call *call, struct swb_error *err)
{
        int r;

        swb_json_open_array(&call->json, NULL);
        r = swb_webhook_list(call->db, add_hook, &call->json, err);
        swb_json_close_array(&call->json);
        return r;
}

static int describe(struct swb_api_call *call, struct swb_json *json, struct swb_error *err)
{
        struct swb_webhook hook;
        int r = *swb_api_name(call) ? swb_webhook_find(call->db, swb_api_name(call), &hook, err)
                                    : -ENOENT;

        if (r < 0)
                return r == -ENOENT ? 0 : r;
        open_hook(json, &hook);
        swb_json_close_object(json);
        return 1;
}

static int read_hook(const struct swb_api_call *call, struct swb_webhook *hook,
                     struct swb_error *err)
{
        int r;

        r = swb_api_copy(call, "url", hook->url, sizeof(hook->url), err);
        if (r >= 0)
                r = swb_api_copy(call, "events", hook->events, sizeof(hook->events), err);
        return r < 0 ? r : swb_api_bool(call, "enabled", &hook->enabled, err);
}

static int create(struct swb_api_call *call, struct swb_error *err)
{
        struct swb_webhook hook = {.events = "rollout.", .enabled = true};
        const char *name, *url;
        int r;

        r = swb_api_only(call, "name url events enabled", err);
        if (r >= 0)
                r = swb_api_need(call, "name", &name, err);
        if (r >= 0)
                r = swb_name_check("webhook", name, err);
        if (r >= 0)
                r = swb_api_need(call, "url", &url, err);
        if (r >= 0)
                r = read_hook(call, &hook, err);
        if (r >= 0)
                r = swb_secret_make(hook.secret, err);
        if (r < 0)
                return r;
        swb_copy_bounded(hook.name, name, SWB_NAME_MAX);
        r = swb_webhook_put(call->db, &hook, call->now, err);
        if (r < 0)
                return r;
        hook.created = call->now;
        swb_copy_bounded(call->made, hook.name, SWB_NAME_MAX);
        open_hook(&call->json, &hook);
        swb_json_str(&call->json, "secret", hook.secret);
        swb_json_close_object(&call->json);
        return 0;
}

static int change(struct swb_api_call *call, struct swb_error *err)
{
        struct swb_webhook hook;
        int r;

        r = swb_api_only(call, "url events enabled", err);
        if (r >= 0)
                r = swb_webhook_find(call->db, call->args[0], &hook, err);
        if (r >= 0)
                r = read_hook(call, &hook, err);
        if (r >= 0)
                r = swb_webhook_put(call->db, &hook, call->now, err);
        if (r >= 0)
                r = swb_webhook_find(call->db, call->args[0], &hook, err);
        if (r >= 0)
                write_hook(&call->json, &hook);
        return r;
}

static int removal(struct swb_api_call *call, struct swb_error *err)
{
        struct swb_webhook hook;
        int r = swb_webhook_find(call->db, call->args[0], &hook, err);

        return r < 0 ? r : swb_webhook_remove(call->db, hook.id, err);
}

const struct swb_api_route swb_api_webhook_routes[] = {
        {"GET", "webhooks", SWB_SCOPE_ADMIN, list_hooks, NULL, NULL, SWB_API_NO_APP},
        {"POST", "webhooks", SWB_SCOPE_ADMIN, create, describe, "webhook.create",
         SWB_API_NO_APP | SWB_API_SECRET},
        {"PATCH", "webhooks/{webhook}", SWB_SCOPE_ADMIN, change, describe, "webhook.change",
         SWB_API_NO_APP},
        {"DELETE", "webhooks/{webhook}", SWB_SCOPE_ADMIN, removal, describe, "webhook.remove",
         SWB_API_NO_APP | SWB_API_NO_BODY},
        {0},
};
