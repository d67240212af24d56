/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swb-server/list.h"
#include "bin/swb-server/server.h"

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

/* Alone on its line: "swb-server token create ci > file". */
static int print(const json_t *token, struct swb_error *err)
{
        (void)err;
        (void)printf("%s\n", client_text(token, "token"));
        return SWB_EXIT_OK;
}

static int run_create(char **args, struct swb_error *err)
{
        _cleanup_(client_json_done) json_t *body =
                json_pack("{s:s, s:s, s:I}", "name", args[0], "scope", scope, "expires_in_seconds",
                          (json_int_t)(expires_usec / 1000000));
        struct client_request request = {
                .method = "POST", .path = "tokens", .body = body, .may_create = true};

        if (!body)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "'%.80s' can't be a name", args[0]);
        return client_show(&request, as_json, print, err);
}

static int run_list(char **args, struct swb_error *err)
{
        static const struct list_column columns[] = {
                {"TOKEN", "name"},
                {"SCOPE", "scope"},
                {"CREATED", "created"},
                {"BY", "created_by"},
                {"EXPIRES", "expires", "never"},
                {"LAST USED", "last_used", "never"},
                {0},
        };
        const struct list list = {.request = {.method = "GET", .path = "tokens"},
                                  .columns = columns,
                                  .as_json = as_json};

        (void)args;
        return list_print(&list, err);
}

static int run_remove(char **args, struct swb_error *err)
{
        return client_remove("tokens", NULL, args[0], err);
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
