/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/layout/mounts.h"

#include <sys/stat.h>

#include "base/text.h"

#define FIELDS 4 /* of fstab: device, where, type, options */

/* Mounted by systemd, or by any other init, before anything else. */
static const char *const always[] = {"/dev", "/proc", "/run", "/sys"};

static const char *const unit_folders[] = {"/etc/systemd/system", "/usr/lib/systemd/system",
                                           "/lib/systemd/system"};

void swb_mounts_done(struct swb_mounts *mounts)
{
        for (size_t i = 0; i < mounts->n; i++) {
                free(mounts->items[i].where);
                free(mounts->items[i].source);
        }
        mounts->n = 0;
}

/* Is `option` one of a list that is separated by commas? */
static bool has_option(const char *options, const char *option)
{
        size_t n = strlen(option);

        for (const char *p = options; *p; p += strcspn(p, ","), p += *p == ',')
                if (strncmp(p, option, n) == 0 && (p[n] == ',' || p[n] == '\0'))
                        return true;
        return false;
}

static bool is_under(const char *path, const char *folder)
{
        size_t n = strlen(folder);

        return strncmp(path, folder, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

const struct swb_mount *swb_mounts_over(const struct swb_mounts *mounts, const char *path)
{
        const struct swb_mount *best = NULL;

        for (size_t i = 0; i < mounts->n; i++) {
                const struct swb_mount *mount = &mounts->items[i];

                if (!mount->is_root && is_under(path, mount->where) &&
                    (!best || strlen(mount->where) >= strlen(best->where)))
                        best = mount;
        }
        return best;
}

bool swb_mounts_below(const struct swb_mounts *mounts, const char *path)
{
        for (size_t i = 0; i < mounts->n; i++)
                if (mounts->items[i].is_writable && is_under(mounts->items[i].where, path))
                        return true;
        return false;
}

static int add(struct swb_tree *tree, struct swb_mounts *mounts, const char *where,
               const char *source, struct swb_mount mount)
{
        char real[SWB_TREE_PATH_MAX];

        if (mounts->n == SWB_MOUNTS_MAX || *where != '/' || swb_tree_resolve(tree, where, real) < 0)
                return 0;
        mount.where = strdup(real);
        mount.source = strdup(source);
        mount.is_root = *real == '\0';
        if (!mount.where || !mount.source) {
                free(mount.where);
                free(mount.source);
                return -ENOMEM;
        }
        mounts->items[mounts->n++] = mount;
        return 0;
}

/* A bind mount is as writable as what it binds. */
static bool is_writable(struct swb_tree *tree, const struct swb_mounts *mounts, const char *what,
                        const char *options)
{
        char real[SWB_TREE_PATH_MAX];
        const struct swb_mount *under;

        if (has_option(options, "ro"))
                return false;
        if (!has_option(options, "bind") && !has_option(options, "rbind"))
                return true;
        if (swb_tree_resolve(tree, what, real) < 0)
                return false;
        under = swb_mounts_over(mounts, real);
        return under && under->is_writable;
}

/* ---- fstab ---- */

static size_t split_line(char *line, char *fields[FIELDS])
{
        size_t n = 0;

        for (char *p = line + strspn(line, " \t"); *p && *p != '#' && n < FIELDS;
             p += strspn(p, " \t")) {
                fields[n++] = p;
                p += strcspn(p, " \t");
                if (*p)
                        *p++ = '\0';
        }
        return n;
}

static int read_fstab(struct swb_tree *tree, struct swb_mounts *mounts)
{
        _cleanup_free_ char *text = swb_tree_read(tree, "/etc/fstab");
        char *rest = text, *line;
        int r = text ? 0 : -EIO;

        while (r >= 0 && (line = strsep(&rest, "\n"))) {
                char *fields[FIELDS];
                struct swb_mount mount = {0};

                if (split_line(line, fields) < FIELDS || strcmp(fields[2], "swap") == 0)
                        continue;
                mount.is_writable = is_writable(tree, mounts, fields[0], fields[3]);
                mount.is_optional = has_option(fields[3], "nofail") ||
                                    has_option(fields[3], "noauto") ||
                                    has_option(fields[3], "x-mount.mkdir");
                r = add(tree, mounts, fields[1], "/etc/fstab", mount);
        }
        return r;
}

/* ---- mount units ---- */

/* The value of KEY= in a unit; the last one counts. */
static const char *find_key(const char *text, const char *key, char *value, size_t room)
{
        size_t n = strlen(key);

        *value = '\0';
        for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n')
                if (strncmp(line, key, n) == 0 && line[n] == '=')
                        (void)snprintf(value, room, "%.*s", (int)strcspn(line + n + 1, "\r\n"),
                                       line + n + 1);
        return value;
}

static int read_unit(struct swb_tree *tree, const char *path, struct swb_mounts *mounts)
{
        _cleanup_free_ char *text = swb_tree_read(tree, path);
        char where[1024], what[1024], options[1024];

        if (!text)
                return -EIO;
        (void)find_key(text, "Where", where, sizeof(where));
        (void)find_key(text, "What", what, sizeof(what));
        (void)find_key(text, "Options", options, sizeof(options));
        return add(tree, mounts, where, path,
                   (struct swb_mount){.is_writable = is_writable(tree, mounts, what, options),
                                      .is_optional = true}); /* systemd makes it, or skips it */
}

/* Units that something wants; the others may never start. */
static bool is_wanted(const struct swb_tree *tree, const char *name)
{
        for (size_t i = 0; i < SWB_ELEMENTS(unit_folders); i++) {
                const struct swb_tree_entry *entry;

                for (size_t k = swb_tree_first(tree, unit_folders[i]);
                     (entry = swb_tree_at(tree, k)) && is_under(entry->path, unit_folders[i]); k++)
                        if (S_ISLNK(entry->mode) && swb_ends_with(entry->path, name) &&
                            strstr(entry->path, ".wants/"))
                                return true;
        }
        return false;
}

static int read_units(struct swb_tree *tree, struct swb_mounts *mounts)
{
        const struct swb_tree_entry *entry;
        int r = 0;

        for (size_t i = 0; i < SWB_ELEMENTS(unit_folders); i++) {
                for (size_t k = swb_tree_first(tree, unit_folders[i]);
                     r >= 0 && (entry = swb_tree_at(tree, k)) &&
                     is_under(entry->path, unit_folders[i]);
                     k++)
                        if (S_ISREG(entry->mode) && swb_ends_with(entry->path, ".mount") &&
                            is_wanted(tree, strrchr(entry->path, '/')))
                                r = read_unit(tree, entry->path, mounts);
        }
        return r;
}

/* ---- persistent.conf ---- */

#define PERSISTENT_CONF "/etc/switchback/persistent.conf"
#define PERSISTENT_UNIT "/switchback-persistent.service"
#define PERSISTENT_FOLDER "/persistent"

/* Lines of a word and a path; data/persistent/switchback-persistent mounts them. */
static int read_persistent(struct swb_tree *tree, struct swb_mounts *mounts)
{
        const struct swb_mount writable = {.is_writable = true};
        _cleanup_free_ char *text = NULL;
        char *rest, *line;
        int r;

        if (!swb_tree_find(tree, PERSISTENT_CONF) || !is_wanted(tree, PERSISTENT_UNIT))
                return 0;
        text = swb_tree_read(tree, PERSISTENT_CONF);
        if (!text)
                return -EIO;
        r = add(tree, mounts, PERSISTENT_FOLDER, PERSISTENT_CONF, writable);
        rest = text;
        while (r >= 0 && (line = strsep(&rest, "\n"))) {
                char *fields[FIELDS];

                if (split_line(line, fields) >= 2 &&
                    (strcmp(fields[0], "bind") == 0 || strcmp(fields[0], "overlay") == 0))
                        r = add(tree, mounts, fields[1], PERSISTENT_CONF, writable);
        }
        return r;
}

int swb_mounts_add_writable(struct swb_tree *tree, const char *path, struct swb_mounts *mounts)
{
        return add(tree, mounts, path, "--writable",
                   (struct swb_mount){.is_writable = true, .is_optional = true});
}

int swb_mounts_find(struct swb_tree *tree, struct swb_mounts *mounts)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < SWB_ELEMENTS(always); i++)
                r = add(tree, mounts, always[i], "the kernel",
                        (struct swb_mount){.is_writable = true});
        if (r >= 0)
                r = read_fstab(tree, mounts);
        if (r >= 0)
                r = read_units(tree, mounts);
        if (r >= 0)
                r = read_persistent(tree, mounts);
        return r;
}
