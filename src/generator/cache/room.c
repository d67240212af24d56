/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/cache/room.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/text.h"

/* An entry is written in seconds. */
#define DEAD_SEC 3600

struct entry {
        char name[SWB_CACHE_NAME_BYTES];
        struct timespec used;
        uint64_t n_bytes;
};

struct entries {
        struct entry *items;
        size_t n, cap;
        uint64_t n_bytes;
};

static bool is_entry(const char *name)
{
        return strlen(name) == SWB_CACHE_NAME_BYTES - 1 && strspn(name, "0123456789abcdef") == 64 &&
               strcmp(name + 64, SWB_CACHE_SUFFIX) == 0;
}

/* Hex digits and the other suffix: nobody else's file. */
static bool is_new(const char *name)
{
        size_t n = strspn(name, "0123456789abcdef");

        return n == 32 && strcmp(name + n, SWB_CACHE_NEW_SUFFIX) == 0;
}

static int add(struct entries *list, const char *name, const struct stat *st)
{
        struct entry *entry;

        if (list->n == list->cap) {
                size_t cap = list->cap ? list->cap * 2 : 256;
                struct entry *items = reallocarray(list->items, cap, sizeof(*items));

                if (!items)
                        return -ENOMEM;
                list->items = items;
                list->cap = cap;
        }
        entry = &list->items[list->n++];
        *entry = (struct entry){.used = st->st_mtim,
                                .n_bytes = swb_cache_room((uint64_t)st->st_size)};
        memcpy(entry->name, name, sizeof(entry->name)); /* is_entry() knows its length */
        list->n_bytes += entry->n_bytes;
        return 0;
}

static int look_at(int fd, const char *name, time_t now, struct entries *list)
{
        struct stat st;

        if (!is_entry(name) && !is_new(name))
                return 0;
        if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return 0; /* another run was faster */
        if (is_entry(name))
                return add(list, name, &st);
        if (st.st_mtim.tv_sec + DEAD_SEC < now)
                (void)unlinkat(fd, name, 0);
        return 0;
}

static int list_entries(int fd, struct entries *list)
{
        int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
        DIR *dir = copy < 0 ? NULL : fdopendir(copy);
        struct dirent *entry;
        time_t now = time(NULL);

        if (!dir) {
                r = -errno;
                if (copy >= 0)
                        (void)close(copy);
                return r;
        }
        while (r == 0 && (errno = 0, entry = readdir(dir)))
                r = look_at(fd, entry->d_name, now, list);
        if (r == 0)
                r = -errno;
        (void)closedir(dir);
        return r;
}

static int by_age(const void *a, const void *b)
{
        const struct entry *x = a, *y = b;

        if (x->used.tv_sec != y->used.tv_sec)
                return x->used.tv_sec < y->used.tv_sec ? -1 : 1;
        if (x->used.tv_nsec != y->used.tv_nsec)
                return x->used.tv_nsec < y->used.tv_nsec ? -1 : 1;
        return strcmp(x->name, y->name);
}

int swb_cache_make_room(int fd, uint64_t max_bytes, uint64_t *ret_bytes)
{
        struct entries list = {0};
        int r = list_entries(fd, &list);

        if (r == 0 && list.n_bytes > max_bytes) {
                qsort(list.items, list.n, sizeof(*list.items), by_age);
                for (size_t i = 0; i < list.n && list.n_bytes > max_bytes; i++)
                        if (unlinkat(fd, list.items[i].name, 0) == 0 || errno == ENOENT)
                                list.n_bytes -= list.items[i].n_bytes;
        }
        if (r == 0)
                *ret_bytes = list.n_bytes;
        free(list.items);
        return r;
}
