/* SPDX-License-Identifier: Apache-2.0 */
/* Files that belong to one device, or that something on the device writes. */
#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "generator/layout/checks.h"

#define MACHINE_ID "/etc/machine-id"

static const struct swb_tree_entry *regular_file(struct swb_inspection *in, const char *path)
{
        const struct swb_tree_entry *entry = swb_tree_find(in->tree, path);

        return entry && S_ISREG(entry->mode) ? entry : NULL;
}

static void check_machine_id(struct swb_inspection *in)
{
        _cleanup_free_ char *text = swb_inspection_read(in, MACHINE_ID);
        bool has_systemd = swb_tree_find(in->tree, "/lib/systemd/systemd") ||
                           swb_tree_find(in->tree, "/usr/lib/systemd/systemd");

        if (!text || swb_inspection_is_writable(in, MACHINE_ID))
                return; /* what the image has is hidden */
        if (*text && !swb_starts_with(text, "uninitialized"))
                swb_inspection_add(in, SWB_FLAW_MACHINE_ID, MACHINE_ID " is set: %.8s…", text);
        else if (has_systemd && !swb_tree_find_link(in->tree, MACHINE_ID))
                swb_inspection_add(in, SWB_FLAW_MACHINE_ID,
                                   MACHINE_ID " is not there, and systemd can't mount one over it");
}

static void check_resolv_conf(struct swb_inspection *in)
{
        if (regular_file(in, "/etc/resolv.conf") &&
            !swb_inspection_is_writable(in, "/etc/resolv.conf"))
                swb_inspection_add(in, SWB_FLAW_RESOLV_CONF,
                                   "/etc/resolv.conf is a file of the image");
}

static void check_ssh_keys(struct swb_inspection *in)
{
        static const char prefix[] = "/etc/ssh/ssh_host_";
        const struct swb_tree_entry *entry;

        for (size_t i = swb_tree_first(in->tree, prefix);
             (entry = swb_tree_at(in->tree, i)) && swb_starts_with(entry->path, prefix); i++)
                if (fnmatch("*_key", entry->path, 0) == 0 && S_ISREG(entry->mode))
                        swb_inspection_add(in, SWB_FLAW_SSH_HOST_KEYS, "%s is in the image",
                                           entry->path);
}

static void check_random_seed(struct swb_inspection *in)
{
        static const char *const paths[] = {"/var/lib/systemd/random-seed", "/var/lib/random-seed",
                                            "/var/lib/urandom/random-seed"};

        for (size_t i = 0; i < SWB_ELEMENTS(paths); i++)
                if (regular_file(in, paths[i]))
                        swb_inspection_add(in, SWB_FLAW_RANDOM_SEED, "%s is in the image",
                                           paths[i]);
}

/* Does this folder hold a file whose name matches? */
static const char *find_match(struct swb_inspection *in, const char *folder, const char *pattern)
{
        char prefix[SWB_TREE_PATH_MAX];
        const struct swb_tree_entry *entry;

        (void)snprintf(prefix, sizeof(prefix), "%s/", folder);
        for (size_t i = swb_tree_first(in->tree, prefix);
             (entry = swb_tree_at(in->tree, i)) && swb_starts_with(entry->path, prefix); i++)
                if (S_ISREG(entry->mode) && fnmatch(pattern, entry->path, 0) == 0)
                        return entry->path;
        return NULL;
}

static void check_package_caches(struct swb_inspection *in)
{
        static const char *const caches[][2] = {
                {"/var/cache/apt/archives", "*.deb"},
                {"/var/lib/apt/lists", "*_Packages*"},
                {"/var/lib/apt/lists", "*Release"},
                {"/var/cache/dnf", "*"},
                {"/var/cache/opkg", "*"},
                {"/var/lib/opkg/lists", "*"},
                {"/var/cache/apk", "*"},
                {"/var/cache/pacman/pkg", "*"},
        };

        for (size_t i = 0; i < SWB_ELEMENTS(caches); i++) {
                const char *path = find_match(in, caches[i][0], caches[i][1]);

                if (path)
                        swb_inspection_add(in, SWB_FLAW_PACKAGE_MANAGER,
                                           "a package manager's cache is in the image: %s", path);
        }
}

static void check_cron(struct swb_inspection *in)
{
        static const char *const jobs[] = {"/etc/cron.daily/apt-compat", "/etc/cron.daily/dpkg",
                                           "/etc/cron.daily/dnf-makecache"};

        if (!swb_tree_find(in->tree, "/usr/sbin/cron") &&
            !swb_tree_find(in->tree, "/usr/sbin/crond"))
                return;
        for (size_t i = 0; i < SWB_ELEMENTS(jobs); i++)
                if (regular_file(in, jobs[i]))
                        swb_inspection_add(in, SWB_FLAW_PACKAGE_MANAGER, "%s runs each day",
                                           jobs[i]);
}

void swb_check_etc(struct swb_inspection *in)
{
        check_machine_id(in);
        check_resolv_conf(in);
        check_ssh_keys(in);
        check_random_seed(in);
        check_package_caches(in);
        check_cron(in);
}
