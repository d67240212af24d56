/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clusters as mkfs.erofs packs files with LZ4: each takes a block of 4 KiB, behind zeros if it does
 * not fill it, and holds as much of the file as fits. What fits depends on what follows, so the
 * clusters of a file are one piece.
 */
#include "open/erofs.h"

#include <lz4.h>
#include <lz4hc.h>
#include <string.h>

#include "open/libraries.h"

/* The fast encoder has another table where more than this follows. */
#define FAR_BYTES ((size_t)64 << 10)

/* ---- opening */

int swb_erofs_unpack_cluster(const uint8_t *block, uint8_t *out, size_t n_room, size_t *ret_n)
{
        size_t skip = 0;
        int n;

        while (skip < SWB_EROFS_CLUSTER_BYTES && block[skip] == 0)
                skip++;
        if (skip == SWB_EROFS_CLUSTER_BYTES || n_room > SWB_WHOLE_MAX_BYTES)
                return -EBADMSG;
        n = LZ4_decompress_safe((const char *)block + skip, (char *)out,
                                (int)(SWB_EROFS_CLUSTER_BYTES - skip), (int)n_room);
        if (n <= 0)
                return -EBADMSG;
        *ret_n = (size_t)n;
        return 0;
}

int swb_erofs_unpack(const uint8_t *in, size_t n_in, uint8_t *out, size_t n_room, size_t *ret_n)
{
        size_t done = 0;

        if (n_in % SWB_EROFS_CLUSTER_BYTES > 0)
                return -EBADMSG;
        for (size_t at = 0; at < n_in; at += SWB_EROFS_CLUSTER_BYTES) {
                size_t n;
                int r = done < n_room
                                ? swb_erofs_unpack_cluster(in + at, out + done, n_room - done, &n)
                                : -EBADMSG;

                if (r < 0)
                        return r;
                done += n;
        }
        *ret_n = done;
        return 0;
}

/* ---- closing; parameters of the fast encoder: does much follow? of the other one: level */

static bool is_far(const struct swb_setting *setting)
{
        return setting->encoder == SWB_ENCODER_EROFS_LZ4 && setting->parameters[0] > 0;
}

static uint64_t memory_of(const struct swb_setting *setting, uint64_t n_opened, uint64_t n_encoded)
{
        uint64_t state = setting->encoder == SWB_ENCODER_EROFS_LZ4 ? (uint64_t)LZ4_STREAM_MINSIZE
                                                                   : (uint64_t)LZ4_STREAMHC_MINSIZE;

        (void)n_encoded; /* clusters are written one by one */
        return n_opened + FAR_BYTES + state + SWB_EROFS_CLUSTER_BYTES;
}

static int open_clusters(const struct swb_encoder_job *job, void **ret_state)
{
        struct swb_gathered *gathered;
        void *state = NULL;
        int r = swb_gathered_open(job, &state);

        if (r < 0)
                return r;
        gathered = state;
        free(gathered->data);
        gathered->data = calloc(1, (size_t)job->n_opened + FAR_BYTES);
        if (!gathered->data) {
                swb_gathered_close(gathered);
                return -ENOMEM;
        }
        *ret_state = gathered;
        return 0;
}

/* As much as fits of n bytes. Return: how much the cluster takes; taken: of the bytes. */
static int make_cluster(const struct swb_setting *setting, void *table, const uint8_t *data, int *n,
                        char *out)
{
        if (setting->encoder == SWB_ENCODER_EROFS_LZ4)
                return LZ4_compress_destSize((const char *)data, out, n, SWB_EROFS_CLUSTER_BYTES);
        return LZ4_compress_HC_destSize(table, (const char *)data, out, n, SWB_EROFS_CLUSTER_BYTES,
                                        (int)setting->parameters[0]);
}

static int write_cluster(const struct swb_gathered *gathered, const char *made, size_t n)
{
        static const uint8_t zeros[SWB_EROFS_CLUSTER_BYTES];
        size_t n_zeros = SWB_EROFS_CLUSTER_BYTES - n;
        int r = n_zeros > 0 ? gathered->job.write(gathered->job.context, zeros, n_zeros) : 0;

        return r < 0 ? r : gathered->job.write(gathered->job.context, (const uint8_t *)made, n);
}

static int finish(void *state)
{
        const struct swb_gathered *gathered = state;
        const struct swb_setting *setting = gathered->job.setting;
        size_t n_far = is_far(setting) ? FAR_BYTES : 0, done = 0;
        _cleanup_free_ void *table = malloc((size_t)LZ4_sizeofStateHC());
        char cluster[SWB_EROFS_CLUSTER_BYTES];
        int r = table ? 0 : -ENOMEM;

        while (done < gathered->n && r >= 0) {
                int n = (int)(gathered->n - done + n_far);
                int made = make_cluster(setting, table, gathered->data + done, &n, cluster);

                if (made <= 0 || n <= 0)
                        return -EBADMSG;
                done += (size_t)n;
                r = write_cluster(gathered, cluster, (size_t)made);
        }
        if (r < 0)
                return r;
        return done == gathered->n ? 0 : -EBADMSG;
}

static const struct swb_encoder_ops ops = {
        .memory = memory_of,
        .open = open_clusters,
        .put = swb_gathered_put,
        .finish = finish,
        .close = swb_gathered_close,
};

const struct swb_encoder_ops *swb_erofs_encoder(void)
{
        return &ops;
}
