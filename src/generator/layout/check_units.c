/* SPDX-License-Identifier: Apache-2.0 */
/* Units that are started: where they write. */
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "generator/layout/checks.h"

static const char *const folders[] = {"/etc/systemd/system/", "/usr/lib/systemd/system/",
                                      "/lib/systemd/system/"};

/* Folders that systemd makes for a unit, and below which. */
static const struct {
        const char *key, *below;
} keys[] = {
        {"StateDirectory", "/var/lib/"}, {"CacheDirectory", "/var/cache/"},
        {"LogsDirectory", "/var/log/"},  {"ConfigurationDirectory", "/etc/"},
        {"ReadWritePaths", ""},          {"PIDFile", ""},
};

/* Timers and services that only make sense where packages are installed. */
static const char *const package_units[] = {
        "apt-daily.timer",
        "apt-daily-upgrade.timer",
        "dpkg-db-backup.timer",
        "dnf-makecache.timer",
        "dnf-automatic.timer",
        "packagekit.service",
        "unattended-upgrades.service",
};

static void check_path(struct swb_inspection *in, const char *unit, const char *key,
                       const char *path)
{
        /* These two only allow writing where there is something to write to. */
        bool may_be_there =
                strcmp(key, "ConfigurationDirectory") == 0 || strcmp(key, "ReadWritePaths") == 0;

        if (may_be_there && strncmp(path, "/etc", strlen("/etc")) == 0 &&
            swb_tree_find(in->tree, path))
                return;
        if (!swb_inspection_is_writable(in, path))
                swb_inspection_add(in, SWB_FLAW_UNIT_WRITES, "%s writes to %s (%s=)", unit, path,
                                   key);
}

/* One value: words, some with a mark in front, perhaps quoted. */
static void check_words(struct swb_inspection *in, const char *unit, size_t key, const char *value,
                        size_t n)
{
        for (size_t i = 0; i < n;) {
                size_t n_word = strcspn(value + i, " \t\r\n");
                const char *word = value + i;
                size_t n_left = SWB_MIN(n_word, n - i);
                bool is_optional = false;
                char path[SWB_TREE_PATH_MAX];

                while (n_left > 0 && (*word == '-' || *word == '+' || *word == '"')) {
                        is_optional = is_optional || *word == '-';
                        word++;
                        n_left--;
                }
                n_left = SWB_MIN(n_left, strcspn(word, ":\"")); /* NAME:LINK */
                (void)snprintf(path, sizeof(path), "%s%.*s", keys[key].below, (int)n_left, word);
                /* specifiers (%i) are not known here */
                if (n_left > 0 && !is_optional && *path == '/' && !strchr(path, '%'))
                        check_path(in, unit, keys[key].key, path);
                i += n_word + 1;
        }
}

static void check_unit_file(struct swb_inspection *in, const char *unit, const char *path)
{
        _cleanup_free_ char *text = swb_inspection_read(in, path);

        for (const char *line = text; line && *line;
             line += strcspn(line, "\n"), line += *line == '\n') {
                for (size_t key = 0; key < SWB_ELEMENTS(keys); key++) {
                        size_t n_key = strlen(keys[key].key);

                        if (strncmp(line, keys[key].key, n_key) == 0 && line[n_key] == '=')
                                check_words(in, unit, key, line + n_key + 1,
                                            strcspn(line + n_key + 1, "\n"));
                }
        }
}

/* Whether the file that systemd finds first is a link to /dev/null, or empty. */
static bool is_masked(const struct swb_inspection *in, const char *unit)
{
        for (size_t i = 0; i < SWB_ELEMENTS(folders); i++) {
                char path[SWB_TREE_PATH_MAX], real[SWB_TREE_PATH_MAX];
                const struct swb_tree_entry *entry;

                (void)snprintf(path, sizeof(path), "%s%s", folders[i], unit);
                entry = swb_tree_find_link(in->tree, path);
                if (!entry)
                        continue;
                if (S_ISREG(entry->mode))
                        return entry->n_bytes == 0;
                return S_ISLNK(entry->mode) && swb_tree_resolve(in->tree, path, real) == 0 &&
                       strcmp(real, "/dev/null") == 0;
        }
        return false;
}

