/* SPDX-License-Identifier: Apache-2.0 */
#include <termios.h>

#include "bin/swb-server/list.h"
#include "bin/swb-server/server.h"
#include "os/file.h"
#include "os/password.h"

static const char *role, *password_file;
static bool no_password, as_json;

const struct swb_opt cmd_user_options[] = {
        {0, "role", SWB_OPT_STRING, &role, "WORD", false,
         "what the user may do: read (default), deploy or admin"},
        {0, "password-file", SWB_OPT_STRING, &password_file, "FILE", false,
         "its first line is the password ('-': standard input; default: ask)"},
        {0, "no-password", SWB_OPT_FLAG, &no_password, NULL, false,
         "only a trusted proxy lets the user in"},
        {0, "json", SWB_OPT_FLAG, &as_json, NULL, false, "print JSON"},
        {0},
};

static int from_file(char *line, size_t n, struct swb_error *err)
{
        bool is_stdin = strcmp(password_file, "-") == 0;
        _cleanup_(swb_fclosep) FILE *file = is_stdin ? NULL : fopen(password_file, "re");

        if (!file && !is_stdin)
                return swb_fail_errno(err, errno, "open '%s'", password_file);
        if (!fgets(line, (int)n, is_stdin ? stdin : file))
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "'%s' holds no password",
                                password_file);
        line[strcspn(line, "\r\n")] = '\0';
        return 0;
}

/* Without showing it. */
static int ask(char *line, size_t n, struct swb_error *err)
{
        struct termios old, quiet;
        bool is_terminal = tcgetattr(STDIN_FILENO, &old) == 0;
        bool got;

        if (!is_terminal)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "no terminal to ask for the password: --password-file");
        quiet = old;
        quiet.c_lflag &= ~(tcflag_t)ECHO;
        (void)fprintf(stderr, "Password: ");
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
        got = fgets(line, (int)n, stdin) != NULL;
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
        (void)fprintf(stderr, "\n");
        if (!got)
                return swb_fail(err, -ECANCELED, SWB_FAULT_CANCELLED, "no password");
        line[strcspn(line, "\r\n")] = '\0';
        return 0;
}

static int add_password(json_t *body, bool required, struct swb_error *err)
{
        char line[SWB_PASSWORD_MAX + 3] = "";
        int r = 0;

        if (!no_password && !required && !password_file)
                return 0;
        if (!no_password)
                r = password_file ? from_file(line, sizeof(line), err)
                                  : ask(line, sizeof(line), err);
        if (r < 0)
                return r;
        if (!no_password && !*line)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "the password is empty: --no-password, if that is meant");
        if (json_object_set_new(body, "password", json_string(line)) < 0)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "the password is not UTF-8");
        return 0;
}

static int print(const json_t *user, struct swb_error *err)
{
        (void)err;
        (void)printf("user %s: role %s%s\n", client_text(user, "name"), client_text(user, "role"),
                     client_bool(user, "has_password") ? "" : ", no password");
        return SWB_EXIT_OK;
}

static int put(const char *method, const char *path, json_t *body, struct swb_error *err)
{
        struct client_request request = {
                .method = method, .path = path, .body = body, .may_create = true};
        int r = client_set_text(body, "role", role, err);

        return r < 0 ? r : client_show(&request, as_json, print, err);
}

static int run_add(char **args, struct swb_error *err)
{
        _cleanup_(client_json_done) json_t *body = json_pack("{s:s}", "name", args[0]);
        int r;

        if (!body)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "'%.80s' can't be a name", args[0]);
        r = add_password(body, true, err);
        return r < 0 ? r : put("POST", "users", body, err);
}

static int run_set(char **args, struct swb_error *err)
{
        _cleanup_(client_json_done) json_t *body = json_object();
        _cleanup_free_ char *path = client_path("users", args[0], NULL);
        int r;

        if (!body || !path)
                return swb_oom(err);
        r = add_password(body, !role, err);
        return r < 0 ? r : put("PATCH", path, body, err);
}

static const char *has_password(const json_t *user, char *text)
{
        (void)text;
        return client_bool(user, "has_password") ? "yes" : "no";
}

static int run_list(char **args, struct swb_error *err)
{
        static const struct list_column columns[] = {
                {"USER", "name"},       {"ROLE", "role"},       {"PASSWORD", .cell = has_password},
                {"CREATED", "created"}, {"CHANGED", "changed"}, {0},
        };
        const struct list list = {.request = {.method = "GET", .path = "users"},
                                  .columns = columns,
                                  .as_json = as_json};

        (void)args;
        return list_print(&list, err);
}

static int run_remove(char **args, struct swb_error *err)
{
        return client_remove("users", NULL, args[0], err);
}

int cmd_user(int n_args, char **args, struct swb_error *err)
{
        static const struct client_action actions[] = {
                {"add", 1, run_add},
                {"list", 0, run_list},
                {"set", 1, run_set},
                {"remove", 1, run_remove},
                {0},
        };

        return client_run_action(actions, n_args, args, err);
}
