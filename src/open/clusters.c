/* SPDX-License-Identifier: Apache-2.0 */
#include "open/clusters.h"

#include "open/erofs.h"

#define PIECE_BYTES ((size_t)1 << 20)
#define CLUSTER SWB_EROFS_CLUSTER_BYTES
/* The last cluster of a piece does not see what follows: another end may do better. */
#define ENDS_MAX 8u

int swb_clusters_open(const uint8_t *encoded, size_t n_encoded, struct swb_clusters *ret)
{
        uint8_t *data = malloc(PIECE_BYTES);
        size_t n = 0, at = 0;

        if (!data)
                return -ENOMEM;
        while (n_encoded - at >= CLUSTER && n < PIECE_BYTES) {
                size_t n_cluster;

                if (swb_erofs_unpack_cluster(encoded + at, data + n, PIECE_BYTES - n, &n_cluster) <
                    0)
                        break;
                n += n_cluster;
                at += CLUSTER;
        }
        *ret = (struct swb_clusters){data, n, at};
        return 0;
}

/* What the first n clusters open to. They have been opened before. */
static size_t opened_by(const uint8_t *encoded, size_t n, uint8_t *room, size_t n_room)
{
        size_t n_opened = 0;

        return swb_erofs_unpack(encoded, n * CLUSTER, room, n_room, &n_opened) < 0 ? 0 : n_opened;
}

/* Does it make the first clusters, when there is nothing behind them? */
static int cut_at(const struct swb_setting *setting, const uint8_t *encoded, size_t n,
                  struct swb_clusters *clusters)
{
        size_t n_opened = opened_by(encoded, n, clusters->data, clusters->n_opened), n_equal;
        int r = n_opened > 0 ? swb_prove_setting(setting, encoded, n * CLUSTER, clusters->data,
                                                 n_opened, &n_equal)
                             : SWB_NOT_PROVED;

        if (r != SWB_PROVED)
                return r;
        clusters->n_opened = n_opened;
        clusters->n_encoded = n * CLUSTER;
        return r;
}

int swb_clusters_prove(struct swb_proofs *proofs, const struct swb_span *span,
                       const uint8_t *encoded, struct swb_clusters *clusters,
                       struct swb_setting *ret)
{
        size_t n_equal;
        int r = swb_prove_most(proofs, span, encoded, clusters->n_encoded, clusters->data,
                               clusters->n_opened, ret, &n_equal);

        if (r != SWB_NOT_PROVED)
                return r;
        n_equal /= CLUSTER;
        for (size_t i = 0; i < ENDS_MAX && i < n_equal && r == SWB_NOT_PROVED; i++)
                r = cut_at(ret, encoded, n_equal - i, clusters);
        return r;
}
