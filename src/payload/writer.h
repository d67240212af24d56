/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * payload/writer.h - the manifest and signature messages as bytes (build side)
 *
 * No I/O, no crypto: the generator lays out the file (generator/write): header and manifest,
 * metadata signature, blobs in operation order, payload signature. Same input, same bytes.
 */
#include "base/buf.h"
#include "payload/format.h"

/*
 * Appends header and manifest: the bytes that the metadata signature covers. `operations` holds
 * manifest->n_partitions arrays of partitions[i].n_operations each, with data offsets set.
 * n_signature_bytes: size of each of the two Signatures messages, 0 for none; goes into the header
 * and (with manifest->signatures_offset) the manifest. Return: 0, FORMAT when the result would
 * break the rules of docs/spec/payload.md, LIMIT, NO_MEMORY.
 */
int swb_manifest_write(const struct swb_manifest *manifest,
                       const struct swb_operation *const *operations, uint32_t n_signature_bytes,
                       struct swb_buf *buf, struct swb_error *err) _warn_unused_;

/*
 * Appends a Signatures message: each entry holds `data` (padded with zeros to `n_padded[i]`) and
 * unpadded_signature_size. The message's size depends on n_padded[] only, so it is known before
 * signing (make one from zeros).
 */
int swb_signatures_write(const struct swb_signature *signatures, const size_t *n_padded, size_t n,
                         struct swb_buf *buf, struct swb_error *err) _warn_unused_;
