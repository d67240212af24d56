/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * os/openssl_token.h - a key in a token as OpenSSL sees it; for signer.c only
 */
#include <openssl/evp.h>

#include "os/hash.h"
#include "os/token.h"

/* The public half. CONFIG when what the token says is no key. */
int swb_token_to_openssl(const struct swb_token_key *token, const char *name, EVP_PKEY **ret,
                         struct swb_error *err) _warn_unused_;

/* Signs in the token, and verifies with the public half what came back. ret_signature has room for
 * EVP_PKEY_get_size(public) bytes. */
int swb_token_sign(const struct swb_token_key *token, EVP_PKEY *public, const uint8_t *digest,
                   uint8_t *ret_signature, size_t *ret_n, struct swb_error *err) _warn_unused_;
