/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * open/clusters.h - how many clusters of an erofs image make a piece; for this folder only
 */
#include "open/prove.h"

struct swb_clusters {
        uint8_t *data; /* what they open to; owned */
        size_t n_opened, n_encoded;
};

/*
 * The first clusters of a run: as many as are well kept in memory, and open. n_encoded 0: the first
 * one does not. 0, -ENOMEM.
 */
int swb_clusters_open(const uint8_t *encoded, size_t n_encoded,
                      struct swb_clusters *ret) _warn_unused_;

/*
 * Cuts them to those that an encoder makes. Return: SWB_PROVED and how; SWB_NOT_PROVED: the first
 * one stays as it is; -ENOMEM.
 */
int swb_clusters_prove(struct swb_proofs *proofs, const struct swb_span *span,
                       const uint8_t *encoded, struct swb_clusters *clusters,
                       struct swb_setting *ret) _warn_unused_;
