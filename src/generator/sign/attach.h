/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/sign/attach.h - signatures made elsewhere go into the room left for them
 *
 * For keys that never leave a signing service or an HSM. swb-pack lays the payload out with
 * signatures of zeros and says what must be signed; here the result comes back.
 */
#include "base/error.h"

struct swb_attach_pair {
        const char *metadata_path; /* files with one bare signature each: RSA PKCS#1 v1.5 or DER */
        const char *payload_path;
};

struct swb_attach_config {
        const char *payload_path;
        const char *output_path;          /* may equal payload_path */
        const char *manifest_path;        /* JSON of payload_path, read */
        const char *output_manifest_path; /* JSON of output_path, written */
        const struct swb_attach_pair
                *pairs; /* in the order of the room given when it was laid out */
        size_t n_pairs;
        const char *const *public_keys; /* PEM files; each signature must verify with one of them */
        size_t n_public_keys;
};

/*
 * Writes the signed payload and its JSON manifest. Return: 0; SIGNATURE (one does not verify);
 * USAGE (number or size does not match the room, or the payload is signed already); FORMAT; IO …
 */
int swb_attach_signatures(const struct swb_attach_config *config,
                          struct swb_error *err) _warn_unused_;
