/* SPDX-License-Identifier: Apache-2.0 */
#include <brotli/encode.h>
#include <bzlib.h>
#include <limits.h>
#include <lzma.h>
#include <zstd.h>

#include "base/error.h"
#include "codec/mixed_encoder.h"

#define BZ2_LEVEL 9
#define BZ2_LEVEL_BYTES 100000
#define XZ_LEVEL 6
#define XZ_MATCH_MAX_BYTES 273 /* of the format */
/* Differences of programs come out 0.5 to 2 % smaller than at the level itself, in half the time.
 */
#define XZ_SPARSE_DEPTH 8
#define ZSTD_LEVEL 19
#define ZSTD_WINDOW_LOG 23 /* the largest that readers take (PF-43) */
#define BROTLI_LEVEL 11
#define BROTLI_WINDOW_LOG 20
#define BROTLI_WINDOW_LOG_MIN 16

/* Encoders write to memory of their own, because buf's ceiling may lie below a library's bound. */
struct output {
        uint8_t *data;
        size_t n_bytes;
        size_t cap;
};

static int output_alloc(struct output *out, size_t cap)
{
        out->data = malloc(cap);
        out->cap = cap;
        return out->data ? 0 : -ENOMEM;
}

static void output_done(struct output *out)
{
        free(out->data);
}

/* A smaller block than 900 kB compresses a small input as well and spares the decoder's memory. The
 * first run-length step may lengthen the input by a quarter, and a block has 19 bytes of slack. */
static int bz2_level_for(size_t n_in)
{
        size_t wanted = n_in / 4 * 5 + 19 + 5;

        return (int)SWB_MIN(wanted / BZ2_LEVEL_BYTES + 1, (size_t)BZ2_LEVEL);
}

/* The manual's bound: 1 % and 600 bytes above the input. */
static int encode_bz2(int level, const uint8_t *in, size_t n_in, struct output *out)
{
        bz_stream stream = {0};
        int r;

        if (level > 9)
                return -EINVAL;
        r = output_alloc(out, n_in + n_in / 100 + 601);
        if (r < 0)
                return r;
        if (BZ2_bzCompressInit(&stream, level, 0, 0) != BZ_OK)
                return -ENOMEM;
        do {
                unsigned give = (unsigned)SWB_MIN(n_in, (size_t)INT_MAX);
                unsigned room = (unsigned)SWB_MIN(out->cap - out->n_bytes, (size_t)INT_MAX);

                stream.next_in = (char *)in;
                stream.avail_in = give;
                stream.next_out = (char *)out->data + out->n_bytes;
                stream.avail_out = room;
                r = BZ2_bzCompress(&stream, give == n_in ? BZ_FINISH : BZ_RUN);
                in += give - stream.avail_in;
                n_in -= give - stream.avail_in;
                out->n_bytes += room - stream.avail_out;
        } while (r == BZ_RUN_OK || r == BZ_FINISH_OK);
        (void)BZ2_bzCompressEnd(&stream); /* fails for a bad handle only */
        return r == BZ_STREAM_END ? 0 : -ENOMEM;
}

/* A dictionary beyond the input only costs the decoder's memory. Sizes other than 2^n and
 * 2^n + 2^(n-1) can't be written in the header. */
static uint32_t xz_dictionary(uint32_t preset, size_t n_in)
{
        uint32_t size = LZMA_DICT_SIZE_MIN;

        while (size < n_in && size < preset)
                size = size & (size - 1) ? size / 3 * 4 : size / 2 * 3;
        return SWB_MIN(size, preset);
}

static int encode_xz(int level, uint32_t max_dictionary, enum swb_xz_way way, const uint8_t *in,
                     size_t n_in, struct output *out)
{
        lzma_options_lzma options;
        lzma_filter filters[] = {{.id = LZMA_FILTER_LZMA2, .options = &options},
                                 {.id = LZMA_VLI_UNKNOWN}};
        int r;

        if (level > 9 || lzma_lzma_preset(&options, (uint32_t)level))
                return -EINVAL;
        options.dict_size = xz_dictionary(SWB_MIN(options.dict_size, max_dictionary), n_in);
        /* A match of this length is taken at once. */
        if (way != SWB_XZ_USUAL)
                options.nice_len = XZ_MATCH_MAX_BYTES;
        if (way == SWB_XZ_SPARSE) {
                options.mf = LZMA_MF_HC4;
                options.depth = XZ_SPARSE_DEPTH;
        }
        r = output_alloc(out, lzma_stream_buffer_bound(n_in));
        if (r < 0)
                return r;
        /* No check: every blob has its SHA-256 in the manifest. */
        if (lzma_stream_buffer_encode(filters, LZMA_CHECK_NONE, NULL, in, n_in, out->data,
                                      &out->n_bytes, out->cap) != LZMA_OK)
                return -ENOMEM;
        return 0;
}

