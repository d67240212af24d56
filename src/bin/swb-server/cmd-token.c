/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swb-server/client.h"
#include "bin/swb-server/server.h"
#include "bin/swb-server/table.h"

static const char *scope = "read";
static uint64_t expires_usec;
static bool as_json;

const struct swb_opt cmd_token_options[] = {
        {0, "scope", SWB_OPT_STRING, &scope, "WORD", false,
         "create: what it lets do: read (default), deploy or admin"},
        {0, "expires", SWB_OPT_DURATION, &expires_usec, "TIME", false,
         "create: for so long (default: until it is removed)"},
        {0, "json", SWB_OPT_FLAG, &as_json, NULL, false, "print JSON"},
        {0},
};

static int run_create(char **args, struct swb_error *err)
{
        _cleanup_(client_answer_done) struct client_answer answer = {0};
        _cleanup_(client_json_done) json_t *body =
                json_pack("{s:s, s:s, s:I}", "name", args[0], "scope", scope, "expires_in_seconds",
                          (json_int_t)(expires_usec / 1000000));
        struct client_request request = {
                .method = "POST", .path = "tokens", .body = body, .may_create = true};
        int r;

        if (!body)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "'%.80s' can't be a name", args[0]);
        r = client_call(&request, &answer, err);
        if (r < 0)
                return r;
        if (as_json)
                return client_print_json(answer.json, err);
        /* Alone on its line: "swb-server token create ci > file". */
        (void)printf("%s\n", client_text(answer.json, "token"));
        return SWB_EXIT_OK;
}

static int run_list(char **args, struct swb_error *err)
{
        _cleanup_(client_answer_done) struct client_answer answer = {0};
        struct client_request request = {.method = "GET", .path = "tokens"};
        struct table table;
        json_t *token;
        size_t i;
        int r;

        (void)args;
        r = client_call(&request, &answer, err);
        if (r < 0)
                return r;
        if (as_json)
                return client_print_json(answer.json, err);
        table_init(&table, "TOKEN", "SCOPE", "CREATED", "BY", "EXPIRES", "LAST USED", NULL);
        json_array_foreach(answer.json, i, token)
                table_row(&table, client_text(token, "name"), client_text(token, "scope"),
                          client_text(token, "created"), client_text(token, "created_by"),
                          client_text_or(token, "expires", "never"),
                          client_text_or(token, "last_used", "never"), NULL);
        return table_finish(&table, 0, err);
}

static int run_remove(char **args, struct swb_error *err)
{
        _cleanup_(client_answer_done) struct client_answer answer = {0};
        _cleanup_free_ char *path = client_path("tokens", args[0], NULL);
        struct client_request request = {.method = "DELETE", .path = path};
        int r;

        r = path ? client_call(&request, &answer, err) : swb_oom(err);
        if (r < 0)
                return r;
        (void)printf("removed token %s\n", args[0]);
        return SWB_EXIT_OK;
}

int cmd_token(int n_args, char **args, struct swb_error *err)
{
        static const struct client_action actions[] = {
                {"create", 1, run_create},
                {"list", 0, run_list},
                {"remove", 1, run_remove},
                {0},
        };

        return client_run_action(actions, n_args, args, err);
}
