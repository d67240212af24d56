/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/publish/manifest.h - the JSON manifest beside a payload
 *
 * Keys that are read: appid, target_version, is_delta, source_version, size, metadata_size,
 * metadata_signature, sha256_hex (base64, in spite of its name; hex is taken too), public_key
 * (base64 of a PEM text). Others are ignored, so manifests of newer tools can be published.
 */
#include "base/buf.h"
#include "os/hash.h"

#define SWB_PUBLISH_MANIFEST_MAX_BYTES (4u << 20)

struct swb_publish_manifest {
        char *appid, *target_version, *source_version; /* source_version "": full */
        bool is_delta;
        uint64_t size, metadata_size; /* bytes */
        uint8_t sha256[SWB_SHA256_BYTES];
        char *metadata_signature; /* base64, "" for none */
        char *public_key;         /* PEM, "" for none */
};

/* FORMAT with the key's name for what is missing or wrong. */
int swb_publish_manifest_parse(const void *text, size_t n_bytes, struct swb_publish_manifest *ret,
                               struct swb_error *err) _warn_unused_;
void swb_publish_manifest_done(struct swb_publish_manifest *manifest);
