/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * open/erofs.h - files of erofs images that are packed with LZ4; for this folder only
 */
#include "open/encoder.h"

#define SWB_EROFS_CLUSTER_BYTES 4096u

/* One cluster, to at most n_room bytes. 0, -EBADMSG, -EPROTONOSUPPORT. */
int swb_erofs_unpack_cluster(const uint8_t *block, uint8_t *out, size_t n_room,
                             size_t *ret_n) _warn_unused_;
/* Clusters, one behind the other. */
int swb_erofs_unpack(const uint8_t *in, size_t n_in, uint8_t *out, size_t n_room,
                     size_t *ret_n) _warn_unused_;

/* NULL: not built in. */
const struct swb_encoder_ops *swb_erofs_encoder(void);
