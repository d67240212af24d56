/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swb-server/list.h"
#include "bin/swb-server/server.h"
#include "server/store/payload_files.h"

static const char *appid;
static bool force, only_unused, as_json;

const struct swb_opt cmd_image_options[] = {
        {'a', "app", SWB_OPT_STRING, &appid, "ID", false, "the app, if there are several"},
        {0, "force", SWB_OPT_FLAG, &force, NULL, false,
         "remove: also an image that devices run or a channel gives: no more deltas of it"},
        {0, "unused", SWB_OPT_FLAG, &only_unused, NULL, false,
         "files: only those that no release uses"},
        {0, "json", SWB_OPT_FLAG, &as_json, NULL, false, "print JSON"},
        {0},
};

/* "group canaries, 12 devices" */
static const char *users_of(const json_t *thing, char *text)
{
        const json_t *list = json_object_get(thing, "used_by"), *user;
        size_t i, n = 0;

        (void)snprintf(text, LIST_CELL_MAX, "%s", json_array_size(list) ? "" : "-");
        json_array_foreach(list, i, user) if (n < LIST_CELL_MAX) n += (size_t)snprintf(
                text + n, LIST_CELL_MAX - n, "%s%s", n ? ", " : "", json_string_value(user));
        return text;
}

static int run_list(char **args, struct swb_error *err)
{
        static const struct list_column columns[] = {
                {"APP", "app"},
                {"VERSION", "version"},
                {"SIZE", "size", .is_size = true},
                {"SHA256", "sha256"},
                {"CREATED", "created"},
                {"USED BY", .cell = users_of},
                {0},
        };
        const struct list list = {.request = {.method = "GET", .path = "images", .app = appid},
                                  .columns = columns,
                                  .as_json = as_json};

        (void)args;
        return list_print(&list, err);
}

static struct client_request ask_files(bool unused)
{
        return (struct client_request){.method = "GET",
                                       .path = "payload-files",
                                       .query = unused ? "unused=true" : NULL,
                                       .app = appid};
}

static int run_files(char **args, struct swb_error *err)
{
        static const struct list_column columns[] = {
                {"SHA256", "sha256"},
                {"SIZE", "size", .is_size = true},
                {"CHANGED", "changed"},
                {"USED BY", .cell = users_of},
                {0},
        };
        const struct list list = {
                .request = ask_files(only_unused), .columns = columns, .as_json = as_json};

        (void)args;
        return list_print(&list, err);
}

static int remove_file(const char *sha256, struct swb_error *err)
{
        _cleanup_free_ char *path = client_path("payload-files", sha256, NULL);
        const struct client_request request = {.method = "DELETE", .path = path};
        int r = client_do(&request, err);

        if (r < 0)
                return r;
        (void)printf("removed payload file %s\n", sha256);
        return SWB_EXIT_OK;
}

/* A version, or the name of a payload's file. */
static int run_remove(char **args, struct swb_error *err)
{
        _cleanup_free_ char *path = client_path("images", args[0], NULL);
        const struct client_request request = {.method = "DELETE",
                                               .path = path,
                                               .query = force ? "force=true" : NULL,
                                               .app = appid};
        int r;

        if (swb_is_payload_file_name(args[0]))
                return remove_file(args[0], err);
        r = client_do(&request, err);
        if (r < 0)
                return r;
        (void)printf("removed the image of version %s\n", args[0]);
        return SWB_EXIT_OK;
}

/* All payload files that no release uses. */
static int run_prune(char **args, struct swb_error *err)
{
        _cleanup_(client_answer_done) struct client_answer answer = {0};
        const struct client_request request = ask_files(true);
        json_t *file;
        size_t i;
        int r;

        (void)args;
        r = client_call(&request, &answer, err);
        if (r < 0)
                return r;
        json_array_foreach(answer.json, i, file)
        {
                r = remove_file(client_text(file, "sha256"), err);
                if (r < 0)
                        return r;
        }
        return SWB_EXIT_OK;
}

int cmd_image(int n_args, char **args, struct swb_error *err)
{
        static const struct client_action actions[] = {
                {"list", 0, run_list},
                {"files", 0, run_files},
                {"remove", 1, run_remove},
                {"prune", 0, run_prune},
                {0},
        };

        return client_run_action(actions, n_args, args, err);
}
