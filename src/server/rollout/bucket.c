/* SPDX-License-Identifier: Apache-2.0 */
#include "server/rollout/bucket.h"

#include "os/hash.h"

#define WORD_BYTES sizeof(uint64_t)

static uint64_t rotate(uint64_t x, unsigned n)
{
        return x << n | x >> (64 - n);
}

static void mix(uint64_t *v, unsigned n_rounds)
{
        for (unsigned i = 0; i < n_rounds; i++) {
                v[0] += v[1];
                v[2] += v[3];
                v[1] = rotate(v[1], 13) ^ v[0];
                v[3] = rotate(v[3], 16) ^ v[2];
                v[0] = rotate(v[0], 32);
                v[2] += v[1];
                v[0] += v[3];
                v[1] = rotate(v[1], 17) ^ v[2];
                v[3] = rotate(v[3], 21) ^ v[0];
                v[2] = rotate(v[2], 32);
        }
}

static uint64_t load(const char *bytes, size_t n)
{
        uint64_t word = 0;

        for (size_t i = 0; i < n; i++)
                word |= (uint64_t)(uint8_t)bytes[i] << (8 * i);
        return word;
}

static void absorb(uint64_t *v, uint64_t word)
{
        v[3] ^= word;
        mix(v, 2);
        v[0] ^= word;
}

uint64_t swb_siphash(const struct swb_siphash_key *key, const char *text)
{
        uint64_t v[4] = {
                key->k[0] ^ 0x736f6d6570736575u,
                key->k[1] ^ 0x646f72616e646f6du,
                key->k[0] ^ 0x6c7967656e657261u,
                key->k[1] ^ 0x7465646279746573u,
        };
        size_t n = strlen(text), i = 0;

        for (; n - i >= WORD_BYTES; i += WORD_BYTES)
                absorb(v, load(text + i, WORD_BYTES));
        absorb(v, load(text + i, n - i) | (uint64_t)n << 56);
        v[2] ^= 0xff;
        mix(v, 4);
        return v[0] ^ v[1] ^ v[2] ^ v[3];
}

struct swb_siphash_key swb_bucket_key(const char *salt)
{
        uint8_t digest[SWB_SHA256_BYTES];

        swb_sha256(salt, strlen(salt), digest);
        return (struct swb_siphash_key){{load((const char *)digest, WORD_BYTES),
                                         load((const char *)digest + WORD_BYTES, WORD_BYTES)}};
}

uint32_t swb_bucket(const struct swb_siphash_key *key, const char *machineid)
{
        return (uint32_t)(swb_siphash(key, machineid) % SWB_BUCKETS);
}
