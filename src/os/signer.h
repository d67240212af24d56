/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * os/signer.h - private keys: generation and signing (wraps OpenSSL; build side only)
 */
#include "os/hash.h"
#include "os/keyring.h"

struct swb_signer;

/*
 * A file with a PEM private key, or a key in a PKCS#11 token (a "pkcs11:" URI, os/token.h; pin may
 * be NULL and is for tokens only): RSA 2048..4096, ECDSA P-256; CONFIG for anything else.
 */
int swb_signer_load(const char *key, const char *pin, struct swb_signer **ret,
                    struct swb_error *err) _warn_unused_;
struct swb_signer *swb_signer_free(struct swb_signer *signer);
SWB_DEFINE_CLEANUP(struct swb_signer *, swb_signer_free)

const char *swb_signer_id(const struct swb_signer *signer); /* as swb_keyring_id() */
/* Size that every signature of this key is padded to (RSA: modulus; P-256: 72). */
size_t swb_signer_size(const struct swb_signer *signer);
/* Same digest, same bytes: RSA PKCS#1 v1.5 is so by nature; for ECDSA the nonce is derived from
 * key and digest as in RFC 6979, so that a payload built twice is identical. Not so for ECDSA in a
 * token, which draws its own nonces. */
int swb_signer_sign(const struct swb_signer *signer, const uint8_t *digest, uint8_t *ret_signature,
                    size_t *ret_n, struct swb_error *err) _warn_unused_;
/* The public key as PEM text, for manifests; owned by the caller. */
int swb_signer_public_pem(const struct swb_signer *signer, char **ret_pem,
                          struct swb_error *err) _warn_unused_;

/* type: "rsa2048", "rsa3072", "rsa4096", "p256". Writes both files; never overwrites; the private
 * one has mode 0600. */
int swb_key_generate(const char *type, const char *private_path, const char *public_path,
                     struct swb_error *err) _warn_unused_;
