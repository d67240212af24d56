/* SPDX-License-Identifier: Apache-2.0 */
#include "open/sample.h"

#include "open/libraries.h"

#define SAMPLE_BYTES ((size_t)32 << 10)
#define WORDS 64u

static uint32_t next_random(uint32_t *state)
{
        *state = *state * 1664525u + 1013904223u;
        return *state >> 8;
}

/*
 * Something between text and a program: words of a small vocabulary, now and then with a byte
 * changed, runs, and stretches of noise. Matches of all lengths and distances come of that.
 */
static void make_sample(uint8_t *data)
{
        uint32_t state = 20261122;
        size_t n = 0;

        while (n < SAMPLE_BYTES) {
                uint32_t kind = next_random(&state) % 16, word = next_random(&state) % WORDS;
                size_t length = 1 + next_random(&state) % (kind == 0 ? 40 : 12);
                uint32_t letters = word * 2654435761u;

                for (size_t i = 0; i < length && n < SAMPLE_BYTES; i++) {
                        if (kind == 1)
                                data[n++] = (uint8_t)next_random(&state);
                        else
                                data[n++] =
                                        (uint8_t)('a' + (letters >> (kind ? i % 7 * 4 : 3)) % 26);
                }
        }
}

static struct swb_setting setting_of(enum swb_encoder_id id)
{
        static const struct swb_setting settings[_SWB_ENCODER_MAX] = {
                [SWB_ENCODER_LZ4] = {SWB_PACKING_LZ4, SWB_ENCODER_LZ4, {1}},
                [SWB_ENCODER_LZ4_HC] = {SWB_PACKING_LZ4, SWB_ENCODER_LZ4_HC, {9}},
                [SWB_ENCODER_ZLIB] = {SWB_PACKING_DEFLATE, SWB_ENCODER_ZLIB, {6, 15, 8, 0}},
                [SWB_ENCODER_GZIP] = {SWB_PACKING_DEFLATE, SWB_ENCODER_GZIP, {6}},
                [SWB_ENCODER_XZ] = {SWB_PACKING_XZ, SWB_ENCODER_XZ, {6, 1 << 16, 1, 0, 0}},
                [SWB_ENCODER_EROFS_LZ4] = {SWB_PACKING_EROFS_LZ4, SWB_ENCODER_EROFS_LZ4, {0}},
                [SWB_ENCODER_EROFS_LZ4_HC] = {SWB_PACKING_EROFS_LZ4, SWB_ENCODER_EROFS_LZ4_HC, {9}},
                [SWB_ENCODER_PIGZ] = {SWB_PACKING_DEFLATE, SWB_ENCODER_PIGZ, {6, 8, 0}},
                [SWB_ENCODER_BZIP2] = {SWB_PACKING_BZIP2, SWB_ENCODER_BZIP2, {9}},
                [SWB_ENCODER_LZMA] = {SWB_PACKING_LZMA, SWB_ENCODER_LZMA, {6, 1 << 16}},
                [SWB_ENCODER_LZO] = {SWB_PACKING_LZO, SWB_ENCODER_LZO, {0}},
                [SWB_ENCODER_LZO_999] = {SWB_PACKING_LZO, SWB_ENCODER_LZO_999, {9}},
        };

        if (id == SWB_ENCODER_ZSTD)
                return (struct swb_setting){
                        SWB_PACKING_ZSTD, SWB_ENCODER_ZSTD, {swb_zstd_version(), 15}};
        return settings[id];
}

static uint64_t known_checksum(enum swb_encoder_id id)
{
        static const uint64_t known[_SWB_ENCODER_MAX] = {
                [SWB_ENCODER_LZ4] = 0x8c52a0224a9b71dd,
                [SWB_ENCODER_LZ4_HC] = 0x5749ebbf55e36379,
                [SWB_ENCODER_ZLIB] = 0x25d62a87e012553b,
                [SWB_ENCODER_GZIP] = 0xb7146abe77467ed3,
                [SWB_ENCODER_XZ] = 0x3736e7e95ab0bb61,
                [SWB_ENCODER_EROFS_LZ4] = 0x63dfe7e1b3f4dcc4,
                [SWB_ENCODER_EROFS_LZ4_HC] = 0x91b3aebdcf8c668,
                [SWB_ENCODER_PIGZ] = 0x4f6fc6b5a5e4f3b7,
                [SWB_ENCODER_BZIP2] = 0xaa83114a767b47a6,
                [SWB_ENCODER_LZMA] = 0x4518096392998322,
                [SWB_ENCODER_LZO] = 0x24f7630af0d5422,
                [SWB_ENCODER_LZO_999] = 0xf70d2248f1d41984,
        };

        return known[id];
}

/* FNV-1a: our own libraries' output is compared, nobody chooses it. */
static int add_to_sum(void *context, const uint8_t *data, size_t n)
{
        uint64_t *sum = context;

        for (size_t i = 0; i < n; i++)
                *sum = (*sum ^ data[i]) * 0x100000001b3u;
        return 0;
}

uint64_t swb_sample_checksum(enum swb_encoder_id id)
{
        _cleanup_free_ uint8_t *data = malloc(SAMPLE_BYTES);
        const struct swb_encoder_ops *ops = swb_encoder_ops_of(id);
        const struct swb_setting setting = setting_of(id);
        uint64_t sum = 0xcbf29ce484222325u;
        const struct swb_encoder_job job = {.setting = &setting,
                                            .n_opened = SAMPLE_BYTES,
                                            .n_encoded = SAMPLE_BYTES,
                                            .write = add_to_sum,
                                            .context = &sum};
        void *state;
        int r;

        if (!data || !ops || ops->open(&job, &state) < 0)
                return 0;
        make_sample(data);
        r = ops->put(state, data, SAMPLE_BYTES);
        if (r >= 0)
                r = ops->finish(state);
        ops->close(state);
        return r < 0 ? 0 : sum;
}

bool swb_sample_is_right(enum swb_encoder_id id)
{
        uint64_t sum;

        if (id == SWB_ENCODER_TOKENS)
                return true; /* no library at all */
        sum = swb_sample_checksum(id);
        /* Of a library whose output differs between releases the version is compared instead. */
        if (id == SWB_ENCODER_ZSTD)
                return sum != 0;
        return sum != 0 && sum == known_checksum(id);
}