/* The unit's file, where systemd looks first. */
static void check_unit(struct swb_inspection *in, const char *unit)
{
        for (size_t i = 0; i < SWB_ELEMENTS(folders); i++) {
                char path[SWB_TREE_PATH_MAX];
                const struct swb_tree_entry *entry;

                (void)snprintf(path, sizeof(path), "%s%s", folders[i], unit);
                entry = swb_tree_find(in->tree, path);
                if (!entry)
                        continue;
                if (S_ISREG(entry->mode))
                        check_unit_file(in, unit, path);
                return;
        }
}

static void check_wanted(struct swb_inspection *in, const char *unit)
{
        if (is_masked(in, unit))
                return;
        for (size_t i = 0; i < SWB_ELEMENTS(package_units); i++)
                if (strcmp(unit, package_units[i]) == 0)
                        swb_inspection_add(in, SWB_FLAW_PACKAGE_MANAGER, "%s is started", unit);
        if (strcmp(unit, "logrotate.timer") == 0 &&
            (!swb_inspection_is_writable(in, "/var/log") ||
             !swb_inspection_is_writable(in, "/var/lib/logrotate")))
                swb_inspection_add(in, SWB_FLAW_LOGROTATE,
                                   "logrotate.timer is started, but /var/log or "
                                   "/var/lib/logrotate lies in the image");
        if (swb_ends_with(unit, ".timer")) { /* what it starts */
                char service[SWB_TREE_PATH_MAX];

                (void)snprintf(service, sizeof(service), "%.*s.service",
                               (int)(strlen(unit) - strlen(".timer")), unit);
                if (!is_masked(in, service))
                        check_unit(in, service);
        }
        check_unit(in, unit);
}

/* Was this unit met before, under the folder given or an earlier one? Several targets may want it.
 */
static bool is_first(const struct swb_inspection *in, const struct swb_tree_entry *link)
{
        const char *unit = strrchr(link->path, '/');

        for (size_t f = 0; f < SWB_ELEMENTS(folders); f++) {
                const struct swb_tree_entry *entry;

                for (size_t i = swb_tree_first(in->tree, folders[f]);
                     (entry = swb_tree_at(in->tree, i)) && swb_starts_with(entry->path, folders[f]);
                     i++) {
                        if (entry == link)
                                return true;
                        if (S_ISLNK(entry->mode) &&
                            (strstr(entry->path, ".wants/") || strstr(entry->path, ".requires/")) &&
                            strcmp(strrchr(entry->path, '/'), unit) == 0)
                                return false;
                }
        }
        return true;
}

void swb_check_units(struct swb_inspection *in)
{
        for (size_t f = 0; f < SWB_ELEMENTS(folders); f++) {
                const struct swb_tree_entry *entry;

                for (size_t i = swb_tree_first(in->tree, folders[f]);
                     (entry = swb_tree_at(in->tree, i)) && swb_starts_with(entry->path, folders[f]);
                     i++)
                        if (S_ISLNK(entry->mode) &&
                            (strstr(entry->path, ".wants/") || strstr(entry->path, ".requires/")) &&
                            is_first(in, entry))
                                check_wanted(in, strrchr(entry->path, '/') + 1);
        }
        if (!swb_tree_find(in->tree, "/etc/cron.daily/logrotate") ||
            swb_inspection_is_writable(in, "/var/lib/logrotate"))
                return;
        if (swb_tree_find(in->tree, "/usr/sbin/cron") || swb_tree_find(in->tree, "/usr/sbin/crond"))
                swb_inspection_add(in, SWB_FLAW_LOGROTATE,
                                   "/etc/cron.daily/logrotate runs each day, but "
                                   "/var/lib/logrotate lies in the image");
}
