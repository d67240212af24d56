/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swb-server/client.h"
#include "bin/swb-server/server.h"

static const char *appid;
static bool as_json;

const struct swb_opt cmd_device_options[] = {
        {'a', "app", SWB_OPT_STRING, &appid, "ID", false, "the app, if there are several"},
        {0, "json", SWB_OPT_FLAG, &as_json, NULL, false, "print JSON"},
        {0},
};

static int print(const char *id, const json_t *answer, struct swb_error *err)
{
        const json_t *tags = json_object_get(answer, "tags"), *tag;
        size_t i;

        if (as_json)
                return client_print_json(answer, err);
        (void)printf("device %s:", id);
        json_array_foreach(tags, i, tag)(void) printf(" %s", json_string_value(tag));
        (void)printf("%s\n", json_array_size(tags) == 0 ? " no tags" : "");
        return SWB_EXIT_OK;
}

static int call(const char *id, json_t *body, struct swb_error *err)
{
        _cleanup_(client_answer_done) struct client_answer answer = {0};
        _cleanup_free_ char *path = client_path("devices", id, "tags", NULL);
        struct client_request request = {
                .method = body ? "PUT" : "GET", .path = path, .app = appid, .body = body};
        int r = client_call(&request, &answer, err);

        return r < 0 ? r : print(id, answer.json, err);
}

static int change(const char *id, const char *member, int n_tags, char **tags,
                  struct swb_error *err)
{
        _cleanup_(client_json_done) json_t *body = json_pack("{s:[]}", member);
        json_t *list = json_object_get(body, member);

        for (int i = 0; i < n_tags; i++)
                if (json_array_append_new(list, json_string(tags[i])) < 0)
                        return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "'%s' is not UTF-8",
                                        tags[i]);
        return call(id, body, err);
}

int cmd_device(int n_args, char **args, struct swb_error *err)
{
        bool untag = strcmp(args[0], "untag") == 0;

        if (strcmp(args[0], "tags") == 0 && n_args == 2)
                return call(args[1], NULL, err);
        if ((!untag && strcmp(args[0], "tag") != 0) || n_args < 3)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "say 'tag DEVICE TAG...', 'untag DEVICE TAG...' or 'tags DEVICE'");
        return change(args[1], untag ? "remove_tags" : "add_tags", n_args - 2, args + 2, err);
}
