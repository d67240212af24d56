/* SPDX-License-Identifier: Apache-2.0 */
/* All files: bits and times. */
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "generator/layout/checks.h"

#define NAMED_MAX 3

/* Programs that have these bits in every distribution, in folders where they have them. */
static const char *const usual_folders[] = {"/bin/",     "/sbin/",        "/usr/bin/", "/usr/sbin/",
                                            "/usr/lib/", "/usr/libexec/", "/lib/"};
static const char *const usual_names[] = {
        "at",
        "bsd-write",
        "chage",
        "chfn",
        "chsh",
        "crontab",
        "doas",
        "dbus-daemon-launch-helper",
        "dotlockfile",
        "expiry",
        "fusermount",
        "fusermount3",
        "gpasswd",
        "mount",
        "mount.nfs",
        "newgidmap",
        "newgrp",
        "newuidmap",
        "passwd",
        "ping",
        "pkexec",
        "pam_extrausers_chkpwd",
        "polkit-agent-helper-1",
        "ssh-agent",
        "ssh-keysign",
        "su",
        "sudo",
        "umount",
        "unix_chkpwd",
        "utempter",
        "wall",
        "write",
        "write.ul",
};

static bool is_usual(const struct swb_inspection *in, const char *path)
{
        const char *name = strrchr(path, '/') + 1;
        bool is_in_folder = false;

        for (size_t i = 0; i < in->audit->n_setuid; i++)
                if (strcmp(in->audit->setuid[i], path) == 0)
                        return true;
        for (size_t i = 0; i < SWB_ELEMENTS(usual_folders); i++)
                if (strncmp(path, usual_folders[i], strlen(usual_folders[i])) == 0)
                        is_in_folder = true;
        for (size_t i = 0; is_in_folder && i < SWB_ELEMENTS(usual_names); i++)
                if (strcmp(usual_names[i], name) == 0)
                        return true;
        return false;
}

static void check_bits(struct swb_inspection *in, const struct swb_tree_entry *entry)
{
        const char *bits = entry->mode & S_ISUID ? "set-user-ID" : "set-group-ID";

        if (!S_ISREG(entry->mode) || !(entry->mode & (S_ISUID | S_ISGID)))
                return;
        if (entry->mode & S_IWOTH)
                swb_inspection_add(in, SWB_FLAW_SETUID, "%s has the %s bit and is writable for all",
                                   entry->path, bits);
        else if (!is_usual(in, entry->path))
                swb_inspection_add(in, SWB_FLAW_SETUID,
                                   "%s has the %s bit (owner %" PRIu32 "), which is not usual",
                                   entry->path, bits, entry->uid);
}

void swb_check_files(struct swb_inspection *in)
{
        const struct swb_tree_entry *entry;
        size_t n_new = 0;

        for (size_t i = 0; (entry = swb_tree_at(in->tree, i)); i++) {
                check_bits(in, entry);
                if (entry->mtime <= in->audit->built)
                        continue;
                if (n_new++ < NAMED_MAX)
                        swb_inspection_add(
                                in, SWB_FLAW_TIMES, "%s is %" PRId64 " s newer than the build",
                                *entry->path ? entry->path : "/", entry->mtime - in->audit->built);
        }
        if (n_new > NAMED_MAX)
                swb_inspection_add(in, SWB_FLAW_TIMES, "%zu more files are newer than the build",
                                   n_new - NAMED_MAX);
}