static int encode_zstd(int level, const uint8_t *in, size_t n_in, struct output *out)
{
        ZSTD_CCtx *ctx;
        size_t n;
        int r;

        if (level > ZSTD_maxCLevel())
                return -EINVAL;
        r = output_alloc(out, ZSTD_compressBound(n_in));
        if (r < 0)
                return r;
        ctx = ZSTD_createCCtx();
        if (!ctx)
                return -ENOMEM;
        n = ZSTD_CCtx_setParameter(ctx, ZSTD_c_compressionLevel, level);
        swb_assert(!ZSTD_isError(n));
        n = ZSTD_CCtx_setParameter(ctx, ZSTD_c_windowLog, ZSTD_WINDOW_LOG);
        swb_assert(!ZSTD_isError(n));
        n = ZSTD_compress2(ctx, out->data, out->cap, in, n_in);
        (void)ZSTD_freeCCtx(ctx); /* always 0 */
        if (ZSTD_isError(n))
                return -ENOMEM;
        out->n_bytes = n;
        return 0;
}

/* A window beyond the input only costs the decoder's memory. */
static int brotli_window_log(size_t n_in)
{
        int log = BROTLI_WINDOW_LOG_MIN;

        while (log < BROTLI_WINDOW_LOG && ((size_t)1 << log) - 16 < n_in)
                log++;
        return log;
}

static int encode_brotli(int level, const uint8_t *in, size_t n_in, struct output *out)
{
        int r;

        if (level > BROTLI_MAX_QUALITY)
                return -EINVAL;
        /* Its bound holds from quality 2 on and is 0 for sizes that it can't count. */
        r = output_alloc(out, n_in + n_in / 1000 + 1024);
        if (r < 0)
                return r;
        out->n_bytes = out->cap;
        if (!BrotliEncoderCompress(level, brotli_window_log(n_in), BROTLI_MODE_GENERIC, n_in, in,
                                   &out->n_bytes, out->data))
                return -ENOMEM;
        return 0;
}

static int encode(enum swb_codec codec, int level, const uint8_t *in, size_t n_in,
                  struct output *out)
{
        switch (codec) {
        case SWB_CODEC_BZ2:
                return encode_bz2(level ? level : bz2_level_for(n_in), in, n_in, out);
        case SWB_CODEC_XZ:
                return encode_xz(level ? level : XZ_LEVEL, UINT32_MAX, SWB_XZ_USUAL, in, n_in, out);
        case SWB_CODEC_ZSTD:
                return encode_zstd(level ? level : ZSTD_LEVEL, in, n_in, out);
        case SWB_CODEC_BROTLI:
                return encode_brotli(level ? level : BROTLI_LEVEL, in, n_in, out);
        case SWB_CODEC_MIXED:
        case SWB_CODEC_MIXED_LARGE:
        case SWB_CODEC_NONE:
        case _SWB_CODEC_MAX:
        case _SWB_CODEC_INVALID:
        default:
                return -EINVAL;
        }
}

int swb_encode(enum swb_codec codec, int level, const void *in, size_t n_in, struct swb_buf *buf)
{
        _cleanup_(output_done) struct output out = {0};
        int r;

        if (codec == SWB_CODEC_NONE)
                return swb_buf_append(buf, in, n_in);
        if (codec == SWB_CODEC_MIXED || codec == SWB_CODEC_MIXED_LARGE)
                return level ? -EINVAL
                             : swb_encode_mixed(SWB_MIX_BYTES, SWB_MIX_SLOTS_LOG_MAX, in, n_in,
                                                buf);
        if (level < 0)
                return -EINVAL;
        if (n_in > SIZE_MAX / 2)
                return -E2BIG;
        r = encode(codec, level, n_in > 0 ? in : (const void *)"", n_in, &out);
        if (r < 0)
                return r;
        return swb_buf_append(buf, out.data, out.n_bytes);
}

int swb_encode_xz(uint32_t max_dictionary_bytes, enum swb_xz_way way, const void *in, size_t n_in,
                  struct swb_buf *buf)
{
        _cleanup_(output_done) struct output out = {0};
        int r;

        if (n_in > SIZE_MAX / 2)
                return -E2BIG;
        r = encode_xz(XZ_LEVEL, max_dictionary_bytes, way, n_in > 0 ? in : (const void *)"", n_in,
                      &out);
        if (r < 0)
                return r;
        return swb_buf_append(buf, out.data, out.n_bytes);
}
