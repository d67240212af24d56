/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "bin/swb-server/list.h"
#include "bin/swb-server/server.h"

static const char *network, *group, *tag, *hardware_class, *url;
static uint64_t position = CLIENT_UNSET;
static bool as_json;

const struct swb_opt cmd_mirror_options[] = {
        {0, "network", SWB_OPT_STRING, &network, "NETWORK", false,
         "set: for devices of this network, as 10.0.0.0/8"},
        {0, "group", SWB_OPT_STRING, &group, "NAME", false, "set: for devices of this group"},
        {0, "tag", SWB_OPT_STRING, &tag, "TAG", false,
         "set: for devices with this tag, as a region's"},
        {0, "hardware-class", SWB_OPT_STRING, &hardware_class, "TEXT", false,
         "set: for devices of this hardware class"},
        {0, "url", SWB_OPT_STRING, &url, "URL", false, "set: of the folder of payloads"},
        {0, "position", SWB_OPT_U64, &position, "N", false,
         "set: in which order they are told (default: behind all others)"},
        {0, "json", SWB_OPT_FLAG, &as_json, NULL, false, "print JSON"},
        {0},
};

static int run_list(char **args, struct swb_error *err)
{
        static const struct list_column columns[] = {
                {"#", "position"}, {"MIRROR", "name"}, {"FOR", "kind"},
                {"", "value"},     {"URL", "url"},     {0},
        };
        const struct list list = {.request = {.method = "GET", .path = "mirrors"},
                                  .columns = columns,
                                  .as_json = as_json};

        (void)args;
        return list_print(&list, err);
}

/* At most one of them is given. */
static int set_devices(json_t *body, struct swb_error *err)
{
        const struct {
                const char *kind, *value;
        } rules[] = {{"network", network},
                     {"group", group},
                     {"tag", tag},
                     {"hardware_class", hardware_class}};
        size_t n = 0;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < SWB_ELEMENTS(rules); i++) {
                if (!rules[i].value)
                        continue;
                n++;
                r = client_set_text(body, "kind", rules[i].kind, err);
                if (r >= 0)
                        r = client_set_text(body, "value", rules[i].value, err);
        }
        if (n > 1)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "a mirror is for devices by one of --network, --group, --tag, "
                                "--hardware-class");
        return r;
}

static int run_set(char **args, struct swb_error *err)
{
        _cleanup_free_ char *path = client_path("mirrors", args[0], NULL);
        _cleanup_(client_json_done) json_t *body = json_object();
        struct client_request request = {.method = "PUT", .path = path, .body = body};
        int r;

        r = set_devices(body, err);
        if (r >= 0)
                r = client_set_text(body, "url", url, err);
        if (r >= 0)
                r = client_set_number(body, "position", position, err);
        return r < 0 ? r : client_do(&request, err);
}

static int run_remove(char **args, struct swb_error *err)
{
        return client_remove("mirrors", NULL, args[0], err);
}

int cmd_mirror(int n_args, char **args, struct swb_error *err)
{
        static const struct client_action actions[] = {
                {"list", 0, run_list},
                {"set", 1, run_set},
                {"remove", 1, run_remove},
                {0},
        };

        return client_run_action(actions, n_args, args, err);
}
