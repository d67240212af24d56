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

bool swb_secret_equal(const char *a, const char *b)
{
        size_t n = strlen(a);
        unsigned char difference = 0;

        if (strlen(b) != n)
                return false;
        for (size_t i = 0; i < n; i++)
                difference |= (unsigned char)a[i] ^ (unsigned char)b[i];
        return difference == 0;
}
