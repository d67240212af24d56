/* SPDX-License-Identifier: Apache-2.0 */
#include "device/confirm/check.h"

#include "device/config/facts.h"

#define SHELL "/bin/sh"

/* $0 is the unit. Prints what it is instead: "failed", "activating". */
static const char unit_script[] = "exec systemctl is-active -- \"$0\"";

/* $0 is "SERVICE PATH INTERFACE METHOD". An error of the call, or false as its answer, is illness.
 */
static const char dbus_script[] =
        "set -- $0\n"
        "if command -v busctl >/dev/null; then reply=$(busctl --system call \"$@\")\n"
        "else reply=$(dbus-send --system --print-reply --dest=\"$1\" \"$2\" \"$3.$4\"); fi || "
        "exit\n"
        "echo \"$reply\"\n"
        "case $reply in 'b false' | *'boolean false') exit 1 ;; esac";

void swb_check_done(struct swb_check *check)
{
        for (size_t i = 0; i < SWB_ELEMENTS(check->copy); i++)
                free(check->copy[i]);
        *check = (struct swb_check){0};
}

static char *option(const char *name, const char *value)
{
        char *text;

        return asprintf(&text, "--%s=%s", name, value) < 0 ? NULL : text;
}

static int prepare_server(const struct swb_config *config, struct swb_check *ret,
                          struct swb_error *err)
{
        const char *const options[][2] = {{"url", config->server.url},
                                          {"ca-file", config->server.ca_file},
                                          {"user", swb_fetch_user(config)}};
        size_t n = 0;

        ret->argv[n++] = config->workers.fetch;
        ret->argv[n++] = "reach";
        for (size_t i = 0; i < SWB_ELEMENTS(options); i++) {
                if (!*options[i][1])
                        continue;
                ret->copy[i] = option(options[i][0], options[i][1]);
                if (!ret->copy[i])
                        return swb_oom(err);
                ret->argv[n++] = ret->copy[i];
        }
        ret->argv[n] = NULL;
        return 0;
}

static void prepare_shell(struct swb_check *ret, const char *script, const char *zeroth)
{
        ret->argv[0] = SHELL;
        ret->argv[1] = "-c";
        ret->argv[2] = script;
        ret->argv[3] = zeroth;
        ret->argv[4] = NULL;
}

int swb_check_prepare(const struct swb_config *config, const struct swb_config_check *check,
                      struct swb_check *ret, struct swb_error *err)
{
        *ret = (struct swb_check){0};
        switch (check->kind) {
        case SWB_CHECK_COMMAND:
                prepare_shell(ret, check->what, NULL);
                return 0;
        case SWB_CHECK_UNIT:
                prepare_shell(ret, unit_script, check->what);
                return 0;
        case SWB_CHECK_DBUS:
                prepare_shell(ret, dbus_script, check->what);
                return 0;
        case SWB_CHECK_SERVER:
                return prepare_server(config, ret, err);
        default:
                swb_assert(false);
                return -EINVAL;
        }
}
