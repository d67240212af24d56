/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/layout/folder.h"

#include <string.h>

#include "base/cleanup.h"

void swb_folder_done(struct swb_folder *folder)
{
        for (size_t i = 0; i < folder->n; i++)
                free(folder->entries[i].path);
        free(folder->entries);
        free(folder->root);
        *folder = (struct swb_folder){0};
}

char *swb_folder_host_path(const struct swb_folder *folder, const struct swb_folder_entry *entry)
{
        char *path = NULL;

        return asprintf(&path, "%s%s", folder->root, entry->path) < 0 ? NULL : path;
}

/* Takes path. */
static int add(struct swb_folder *folder, char *path, struct swb_error *err)
{
        struct swb_folder_entry entry = {.path = path};
        _cleanup_free_ char *host = NULL;
        size_t cap = folder->cap ? folder->cap * 2 : 1024;
        int r = 0;

        if (folder->n == folder->cap) {
                struct swb_folder_entry *entries =
                        reallocarray(folder->entries, cap, sizeof(*entries));

                if (!entries)
                        r = swb_oom(err);
                else
                        *folder = (struct swb_folder){folder->root, entries, folder->n, cap};
        }
        host = swb_folder_host_path(folder, &entry);
        if (r >= 0 && !host)
                r = swb_oom(err);
        if (r >= 0 && folder->n == SWB_FOLDER_ENTRIES_MAX)
                r = swb_fail(err, -E2BIG, SWB_FAULT_LIMIT, "'%s': more than %u files", folder->root,
                             SWB_FOLDER_ENTRIES_MAX);
        if (r >= 0 && lstat(host, &entry.st) < 0)
                r = swb_fail_errno(err, errno, "look at '%s'", host);
        if (r < 0) {
                free(path);
                return r;
        }
        folder->entries[folder->n++] = entry;
        return 0;
}

static int read_one(struct swb_folder *folder, size_t index, struct swb_error *err)
{
        _cleanup_free_ char *host = swb_folder_host_path(folder, &folder->entries[index]);
        _cleanup_closedir_ DIR *dir = host ? opendir(host) : NULL;
        const struct dirent *item;
        int r = 0;

        if (!dir)
                return host ? swb_fail_errno(err, errno, "open folder '%s'", host) : swb_oom(err);
        while (r >= 0 && (errno = 0, item = readdir(dir))) {
                char *path = NULL;

                if (strcmp(item->d_name, ".") == 0 || strcmp(item->d_name, "..") == 0)
                        continue;
                if (asprintf(&path, "%s/%s", folder->entries[index].path, item->d_name) < 0)
                        r = swb_oom(err);
                else
                        r = add(folder, path, err);
        }
        if (r >= 0 && errno)
                r = swb_fail_errno(err, errno, "read folder '%s'", host);
        return r;
}

static int by_path(const void *a, const void *b)
{
        return strcmp(((const struct swb_folder_entry *)a)->path,
                      ((const struct swb_folder_entry *)b)->path);
}

struct link_key {
        dev_t dev;
        ino_t ino;
        size_t index;
};

static int by_inode(const void *a, const void *b)
{
        const struct link_key *k = a, *l = b;

        if (k->dev != l->dev)
                return k->dev < l->dev ? -1 : 1;
        if (k->ino != l->ino)
                return k->ino < l->ino ? -1 : 1;
        return k->index < l->index ? -1 : k->index > l->index;
}

static int find_hard_links(struct swb_folder *folder, struct swb_error *err)
{
        _cleanup_free_ struct link_key *keys = reallocarray(NULL, folder->n, sizeof(*keys));

        if (!keys)
                return swb_oom(err);
        for (size_t i = 0; i < folder->n; i++)
                keys[i] = (struct link_key){folder->entries[i].st.st_dev,
                                            folder->entries[i].st.st_ino, i};
        qsort(keys, folder->n, sizeof(*keys), by_inode);
        for (size_t i = 0; i < folder->n; i++) {
                struct swb_folder_entry *entry = &folder->entries[keys[i].index];
                bool is_again = i > 0 && keys[i].dev == keys[i - 1].dev &&
                                keys[i].ino == keys[i - 1].ino && !S_ISDIR(entry->st.st_mode);

                entry->hard_link =
                        is_again ? folder->entries[keys[i - 1].index].hard_link : keys[i].index;
        }
        return 0;
}

int swb_folder_read(const char *path, struct swb_folder *ret, struct swb_error *err)
{
        _cleanup_(swb_folder_done) struct swb_folder folder = {.root = strdup(path)};
        char *root = strdup("");
        int r;

        if (!folder.root || !root) {
                free(root);
                return swb_oom(err);
        }
        for (size_t n = strlen(path); n > 1 && path[n - 1] == '/'; n--)
                folder.root[n - 1] = '\0';
        r = add(&folder, root, err);
        if (r >= 0 && !S_ISDIR(folder.entries[0].st.st_mode))
                return swb_fail(err, -ENOTDIR, SWB_FAULT_NOT_FOUND, "'%s' is no folder", path);
        for (size_t i = 0; r >= 0 && i < folder.n; i++)
                if (S_ISDIR(folder.entries[i].st.st_mode))
                        r = read_one(&folder, i, err);
        if (r < 0)
                return r;
        qsort(folder.entries, folder.n, sizeof(*folder.entries), by_path);
        r = find_hard_links(&folder, err);
        if (r < 0)
                return r;
        *ret = folder;
        folder = (struct swb_folder){0};
        return 0;
}

struct swb_folder_entry *swb_folder_parent(const struct swb_folder *folder, const char *path)
{
        size_t low = 0, high = folder->n, n = (size_t)(strrchr(path, '/') - path);

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                const char *other = folder->entries[middle].path;
                int order = strncmp(other, path, n);

                if (order == 0)
                        order = other[n] != '\0';
                if (order == 0)
                        return &folder->entries[middle];
                if (order < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        swb_assert(false); /* folders come before what is in them */
        return NULL;
}
