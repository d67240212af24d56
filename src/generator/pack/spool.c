/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/pack/spool.h"

#include <pthread.h>

#include "generator/pack/output.h"
#include "os/file.h"

struct swb_spool {
        int fd;
        uint64_t n_bytes;
        pthread_mutex_t lock;
};

int swb_spool_new(const char *folder, struct swb_spool **ret, struct swb_error *err)
{
        struct swb_spool *spool = calloc(1, sizeof(*spool));
        int r;

        if (!spool)
                return swb_oom(err);
        r = swb_open_unnamed(folder, &spool->fd, err);
        if (r < 0) {
                free(spool);
                return r;
        }
        pthread_mutex_init(&spool->lock, NULL);
        *ret = spool;
        return 0;
}

struct swb_spool *swb_spool_free(struct swb_spool *spool)
{
        if (!spool)
                return NULL;
        (void)swb_close(spool->fd);
        pthread_mutex_destroy(&spool->lock);
        free(spool);
        return NULL;
}

int swb_spool_append(struct swb_spool *spool, const void *data, size_t n_bytes,
                     uint64_t *ret_offset, struct swb_error *err)
{
        uint64_t offset;
        int r;

        pthread_mutex_lock(&spool->lock);
        offset = spool->n_bytes;
        spool->n_bytes += n_bytes;
        pthread_mutex_unlock(&spool->lock);
        r = swb_pwrite(spool->fd, "temporary file beside the output", data, n_bytes, offset, err);
        if (r < 0)
                return r;
        *ret_offset = offset;
        return 0;
}

int swb_spool_read(const struct swb_spool *spool, uint64_t offset, void *data, size_t n_bytes,
                   struct swb_error *err)
{
        return swb_pread(spool->fd, "temporary file beside the output", data, n_bytes, offset, err);
}
