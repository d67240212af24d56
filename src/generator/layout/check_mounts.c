/* SPDX-License-Identifier: Apache-2.0 */
/* The file system itself, what mounts it, and what is mounted into it. */
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "generator/layout/checks.h"

void swb_check_file_system(struct swb_inspection *in)
{
        struct swb_tree_facts facts = swb_tree_facts(in->tree);

        if (facts.has_journal)
                swb_inspection_add(in, SWB_FLAW_JOURNAL, "the file system has a journal");
        if (!facts.is_clean)
                swb_inspection_add(in, SWB_FLAW_UNCLEAN,
                                   "the file system was not unmounted in order");
        if (facts.n_mounts > 0)
                swb_inspection_add(in, SWB_FLAW_MOUNTED,
                                   "the file system was mounted for writing %u times",
                                   facts.n_mounts);
}

/* "rw" as a word of a kernel's command line; the last of ro and rw counts. */
static bool is_writable_cmdline(const char *line, size_t n)
{
        bool is_writable = false;

        for (const char *p = line; p < line + n;) {
                size_t n_word = strcspn(p, " \t\r\n\"'");

                if (n_word == 2 && p + 2 <= line + n && strncmp(p, "rw", 2) == 0)
                        is_writable = true;
                if (n_word == 2 && p + 2 <= line + n && strncmp(p, "ro", 2) == 0)
                        is_writable = false;
                p += n_word + 1;
        }
        return is_writable;
}

/* Lines with a command line in them; `key` is what they begin with, "" for all. */
static void check_cmdlines(struct swb_inspection *in, const char *path, const char *key)
{
        _cleanup_free_ char *text = swb_inspection_read(in, path);
        size_t n_key = strlen(key);

        for (const char *line = text; line && *line;
             line += strcspn(line, "\n"), line += *line == '\n') {
                const char *word = line + strspn(line, " \t");
                size_t n = strcspn(word, "\n");

                if (strncasecmp(word, key, n_key) == 0 && is_writable_cmdline(word, n))
                        swb_inspection_add(in, SWB_FLAW_CMDLINE_WRITABLE,
                                           "%s: the kernel's command line says rw: %.*s", path,
                                           (int)SWB_MIN(n, 100u), word);
        }
}

static void check_boot_loader(struct swb_inspection *in)
{
        static const char entries[] = "/boot/loader/entries/";
        const struct swb_tree_entry *entry;

        check_cmdlines(in, "/boot/cmdline.txt", "");
        check_cmdlines(in, "/etc/kernel/cmdline", "");
        check_cmdlines(in, "/boot/extlinux/extlinux.conf", "append");
        check_cmdlines(in, "/boot/grub/grub.cfg", "linux");
        check_cmdlines(in, "/etc/default/grub", "GRUB_CMDLINE_LINUX");
        for (size_t i = swb_tree_first(in->tree, entries);
             (entry = swb_tree_at(in->tree, i)) && swb_starts_with(entry->path, entries); i++)
                check_cmdlines(in, entry->path, "options");
        if (in->audit->cmdline &&
            is_writable_cmdline(in->audit->cmdline, strlen(in->audit->cmdline)))
                swb_inspection_add(in, SWB_FLAW_CMDLINE_WRITABLE,
                                   "the kernel's command line says rw: %.100s", in->audit->cmdline);
}

static void check_mount_point(struct swb_inspection *in, const struct swb_mount *mount)
{
        const struct swb_tree_entry *entry = swb_tree_find_link(in->tree, mount->where);
        char parent[SWB_TREE_PATH_MAX];

        if (mount->is_optional || (entry && !S_ISLNK(entry->mode)))
                return;
        (void)snprintf(parent, sizeof(parent), "%.*s",
                       (int)(strrchr(mount->where, '/') - mount->where), mount->where);
        if (!swb_inspection_is_writable(in, parent)) /* else somebody can make it there */
                swb_inspection_add(in, SWB_FLAW_MOUNT_POINT,
                                   "%s wants to mount on %s, which is not "
                                   "there",
                                   mount->source, mount->where);
}

/* What programs write to unasked; where something below is mounted, somebody thought of it. */
static void check_var(struct swb_inspection *in)
{
        static const char *const folders[] = {"/var/cache", "/var/lib", "/var/log", "/var/spool",
                                              "/var/tmp"};
        char list[128] = "";
        bool is_mentioned = false;

        if (swb_inspection_is_writable(in, "/var"))
                return;
        for (size_t i = 0; i < SWB_ELEMENTS(folders); i++) {
                size_t n = strlen(list);

                if (swb_mounts_below(&in->mounts, folders[i]))
                        is_mentioned = true;
                else if (swb_tree_find(in->tree, folders[i]) &&
                         !swb_inspection_is_writable(in, folders[i]))
                        (void)snprintf(list + n, sizeof(list) - n, " %s", folders[i]);
        }
        if (*list)
                swb_inspection_add(in, SWB_FLAW_VAR, "in the image lie%s", list);
        else if (!is_mentioned)
                swb_inspection_add(in, SWB_FLAW_VAR, "/var lies in the image");
}

void swb_check_mounts(struct swb_inspection *in)
{
        const struct swb_mounts *mounts = &in->mounts;

        for (size_t i = 0; i < mounts->n; i++) {
                const struct swb_mount *mount = &mounts->items[i];

                if (!mount->is_root)
                        check_mount_point(in, mount);
                else if (mount->is_writable)
                        swb_inspection_add(in, SWB_FLAW_FSTAB_WRITABLE, "%s mounts / for writing",
                                           mount->source);
        }
        check_boot_loader(in);
        check_var(in);
}
