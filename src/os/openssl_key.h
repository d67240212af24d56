/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * os/openssl_key.h - what keyring.c and signer.c have in common; for these two files only
 *
 * Defined in keyring.c, so that the device links no signing code for it.
 */
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
