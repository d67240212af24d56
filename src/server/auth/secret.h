/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/auth/secret.h - random secrets, and what of them is stored
 *
 * A secret has 256 random bits, so its plain SHA-256 can be stored: nobody guesses it from that.
 */
#include "base/error.h"

#define SWB_SECRET_SIZE 65 /* hex and NUL */
#define SWB_TOKEN_PREFIX "swb_"
#define SWB_TOKEN_SIZE (sizeof(SWB_TOKEN_PREFIX) - 1 + SWB_SECRET_SIZE)

int swb_secret_make(char *ret_secret, struct swb_error *err) _warn_unused_;
/* SHA-256 of `use` and `secret`, hex (SWB_SECRET_SIZE): different uses of one secret differ. */
void swb_secret_hash(const char *use, const char *secret, char *ret_hash);
/* HMAC-SHA256 of `stamp`, a dot, and the data; hex (SWB_SECRET_SIZE). */
void swb_secret_hmac(const char *secret, const char *stamp, const void *data, size_t n_bytes,
                     char *ret_hex);
