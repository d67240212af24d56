/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swb-server/list.h"
#include "bin/swb-server/server.h"

static const char *appid, *version;
static bool as_json;

const struct swb_opt cmd_channel_options[] = {
        {'a', "app", SWB_OPT_STRING, &appid, "ID", false, "the app, if there are several"},
        {'r', "release", SWB_OPT_STRING, &version, "VERSION", false,
         "what the channel shall give; 'unset': nothing"},
        {0, "json", SWB_OPT_FLAG, &as_json, NULL, false, "print JSON"},
        {0},
};

static int run_list(char **args, struct swb_error *err)
{
        static const struct list_column columns[] = {
                {"CHANNEL", "name"},
                {"RELEASE", "release", "-"},
                {"CHANGED", "changed"},
                {0},
        };
        const struct list list = {.request = {.method = "GET", .path = "channels", .app = appid},
                                  .columns = columns,
                                  .as_json = as_json};

        (void)args;
        return list_print(&list, err);
}

static int run_set(char **args, struct swb_error *err)
{
        bool unset = version && strcmp(version, "unset") == 0;
        _cleanup_free_ char *path = client_path("channels", args[0], NULL);
        _cleanup_(client_json_done) json_t *body =
                json_pack("{s:s?}", "release", unset ? NULL : version);
        struct client_request request = {.method = "PUT", .path = path, .app = appid, .body = body};
        int r;

        if (!version)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "say what the channel shall give with --release");
        r = client_do(&request, err);
        if (r < 0)
                return r;
        if (unset)
                (void)printf("channel %s gives nothing now\n", args[0]);
        else
                (void)printf("channel %s now gives %s\n", args[0], version);
        return SWB_EXIT_OK;
}

static int run_remove(char **args, struct swb_error *err)
{
        return client_remove("channels", appid, args[0], err);
}

int cmd_channel(int n_args, char **args, struct swb_error *err)
{
        static const struct client_action actions[] = {
                {"list", 0, run_list},
                {"set", 1, run_set},
                {"remove", 1, run_remove},
                {0},
        };

        return client_run_action(actions, n_args, args, err);
}
