/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/install/verify.h - may this payload be installed here?
 *
 * No I/O. Signatures: of as many different trusted keys as the keyring requires.
 */
#include "device/install/installer.h"
#include "payload/reader.h"

/* After METADATA, before accept. SIGNATURE. */
int swb_verify_metadata(struct swb_payload_reader *reader, const struct swb_keyring *keys,
                        struct swb_error *err) _warn_unused_;

/* After accept: version, time stamp, announced size. DOWNGRADE, FORMAT; SIGNATURE for an unsigned
 * payload when keys are given. */
int swb_verify_manifest(const struct swb_manifest *manifest,
                        const struct swb_install_config *config,
                        struct swb_error *err) _warn_unused_;

struct swb_payload_totals {
        uint64_t operations;
        uint64_t payload_bytes;       /* the whole file, as the manifest has it */
        uint64_t target_bytes;        /* written by all operations */
        uint64_t target_bytes_before; /* by those before `first` */
};

/* After accept: counts, and with keys demands a hash for every blob (FORMAT). */
int swb_verify_operations(struct swb_payload_reader *reader, const struct swb_keyring *keys,
                          uint64_t first, struct swb_payload_totals *ret,
                          struct swb_error *err) _warn_unused_;

/* The blob is the one that the manifest means. HASH. */
int swb_verify_blob(const struct swb_operation *operation, const uint8_t *blob,
                    struct swb_error *err) _warn_unused_;

/* After SIGNATURES; digest of the signed part. SIGNATURE. */
int swb_verify_payload(struct swb_payload_reader *reader, const struct swb_keyring *keys,
                       const uint8_t *digest, struct swb_error *err) _warn_unused_;
