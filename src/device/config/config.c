/* SPDX-License-Identifier: Apache-2.0 */
#include "device/config/config.h"

#include <ctype.h>

#include "base/text.h"
#include "device/config/checks.h"
#include "device/config/ini.h"
#include "device/config/settings.h"
#include "os/file.h"

#define FILE_MAX_BYTES (64u << 10)
#define SETTINGS_MAX 128
#define NAME_MAX_CHARS 36

struct loader {
        struct swb_config *config;
        unsigned seen[SETTINGS_MAX]; /* line of each setting, 0 = not seen */
};

int swb_config_check_name(const char *what, const char *name, struct swb_error *err)
{
        size_t n = strlen(name);
        bool is_good = n > 0 && n <= NAME_MAX_CHARS;

        for (const char *p = name; is_good && *p; p++)
                is_good = isalnum((unsigned char)*p) || strchr("_.-", *p);
        return is_good ? 0
                       : swb_fail(err, -EINVAL, SWB_FAULT_CONFIG,
                                  "'%s' is not the name of a %s (1 to %d letters, digits, '_', "
                                  "'.', '-')",
                                  name, what, NAME_MAX_CHARS);
}

static struct swb_config_partition *find_partition(struct swb_config *config, const char *name)
{
        for (size_t i = 0; i < config->n_partitions; i++)
                if (strcmp(config->partitions[i].name, name) == 0)
                        return &config->partitions[i];
        return NULL;
}

static int add_partition(struct swb_config *config, const char *name,
                         struct swb_config_partition **ret, struct swb_error *err)
{
        struct swb_config_partition *partition = &config->partitions[config->n_partitions];

        if (config->n_partitions == SWB_CONFIG_PARTITIONS_MAX)
                return swb_fail(err, -E2BIG, SWB_FAULT_CONFIG, "more than %d partitions",
                                SWB_CONFIG_PARTITIONS_MAX);
        partition->name = strdup(name);
        if (!partition->name)
                return swb_oom(err);
        config->n_partitions++;
        *ret = partition;
        return 0;
}

/* Two partitions on one path would overwrite each other, or worse, the running slot. */
static int refuse_same_path(const struct swb_config *config, const char *path,
                            struct swb_error *err)
{
        for (size_t i = 0; i < config->n_partitions; i++)
                for (int s = 0; s < _SWB_SLOT_MAX; s++)
                        if (config->partitions[i].path[s] &&
                            strcmp(config->partitions[i].path[s], path) == 0)
                                return swb_fail(err, -EEXIST, SWB_FAULT_CONFIG,
                                                "'%s' is already %s of slot %s", path,
                                                config->partitions[i].name,
                                                swb_slot_to_string((enum swb_slot)s));
        return 0;
}

static int store_partition(struct swb_config *config, enum swb_slot slot, const char *name,
                           const char *path, struct swb_error *err)
{
        struct swb_config_partition *partition = find_partition(config, name);
        int r = swb_config_check_name("partition", name, err);

        if (r < 0)
                return r;
        if (*path != '/')
                return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG, "'%s' is not an absolute path",
                                path);
        if (partition && partition->path[slot])
                return swb_fail(err, -EEXIST, SWB_FAULT_CONFIG, "the key is given twice");
        r = refuse_same_path(config, path, err);
        if (r < 0)
                return r;
        if (!partition) {
                r = add_partition(config, name, &partition, err);
                if (r < 0)
                        return r;
        }
        partition->path[slot] = strdup(path);
        return partition->path[slot] ? 0 : swb_oom(err);
}

static int unknown_key(const char *section, const char *key, struct swb_error *err)
{
        const char *hint;

        for (size_t i = 0; swb_setting_at(i); i++)
                if (strcmp(swb_setting_at(i)->section, section) == 0) {
                        hint = swb_setting_nearest_key(section, key);
                        return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG, "unknown key%s%s%s",
                                        hint ? "; is '" : "", hint ? hint : "",
                                        hint ? "' meant?" : "");
                }
        if (!*section)
                return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG,
                                "the key stands before any section");
        hint = swb_setting_nearest_section(section);
        return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG, "unknown section%s%s%s",
                        hint ? "; is [" : "", hint ? hint : "", hint ? "] meant?" : "");
}

static int store_setting(struct loader *loader, unsigned line, const struct swb_setting *setting,
                         const char *value, struct swb_error *err)
{
        size_t index = (size_t)(setting - swb_setting_at(0));

        swb_assert(index < SETTINGS_MAX);
        if (loader->seen[index])
                return swb_fail(err, -EEXIST, SWB_FAULT_CONFIG,
                                "the key is given twice, first on line %u", loader->seen[index]);
        loader->seen[index] = line;
        return swb_setting_store(setting, loader->config, value, err);
}

