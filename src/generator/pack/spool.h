/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/pack/spool.h - operation data on its way into the payload
 *
 * The manifest stands before the data, so data waits in a file without a name, in the folder of
 * the output; a process that dies leaves nothing behind. Appending is safe from several threads.
 */
#include <stdint.h>

#include "base/error.h"

struct swb_spool;

/* folder: where to make the file. */
int swb_spool_new(const char *folder, struct swb_spool **ret, struct swb_error *err) _warn_unused_;
struct swb_spool *swb_spool_free(struct swb_spool *spool);
SWB_DEFINE_CLEANUP(struct swb_spool *, swb_spool_free)

int swb_spool_append(struct swb_spool *spool, const void *data, size_t n_bytes,
                     uint64_t *ret_offset, struct swb_error *err) _warn_unused_;
int swb_spool_read(const struct swb_spool *spool, uint64_t offset, void *data, size_t n_bytes,
                   struct swb_error *err) _warn_unused_;
