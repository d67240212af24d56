/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/cache/cache.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/text.h"
#include "generator/cache/room.h"
#include "os/file.h"

struct swb_cache {
        const char *folder, *tool;
        int fd;
        uint64_t max_bytes;
        pthread_mutex_t lock; /* of what follows */
        uint64_t n_bytes;
        struct swb_cache_counts counts;
};

static void entry_name(const struct swb_cache_key *key, char name[static SWB_CACHE_NAME_BYTES])
{
        swb_hex_encode(key->bytes, sizeof(key->bytes), name);
        memcpy(name + 2 * sizeof(key->bytes), SWB_CACHE_SUFFIX, sizeof(SWB_CACHE_SUFFIX));
}

static int new_file(const struct swb_cache *cache, struct swb_cache_file *file,
                    struct swb_error *err)
{
        uint8_t chance[16];

        file->fd = -1;
        if (getrandom(chance, sizeof(chance), 0) != (ssize_t)sizeof(chance))
                return swb_fail_errno(err, errno, "get random bytes");
        swb_hex_encode(chance, sizeof(chance), file->name);
        memcpy(file->name + 2 * sizeof(chance), SWB_CACHE_NEW_SUFFIX, sizeof(SWB_CACHE_NEW_SUFFIX));
        file->fd = openat(cache->fd, file->name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                          0600);
        return file->fd >= 0 ? 0
                             : swb_fail_errno(err, errno, "make a file in the cache folder '%s'",
                                              cache->folder);
}

static void remove_file(const struct swb_cache *cache, struct swb_cache_file *file)
{
        file->fd = swb_close(file->fd);
        (void)unlinkat(cache->fd, file->name, 0);
}

static int open_folder(struct swb_cache *cache, struct swb_error *err)
{
        struct swb_cache_file file;
        int r = swb_make_dirs(cache->folder, 0700, err);

        if (r < 0)
                return swb_wrap(err, r, "cache folder '%s'", cache->folder);
        cache->fd = open(cache->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (cache->fd < 0)
                return swb_fail_errno(err, errno, "open the cache folder '%s'", cache->folder);
        r = new_file(cache, &file, err);
        if (r < 0)
                return r;
        remove_file(cache, &file);
        r = swb_cache_make_room(cache->fd, cache->max_bytes, &cache->n_bytes);
        return r < 0 ? swb_fail_errno(err, -r, "list the cache folder '%s'", cache->folder) : 0;
}

int swb_cache_open(const struct swb_cache_config *config, struct swb_cache **ret,
                   struct swb_error *err)
{
        struct swb_cache *cache = calloc(1, sizeof(*cache));
        int r;

        if (!cache)
                return swb_oom(err);
        cache->folder = config->folder;
        cache->tool = config->tool;
        cache->max_bytes = config->max_bytes;
        cache->fd = -1;
        pthread_mutex_init(&cache->lock, NULL);
        r = open_folder(cache, err);
        if (r < 0)
                (void)swb_cache_free(cache);
        else
                *ret = cache;
        return r;
}

struct swb_cache *swb_cache_free(struct swb_cache *cache)
{
        if (!cache)
                return NULL;
        (void)swb_close(cache->fd);
        pthread_mutex_destroy(&cache->lock);
        free(cache);
        return NULL;
}

const char *swb_cache_tool(const struct swb_cache *cache)
{
        return cache->tool;
}

void swb_cache_counts(struct swb_cache *cache, struct swb_cache_counts *ret)
{
        pthread_mutex_lock(&cache->lock);
        *ret = cache->counts;
        pthread_mutex_unlock(&cache->lock);
}

int swb_cache_find(struct swb_cache *cache, const struct swb_cache_key *key)
{
        char name[SWB_CACHE_NAME_BYTES];

        entry_name(key, name);
        pthread_mutex_lock(&cache->lock);
        cache->counts.n_asked++;
        pthread_mutex_unlock(&cache->lock);
        return openat(cache->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

void swb_cache_taken(struct swb_cache *cache, int fd)
{
        (void)futimens(fd, NULL); /* at worst it goes too early */
        pthread_mutex_lock(&cache->lock);
        cache->counts.n_taken++;
        pthread_mutex_unlock(&cache->lock);
}

void swb_cache_drop(struct swb_cache *cache, const struct swb_cache_key *key)
{
        char name[SWB_CACHE_NAME_BYTES];

        entry_name(key, name);
        swb_log(SWB_LOG_DEBUG, "cache '%s': '%s' is damaged: dropped", cache->folder, name);
        (void)unlinkat(cache->fd, name, 0);
        pthread_mutex_lock(&cache->lock);
        cache->counts.n_damaged++;
        pthread_mutex_unlock(&cache->lock);
}

/* Nothing is stored from now on. */
static void give_up(struct swb_cache *cache, const struct swb_error *error)
{
        pthread_mutex_lock(&cache->lock);
        if (*cache->counts.trouble == '\0')
                (void)snprintf(cache->counts.trouble, sizeof(cache->counts.trouble), "%s",
                               error->text);
        pthread_mutex_unlock(&cache->lock);
}

void swb_cache_begin(struct swb_cache *cache, struct swb_cache_file *file)
{
        struct swb_error error = SWB_ERROR_INIT;
        bool gave_up;

        file->fd = -1;
        pthread_mutex_lock(&cache->lock);
        gave_up = *cache->counts.trouble != '\0';
        pthread_mutex_unlock(&cache->lock);
        if (!gave_up && new_file(cache, file, &error) < 0)
                give_up(cache, &error);
}

/* With some room to spare, so that not every new entry needs a look at all of them. */
static void add_bytes(struct swb_cache *cache, uint64_t n_bytes)
{
        pthread_mutex_lock(&cache->lock);
        cache->n_bytes += n_bytes;
        if (cache->n_bytes > cache->max_bytes &&
            swb_cache_make_room(cache->fd, cache->max_bytes - cache->max_bytes / 8,
                                &cache->n_bytes) < 0)
                cache->n_bytes = 0; /* the next run looks again */
        pthread_mutex_unlock(&cache->lock);
}

void swb_cache_commit(struct swb_cache *cache, struct swb_cache_file *file,
                      const struct swb_cache_key *key)
{
        struct swb_error error = SWB_ERROR_INIT;
        char name[SWB_CACHE_NAME_BYTES];
        struct stat st;

        entry_name(key, name);
        if (fstat(file->fd, &st) < 0 || renameat(cache->fd, file->name, cache->fd, name) < 0) {
                (void)swb_fail_errno(&error, errno, "name a file in the cache folder '%s'",
                                     cache->folder);
                swb_cache_abandon(cache, file, &error);
                return;
        }
        file->fd = swb_close(file->fd);
        add_bytes(cache, swb_cache_room((uint64_t)st.st_size));
}

void swb_cache_abandon(struct swb_cache *cache, struct swb_cache_file *file,
                       const struct swb_error *error)
{
        remove_file(cache, file);
        give_up(cache, error);
}