static int take_key(void *context, unsigned line, const char *section, const char *key,
                    const char *value, struct swb_error *err)
{
        struct loader *loader = context;
        const struct swb_setting *setting = swb_setting_find(section, key);
        int r;

        if (setting)
                r = store_setting(loader, line, setting, value, err);
        else if (strcmp(section, "slot.A") == 0)
                r = store_partition(loader->config, SWB_SLOT_A, key, value, err);
        else if (strcmp(section, "slot.B") == 0)
                r = store_partition(loader->config, SWB_SLOT_B, key, value, err);
        else
                r = strcmp(section, "health") == 0
                            ? swb_checks_take(loader->config, key, value, err)
                            : 1;
        if (r > 0)
                r = unknown_key(section, key, err);
        return r < 0 ? swb_wrap(err, r, "[%s] %s", section, key) : 0;
}

static int store_defaults(struct loader *loader, const char *path, struct swb_error *err)
{
        const struct swb_setting *setting;
        int r;

        for (size_t i = 0; (setting = swb_setting_at(i)); i++) {
                if (loader->seen[i])
                        continue;
                if (!setting->fallback)
                        return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG,
                                        "%s: [%s] %s: the key is required and not there", path,
                                        setting->section, setting->key);
                r = swb_setting_store(setting, loader->config, setting->fallback, err);
                if (r < 0)
                        return swb_wrap(err, r, "default of [%s] %s", setting->section,
                                        setting->key);
        }
        return 0;
}

static int check_slots(const struct swb_config *config, const char *path, struct swb_error *err)
{
        if (config->n_partitions == 0)
                return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG,
                                "%s: [slot.A]: no partition is named", path);
        for (size_t i = 0; i < config->n_partitions; i++)
                for (int s = 0; s < _SWB_SLOT_MAX; s++)
                        if (!config->partitions[i].path[s])
                                return swb_fail(
                                        err, -EINVAL, SWB_FAULT_CONFIG,
                                        "%s: [slot.%s] %s: the other slot has it, this one not",
                                        path, swb_slot_to_string((enum swb_slot)s),
                                        config->partitions[i].name);
        return 0;
}

static int check_post_install(const struct swb_config *config, const char *path,
                              struct swb_error *err)
{
        const char *partition = config->post_install.partition;

        if (config->post_install.program[0] == '\0')
                return 0;
        for (size_t i = 0; i < config->n_partitions; i++)
                if (strcmp(config->partitions[i].name, partition) == 0)
                        return 0;
        return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG,
                        "%s: [post-install] partition: the slots have no partition '%s'", path,
                        partition);
}

static int check_times(const struct swb_config *config, const char *path, struct swb_error *err)
{
        const char *key = NULL;

        if (config->server.first_check_jitter_usec > config->server.first_check_usec)
                key = "first-check-jitter: must not be above first-check";
        else if (config->server.check_jitter_usec >= config->server.check_interval_usec)
                key = "check-jitter: must be below check-interval";
        else if (config->server.max_interval_usec < config->server.check_interval_usec)
                key = "max-interval: must not be below check-interval";
        if (key)
                return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG, "%s: [server] %s", path, key);
        return 0;
}

static int parse(struct swb_config *config, const char *path, const struct swb_buf *text,
                 struct swb_error *err)
{
        struct loader loader = {.config = config};
        int r;

        r = swb_ini_parse(path, (const char *)text->data, text->n_bytes, take_key, &loader, err);
        if (r >= 0)
                r = store_defaults(&loader, path, err);
        if (r >= 0)
                r = swb_checks_add_server(config, err);
        if (r >= 0)
                r = check_slots(config, path, err);
        if (r >= 0)
                r = check_times(config, path, err);
        if (r >= 0)
                r = check_post_install(config, path, err);
        return r;
}

int swb_config_load(const char *path, struct swb_config **ret, struct swb_error *err)
{
        _cleanup_(swb_config_freep) struct swb_config *config = NULL;
        _cleanup_(swb_buf_done) struct swb_buf text = SWB_BUF_INIT(FILE_MAX_BYTES);
        int r;

        config = calloc(1, sizeof(*config));
        if (!config)
                return swb_oom(err);
        config->path = strdup(path);
        if (!config->path)
                return swb_oom(err);
        r = swb_read_file(path, &text, err);
        if (r < 0)
                return r;
        r = parse(config, path, &text, err);
        if (r < 0)
                return r;
        *ret = SWB_TAKE_PTR(config);
        return 0;
}

struct swb_config *swb_config_free(struct swb_config *config)
{
        const struct swb_setting *setting;

        if (!config)
                return NULL;
        for (size_t i = 0; (setting = swb_setting_at(i)); i++)
                if (setting->type == SWB_SETTING_TEXT || setting->type == SWB_SETTING_PATH ||
                    setting->type == SWB_SETTING_URL)
                        free(*(char **)((char *)config + setting->offset));
        for (size_t i = 0; i < config->n_partitions; i++) {
                free(config->partitions[i].name);
                for (int s = 0; s < _SWB_SLOT_MAX; s++)
                        free(config->partitions[i].path[s]);
        }
        for (size_t i = 0; i < config->health.n_checks; i++) {
                free(config->health.checks[i].name);
                free(config->health.checks[i].what);
        }
        free(config->path);
        free(config);
        return NULL;
}
