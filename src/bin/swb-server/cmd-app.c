/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swb-server/list.h"
#include "bin/swb-server/server.h"
#include "os/file.h"

#define KEY_FILE_MAX_BYTES 16384

static const char *appid, *default_channel, *hash_form;
static struct swb_opt_list add_keys, remove_keys;
static uint64_t required = CLIENT_UNSET;
static bool as_json;

const struct swb_opt cmd_app_options[] = {
        {'a', "app", SWB_OPT_STRING, &appid, "ID", false, "the app, if there are several"},
        {0, "default-channel", SWB_OPT_STRING, &default_channel, "NAME", false,
         "for devices that name no track (default stable)"},
        {0, "hash-sha256", SWB_OPT_STRING, &hash_form, "FORM", false,
         "hash_sha256 in answers: hex (the protocol), base64 (go-omaha), omit"},
        {0, "add-key", SWB_OPT_LIST, &add_keys, "FILE", false,
         "trust this PEM key for the app's payloads"},
        {0, "remove-key", SWB_OPT_LIST, &remove_keys, "KEYID", false, "trust it no longer"},
        {0, "required-signatures", SWB_OPT_U64, &required, "N", false,
         "so many of its keys must have signed a payload"},
        {0, "json", SWB_OPT_FLAG, &as_json, NULL, false, "print JSON"},
        {0},
};

static int run_list(char **args, struct swb_error *err)
{
        static const struct list_column columns[] = {
                {"APP", "app"},
                {"DEFAULT CHANNEL", "default_channel"},
                {"HASH_SHA256", "hash_sha256"},
                {0},
        };
        const struct list list = {.request = {.method = "GET", .path = "apps"},
                                  .columns = columns,
                                  .as_json = as_json};

        (void)args;
        return list_print(&list, err);
}

static int print(const json_t *app, struct swb_error *err)
{
        const json_t *keys = json_object_get(app, "keys");

        (void)err;
        (void)printf("app %s\ndefault channel %s\nhash_sha256 %s\nrequired signatures %llu\n",
                     client_text(app, "app"), client_text(app, "default_channel"),
                     client_text(app, "hash_sha256"),
                     (unsigned long long)client_number(app, "required_signatures"));
        for (size_t i = 0; i < json_array_size(keys); i++)
                (void)printf("key %s\n", json_string_value(json_array_get(keys, i)));
        return SWB_EXIT_OK;
}

static int ask(const char *method, const char *path, json_t *body, struct swb_error *err)
{
        struct client_request request = {
                .method = method, .path = path, .body = body, .may_create = body != NULL};

        return client_show(&request, as_json, print, err);
}

static int run_show(char **args, struct swb_error *err)
{
        _cleanup_free_ char *path = client_path("apps", appid ? appid : "only", NULL);

        (void)args;
        return ask("GET", path, NULL, err);
}

/* The keys' files are read here: the server may be elsewhere. */
static int set_keys(json_t *body, struct swb_error *err)
{
        _cleanup_(client_json_done) json_t *list = json_array();
        int r = 0;

        for (size_t i = 0; i < add_keys.n; i++) {
                _cleanup_(swb_buf_done) struct swb_buf pem = SWB_BUF_INIT(KEY_FILE_MAX_BYTES);

                r = swb_read_file(add_keys.items[i], &pem, err);
                if (r < 0)
                        return r;
                if (json_array_append_new(list, json_stringn((const char *)pem.data, pem.n_bytes)) <
                    0)
                        return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG, "'%s' is not a PEM text",
                                        add_keys.items[i]);
        }
        if (add_keys.n > 0 && json_object_set(body, "add_keys", list) < 0)
                return swb_oom(err);
        return client_set_texts(body, "remove_keys", &remove_keys, err);
}

static int make_body(json_t *body, struct swb_error *err)
{
        int r;

        r = client_set_text(body, "default_channel", default_channel, err);
        if (r >= 0)
                r = client_set_text(body, "hash_sha256", hash_form, err);
        if (r >= 0)
                r = client_set_number(body, "required_signatures", required, err);
        return r < 0 ? r : set_keys(body, err);
}

static int run_set(char **args, struct swb_error *err)
{
        _cleanup_free_ char *path = client_path("apps", appid ? appid : "only", NULL);
        _cleanup_(client_json_done) json_t *body = json_object();
        int r = make_body(body, err);

        (void)args;
        return r < 0 ? r : ask("PATCH", path, body, err);
}

static int run_create(char **args, struct swb_error *err)
{
        _cleanup_(client_json_done) json_t *body = json_object();
        int r = client_set_text(body, "app", args[0], err);

        if (r >= 0)
                r = make_body(body, err);
        return r < 0 ? r : ask("POST", "apps", body, err);
}

static int run_remove(char **args, struct swb_error *err)
{
        return client_remove("apps", NULL, args[0], err);
}

int cmd_app(int n_args, char **args, struct swb_error *err)
{
        static const struct client_action actions[] = {
                {"list", 0, run_list},     {"show", 0, run_show},     {"set", 0, run_set},
                {"create", 1, run_create}, {"remove", 1, run_remove}, {0},
        };

        return client_run_action(actions, n_args, args, err);
}
