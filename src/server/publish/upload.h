/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/publish/upload.h - payloads that come by the network, piece by piece, before they are
 * published
 *
 * Model:  DATA/uploads/SHA256 grows by pieces that follow each other; its hash counts only when it
 *         is published (publish.h). Bounded: SWB_UPLOADS_MAX files of SWB_UPLOAD_MAX_BYTES; one
 * that did not grow for SWB_UPLOAD_SECONDS goes when another one begins.
 */
#include <stdint.h>

#include "base/error.h"

#define SWB_UPLOAD_MAX_BYTES (16ull << 30)
#define SWB_UPLOADS_MAX 8
#define SWB_UPLOAD_SECONDS (24 * 3600)

/* Adds a piece that begins at `offset`; 0 begins anew. ret_bytes: how many are there now.
 * USAGE: not a hash, or -EEXIST: the piece does not follow; LIMIT: too large, or too many uploads;
 * NO_SPACE. */
int swb_upload_add(const char *data_folder, const char *sha256, uint64_t offset, const void *data,
                   size_t n_bytes, int64_t now, uint64_t *ret_bytes,
                   struct swb_error *err) _warn_unused_;
/* Its path; the caller frees it. NOT_FOUND. */
int swb_upload_find(const char *data_folder, const char *sha256, char **ret_path,
                    struct swb_error *err) _warn_unused_;
