/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenSSL's EVP interface can't give out a running state, so this file, and only this one, uses the
 * low-level calls that OpenSSL 3 marks as deprecated. The layout of the struct is part of OpenSSL's
 * ABI; what is stored is a layout of our own.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "os/hash.h"

#include <openssl/sha.h>

#include "base/endian.h"
#include "os/file.h"

#define FD_CHUNK_BYTES ((size_t)128 << 10)

_Static_assert(sizeof(SHA256_CTX) <= sizeof(struct swb_sha256), "opaque[] is too small");

/* Copying in and out costs nothing beside the hashing, and is what C's aliasing rules ask for. */
static SHA256_CTX unpack(const struct swb_sha256 *sha)
{
        SHA256_CTX ctx;

        memcpy(&ctx, sha->opaque, sizeof(ctx));
        return ctx;
}

static void pack(struct swb_sha256 *sha, const SHA256_CTX *ctx)
{
        memcpy(sha->opaque, ctx, sizeof(*ctx));
}

void swb_sha256_init(struct swb_sha256 *sha)
{
        SHA256_CTX ctx;

        memset(sha, 0, sizeof(*sha));
        (void)SHA256_Init(&ctx); /* can't fail, nor can the two below */
        pack(sha, &ctx);
}

void swb_sha256_update(struct swb_sha256 *sha, const void *data, size_t n_bytes)
{
        SHA256_CTX ctx = unpack(sha);

        (void)SHA256_Update(&ctx, data, n_bytes);
        pack(sha, &ctx);
}

void swb_sha256_final(struct swb_sha256 *sha, uint8_t *ret_digest)
{
        SHA256_CTX ctx = unpack(sha);

        (void)SHA256_Final(ret_digest, &ctx);
}

void swb_sha256_save(const struct swb_sha256 *sha, uint8_t *ret_state)
{
        SHA256_CTX ctx = unpack(sha);

        memset(ret_state, 0, SWB_SHA256_STATE_BYTES);
        for (size_t i = 0; i < 8; i++)
                swb_put_be32(ret_state + 4 * i, ctx.h[i]);
        /* OpenSSL counts in bits, in two words */
        swb_put_be64(ret_state + 32, ((uint64_t)ctx.Nh << 32 | ctx.Nl) / 8);
        memcpy(ret_state + 40, ctx.data, ctx.num);
        ret_state[104] = (uint8_t)ctx.num;
}

static bool all_zero(const uint8_t *data, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (data[i] != 0)
                        return false;
        return true;
}

int swb_sha256_load(struct swb_sha256 *sha, const uint8_t *state)
{
        uint64_t n_bytes = swb_get_be64(state + 32);
        unsigned fill = state[104];
        SHA256_CTX ctx;
        uint32_t h[8];

        if (n_bytes > UINT64_MAX / 8 || fill != n_bytes % 64 ||
            !all_zero(state + 40 + fill, 64 - fill))
                return -EBADMSG;
        (void)SHA256_Init(&ctx);
        for (size_t i = 0; i < 8; i++)
                h[i] = swb_get_be32(state + 4 * i);
        if (n_bytes < 64 && memcmp(h, ctx.h, sizeof(h)) != 0)
                return -EBADMSG; /* no block was hashed yet: the words are still the initial ones */
        memcpy(ctx.h, h, sizeof(h));
        ctx.Nl = (SHA_LONG)(n_bytes * 8);
        ctx.Nh = (SHA_LONG)(n_bytes * 8 >> 32);
        memcpy(ctx.data, state + 40, fill);
        ctx.num = fill;
        memset(sha, 0, sizeof(*sha));
        pack(sha, &ctx);
        return 0;
}

void swb_sha256(const void *data, size_t n_bytes, uint8_t *ret_digest)
{
        struct swb_sha256 sha;

        swb_sha256_init(&sha);
        swb_sha256_update(&sha, data, n_bytes);
        swb_sha256_final(&sha, ret_digest);
}

int swb_sha256_fd(int fd, const char *name, uint64_t n_bytes, uint8_t *ret_digest,
                  struct swb_error *err)
{
        _cleanup_free_ uint8_t *chunk = malloc(FD_CHUNK_BYTES);
        struct swb_sha256 sha;
        uint64_t offset = 0;
        int r;

        if (!chunk)
                return swb_oom(err);
        swb_sha256_init(&sha);
        while (offset < n_bytes) {
                size_t n = (size_t)SWB_MIN(n_bytes - offset, (uint64_t)FD_CHUNK_BYTES);

                r = swb_pread(fd, name, chunk, n, offset, err);
                if (r < 0)
                        return r;
                swb_sha256_update(&sha, chunk, n);
                offset += n;
        }
        swb_sha256_final(&sha, ret_digest);
        return 0;
}

int swb_sha1_fd(int fd, const char *name, uint64_t n_bytes, uint8_t *ret_digest,
                struct swb_error *err)
{
        _cleanup_free_ uint8_t *chunk = malloc(FD_CHUNK_BYTES);
        uint64_t offset = 0;
        SHA_CTX ctx;
        int r;

        if (!chunk)
                return swb_oom(err);
        (void)SHA1_Init(&ctx); /* can't fail, nor can the two below */
        while (offset < n_bytes) {
                size_t n = (size_t)SWB_MIN(n_bytes - offset, (uint64_t)FD_CHUNK_BYTES);

                r = swb_pread(fd, name, chunk, n, offset, err);
                if (r < 0)
                        return r;
                (void)SHA1_Update(&ctx, chunk, n);
                offset += n;
        }
        (void)SHA1_Final(ret_digest, &ctx);
        return 0;
}
