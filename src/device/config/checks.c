/* SPDX-License-Identifier: Apache-2.0 */
#include "device/config/checks.h"

static const struct {
        const char *prefix;
        enum swb_check_kind kind;
} check_kinds[] = {
        {"check", SWB_CHECK_COMMAND},
        {"unit", SWB_CHECK_UNIT},
        {"dbus", SWB_CHECK_DBUS},
};

/* SERVICE PATH INTERFACE METHOD: four words of what D-Bus has in its names. */
static bool is_method(const char *text)
{
        size_t n_words = 0;

        while (*text) {
                size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                        "0123456789_./-:");

                if (n == 0 || *text == '-' || (text[n] != '\0' && text[n] != ' '))
                        return false;
                n_words++;
                if (n_words == 2 && *text != '/')
                        return false;
                text += n + strspn(text + n, " ");
        }
        return n_words == 4;
}

/* Not an option, and one word. */
static bool is_unit(const char *text)
{
        return *text != '-' && strchr(text, '.') && !strpbrk(text, " \t\"'/");
}

static int judge_check(enum swb_check_kind kind, const char *what, struct swb_error *err)
{
        if (!*what)
                return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG, "the value is empty");
        if (kind == SWB_CHECK_UNIT && !is_unit(what))
                return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG,
                                "'%s' is not the name of a unit, such as app.service", what);
        if (kind == SWB_CHECK_DBUS && !is_method(what))
                return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG,
                                "'%s' is not SERVICE PATH INTERFACE METHOD", what);
        return 0;
}

static int store_check(struct swb_config *config, enum swb_check_kind kind, const char *name,
                       const char *what, struct swb_error *err)
{
        struct swb_config_check *check = &config->health.checks[config->health.n_checks];
        int r;

        r = swb_config_check_name("check", name, err);
        if (r >= 0)
                r = judge_check(kind, what, err);
        if (r < 0)
                return r;
        for (size_t i = 0; i < config->health.n_checks; i++)
                if (strcmp(config->health.checks[i].name, name) == 0)
                        return swb_fail(err, -EEXIST, SWB_FAULT_CONFIG,
                                        "the name of this check is given twice");
        if (config->health.n_checks == SWB_CONFIG_CHECKS_MAX)
                return swb_fail(err, -E2BIG, SWB_FAULT_CONFIG, "more than %d checks",
                                SWB_CONFIG_CHECKS_MAX);
        *check = (struct swb_config_check){strdup(name), strdup(what), kind};
        config->health.n_checks++;
        return check->name && check->what ? 0 : swb_oom(err);
}

int swb_checks_take(struct swb_config *config, const char *key, const char *value,
                    struct swb_error *err)
{
        const char *dot = strchr(key, '.');

        for (size_t i = 0; dot && i < SWB_ELEMENTS(check_kinds); i++) {
                const char *prefix = check_kinds[i].prefix;

                if (strncmp(key, prefix, (size_t)(dot - key)) == 0 && prefix[dot - key] == '\0')
                        return store_check(config, check_kinds[i].kind, dot + 1, value, err);
        }
        return 1;
}

int swb_checks_add_server(struct swb_config *config, struct swb_error *err)
{
        struct swb_config_check *check = &config->health.checks[config->health.n_checks];

        if (!config->health.server)
                return 0;
        for (size_t i = 0; i < config->health.n_checks; i++)
                if (strcmp(config->health.checks[i].name, SWB_CONFIG_SERVER_CHECK) == 0)
                        return swb_fail(err, -EEXIST, SWB_FAULT_CONFIG,
                                        "%s: [health] a check is called '%s', which is the one of "
                                        "\"server = yes\"",
                                        config->path, SWB_CONFIG_SERVER_CHECK);
        *check = (struct swb_config_check){strdup(SWB_CONFIG_SERVER_CHECK), strdup(""),
                                           SWB_CHECK_SERVER};
        config->health.n_checks++;
        return check->name && check->what ? 0 : swb_oom(err);
}
