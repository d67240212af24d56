/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/manifest_json.h - <payload>.json, what a server must know of a payload
 *
 * Spec: docs/spec/manifest.md. A superset of what Chromium OS's sample Omaha server reads. The same
 * payload gives the same text: `time` is there only when SOURCE_DATE_EPOCH set it.
 */
#include "generator/diff/make.h"
#include "generator/pack/assemble.h"
#include "generator/plan/closed_list.h"
#include "generator/verity/description.h"

struct swb_manifest_facts {
        const char *app_id;
        const char *target_version;
        const char *source_version; /* "" for a full payload */
        enum swb_profile profile;
        int64_t time; /* seconds since 1970, < 0 = none */
        const struct swb_manifest *manifest;
        const struct swb_operation_list *operations; /* one list a partition */
        const struct swb_closed_list *closed;        /* likewise */
        const struct swb_payload_facts *payload;
        const struct swb_signing *signing;
        const struct swb_verity_description *verity; /* one a partition; NULL: no hash trees */
};

/* Appends the text. Return: 0, NO_MEMORY, INTERNAL; and the signer's. */
int swb_manifest_json_write(const struct swb_manifest_facts *facts, struct swb_buf *buf,
                            struct swb_error *err) _warn_unused_;

/* What changes when signatures are put in afterwards. */
struct swb_manifest_signed {
        uint8_t file_hash[SWB_SHA256_BYTES];
        const uint8_t *metadata_signature;
        size_t n_metadata_signature;
        const char *public_key_pem; /* of the first signature */
        const char *const *key_ids;
        size_t n_keys;
};

/* Takes a text that swb_manifest_json_write() made, appends the updated one. FORMAT. */
int swb_manifest_json_sign(const void *text, size_t n_bytes,
                           const struct swb_manifest_signed *facts, struct swb_buf *buf,
                           struct swb_error *err) _warn_unused_;
