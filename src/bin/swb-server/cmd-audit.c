/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swb-server/client.h"
#include "bin/swb-server/server.h"
#include "bin/swb-server/table.h"

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

int cmd_audit(int n_args, char **args, struct swb_error *err)
{
        _cleanup_(client_answer_done) struct client_answer answer = {0};
        struct client_request request = {.method = "GET", .path = "audit"};
        _cleanup_free_ char *query = NULL;
        char text[24];
        struct table table;
        json_t *row;
        size_t i;
        int r;

        (void)n_args;
        (void)args;
        (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)limit);
        r = client_add_query(&query, "limit", text, err);
        if (r >= 0)
                r = client_add_query(&query, "who", who, err);
        if (r >= 0)
                r = client_add_query(&query, "object", object, err);
        if (r >= 0)
                r = client_add_query(&query, "action", action, err);
        request.query = query;
        if (r >= 0)
                r = client_call(&request, &answer, err);
        if (r < 0)
                return r;
        if (as_json)
                return client_print_json(answer.json, err);
        table_init(&table, "WHEN", "WHO", "VIA", "ADDRESS", "ACTION", "OBJECT", NULL);
        json_array_foreach(answer.json, i, row)
                table_row(&table, client_text(row, "at"), client_text_or(row, "who", "-"),
                          client_text(row, "via"), client_text_or(row, "address", "-"),
                          client_text(row, "action"), client_text(row, "object"), NULL);
        return table_finish(&table, 0, err);
}
