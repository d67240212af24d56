/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swb-server/list.h"
#include "bin/swb-server/server.h"

static const char *who, *object, *action;
static uint64_t limit = 100;
static bool as_json;

const struct swb_opt cmd_audit_options[] = {
        {0, "who", SWB_OPT_STRING, &who, "NAME", false, "only this user's or token's changes"},
        {0, "object", SWB_OPT_STRING, &object, "TEXT", false,
         "only what was done to this, as 'rollouts/' or 'channels/stable'"},
        {0, "action", SWB_OPT_STRING, &action, "TEXT", false,
         "only such deeds, as 'rollout.' or 'user.create'"},
        {'n', "limit", SWB_OPT_U64, &limit, "N", false, "at most so many (default 100)"},
        {0, "json", SWB_OPT_FLAG, &as_json, NULL, false,
         "print JSON, with the states before and after"},
        {0},
};

static int make_query(char **query, struct swb_error *err)
{
        char text[24];
        int r;

        (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)limit);
        r = client_add_query(query, "limit", text, err);
        if (r >= 0)
                r = client_add_query(query, "who", who, err);
        if (r >= 0)
                r = client_add_query(query, "object", object, err);
        return r < 0 ? r : client_add_query(query, "action", action, err);
}

int cmd_audit(int n_args, char **args, struct swb_error *err)
{
        static const struct list_column columns[] = {
                {"WHEN", "at"},
                {"WHO", "who", "-"},
                {"VIA", "via"},
                {"ADDRESS", "address", "-"},
                {"ACTION", "action"},
                {"OBJECT", "object"},
                {0},
        };
        struct list list = {.request = {.method = "GET", .path = "audit"},
                            .columns = columns,
                            .as_json = as_json};
        _cleanup_free_ char *query = NULL;
        int r;

        (void)n_args;
        (void)args;
        r = make_query(&query, err);
        list.request.query = query;
        return r < 0 ? r : list_print(&list, err);
}
