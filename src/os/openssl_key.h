/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * os/openssl_key.h - what keyring.c, signer.c and openssl_token.c have in common; for these only
 *
 * Defined in keyring.c, so that the device links no signing code for it.
 */
#include <openssl/bio.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>

#include "os/keyring.h"

/* Refuses all but RSA of 2048 to 4096 bits and ECDSA on P-256 (CONFIG), then tells the key's id. */
int swb_openssl_key_id(EVP_PKEY *key, const char *name, char *ret_id,
                       struct swb_error *err) _warn_unused_;

/* Fails with OpenSSL's own reason, and empties its error queue. */
int swb_openssl_fail(struct swb_error *err, int code, enum swb_fault fault, const char *what,
                     const char *name);

/* A pem_password_cb that has none: programs must never stop and ask at a terminal. */
int swb_openssl_no_password(char *buf, int size, int rwflag, void *context);

/* For _cleanup_(). */
static inline void swb_openssl_free_bio(BIO **bio)
{
        BIO_free(*bio);
}

static inline void swb_openssl_free_key(EVP_PKEY **key)
{
        EVP_PKEY_free(*key);
}

static inline void swb_openssl_free_key_ctx(EVP_PKEY_CTX **ctx)
{
        EVP_PKEY_CTX_free(*ctx);
}

static inline void swb_openssl_free_ec_signature(ECDSA_SIG **signature)
{
        ECDSA_SIG_free(*signature);
}
