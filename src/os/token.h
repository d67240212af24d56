/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * os/token.h - a private key that stays in a PKCS#11 token, an HSM say (wraps p11-kit)
 *
 * Place:  below os/signer.h, on the build host only; no device program links it
 * Model:  one open session for the key's life. The token's driver is loaded into this process.
 *
 * The key is named by a URI (RFC 7512): "pkcs11:token=…;object=…;id=…?module-path=…". Exactly one
 * token and one private key must match. Without module-path all drivers are asked that are
 * registered with p11-kit. The PIN comes from the URI's pin-source, a file ("file:/dev/fd/3" is one
 * too), or else from the caller; a pin-value, which every process could read, is refused.
 */
#include "base/buf.h"
#include "base/error.h"

struct swb_token_key;

enum swb_token_kind {
        SWB_TOKEN_RSA,
        SWB_TOKEN_EC,
};

/* What the token says of the public half. Not checked here: signer.c lets OpenSSL do that. */
struct swb_token_public {
        enum swb_token_kind kind;
        struct swb_buf modulus, exponent; /* RSA: big-endian */
        struct swb_buf group, point;      /* EC: DER of the curve's name, and of the point */
};

void swb_token_public_done(struct swb_token_public *public);

/*
 * pin may be NULL. USAGE for a bad URI, NOT_FOUND for no such token or key, CONFIG when several
 * match or the public key is missing, DENIED without a PIN or with a wrong one, IO for what the
 * token answers else.
 */
int swb_token_key_open(const char *uri, const char *pin, struct swb_token_key **ret,
                       struct swb_error *err) _warn_unused_;
struct swb_token_key *swb_token_key_free(struct swb_token_key *key);
SWB_DEFINE_CLEANUP(struct swb_token_key *, swb_token_key_free)

int swb_token_key_public(const struct swb_token_key *key, struct swb_token_public *ret,
                         struct swb_error *err) _warn_unused_;

/*
 * RSA (PKCS#1 v1.5): `data` is the DigestInfo. EC: `data` is the digest, the signature r and s
 * behind each other. *ret_n: room before, length after.
 */
int swb_token_key_sign(const struct swb_token_key *key, enum swb_token_kind kind,
                       const uint8_t *data, size_t n, uint8_t *ret_signature, size_t *ret_n,
                       struct swb_error *err) _warn_unused_;
