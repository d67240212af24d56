/* SPDX-License-Identifier: Apache-2.0 */
#include "server/auth/secret.h"

#include <sys/random.h>

#include "base/text.h"
#include "os/hash.h"

#define SECRET_BYTES ((SWB_SECRET_SIZE - 1) / 2)

int swb_secret_make(char *ret_secret, struct swb_error *err)
{
        uint8_t bytes[SECRET_BYTES];

        if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
                return swb_fail_errno(err, EIO, "get random numbers");
        swb_hex_encode(bytes, sizeof(bytes), ret_secret);
        return 0;
}

void swb_secret_hash(const char *use, const char *secret, char *ret_hash)
{
        uint8_t digest[SWB_SHA256_BYTES];
        struct swb_sha256 sha;

        swb_sha256_init(&sha);
        swb_sha256_update(&sha, use, strlen(use) + 1);
        swb_sha256_update(&sha, secret, strlen(secret));
        swb_sha256_final(&sha, digest);
        swb_hex_encode(digest, sizeof(digest), ret_hash);
}

/* RFC 2104. */
void swb_secret_hmac(const char *secret, const char *stamp, const void *data, size_t n_bytes,
                     char *ret_hex)
{
        uint8_t inner[64] = {0}, outer[64], digest[SWB_SHA256_BYTES];
        struct swb_sha256 sha;

        if (strlen(secret) > sizeof(inner))
                swb_sha256(secret, strlen(secret), inner);
        else
                memcpy(inner, secret, strlen(secret));
        for (size_t i = 0; i < sizeof(inner); i++) {
                outer[i] = inner[i] ^ 0x5c;
                inner[i] ^= 0x36;
        }
        swb_sha256_init(&sha);
        swb_sha256_update(&sha, inner, sizeof(inner));
        swb_sha256_update(&sha, stamp, strlen(stamp));
        swb_sha256_update(&sha, ".", 1);
        swb_sha256_update(&sha, data, n_bytes);
        swb_sha256_final(&sha, digest);
        swb_sha256_init(&sha);
        swb_sha256_update(&sha, outer, sizeof(outer));
        swb_sha256_update(&sha, digest, sizeof(digest));
        swb_sha256_final(&sha, digest);
        swb_hex_encode(digest, sizeof(digest), ret_hex);
}
