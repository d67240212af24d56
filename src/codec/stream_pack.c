/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/stream_pack.h"

/* Of a stream, tried both ways; the long one must save one part in so many. */
#define SAMPLE_BYTES ((size_t)1 << 20)
#define THOROUGH_SHARE 10u
#define BEST_BROTLI_BYTES ((size_t)64 << 10)
#define DENSE_SHARE 4u
#define BROTLI_SAMPLE_BYTES ((size_t)256 << 10)
#define BZ2_LEVEL_BYTES ((size_t)100 << 10)

int swb_append_number(struct swb_buf *buf, uint64_t value)
{
        uint8_t raw[10];
        size_t n = 0;

        for (; value > 0x7f; value >>= 7)
                raw[n++] = (uint8_t)(value | 0x80);
        raw[n++] = (uint8_t)value;
        return swb_buf_append(buf, raw, n);
}

/* Does a piece from the middle get so much smaller that the long way is worth it for all? */
static int deserves_thorough(const struct swb_buf *in, uint32_t dictionary_bytes, bool *ret)
{
        _cleanup_(swb_buf_done) struct swb_buf quick = SWB_BUF_INIT(SIZE_MAX);
        _cleanup_(swb_buf_done) struct swb_buf thorough = SWB_BUF_INIT(SIZE_MAX);
        size_t n = SWB_MIN(in->n_bytes, SAMPLE_BYTES);
        const uint8_t *sample = in->data + (in->n_bytes - n) / 2;
        int r = swb_encode_xz(dictionary_bytes, false, sample, n, &quick);

        if (r >= 0)
                r = swb_encode_xz(dictionary_bytes, true, sample, n, &thorough);
        *ret = r >= 0 && thorough.n_bytes < quick.n_bytes - quick.n_bytes / THOROUGH_SHARE;
        return r;
}

/* What comes out of a stream so far. */
struct packing {
        const struct swb_buf *in;
        const struct swb_pack_limits *limits;
        struct swb_buf best; /* empty: as it is */
        uint8_t number;
};

/* -E2BIG: no, it needs more memory than the reader gives. */
static int check_decoder(const struct packing *p, enum swb_codec codec, const struct swb_buf *coded)
{
        _cleanup_free_ uint8_t *back = NULL;

        size_t max_bytes;

        if (!p->limits->decoder_bytes)
                return 0;
        max_bytes = p->limits->decoder_bytes(codec, p->in->n_bytes, p->limits->window_bytes);
        back = malloc(p->in->n_bytes + 1);
        return back ? swb_decode(codec, max_bytes, coded->data, coded->n_bytes, back,
                                 p->in->n_bytes)
                    : -ENOMEM;
}

/* Keeps the coding if it is smaller than the best one. `r`: of the encoder. */
static int take_smaller(struct packing *p, int r, enum swb_codec codec, uint8_t number,
                        struct swb_buf *coded)
{
        struct swb_buf saved = p->best;

        if (r < 0)
                return r == -E2BIG ? 0 : r;
        if (coded->n_bytes >= (saved.n_bytes > 0 ? saved.n_bytes : p->in->n_bytes))
                return 0;
        r = check_decoder(p, codec, coded);
        if (r < 0)
                return r == -E2BIG ? 0 : r;
        p->best = *coded;
        p->number = number;
        *coded = saved;
        return 0;
}

static int try_xz(struct packing *p, uint32_t dictionary_bytes)
{
        _cleanup_(swb_buf_done) struct swb_buf coded = SWB_BUF_INIT(p->in->n_bytes);
        bool thorough;
        int r = deserves_thorough(p->in, dictionary_bytes, &thorough);

        if (r >= 0)
                r = swb_encode_xz(dictionary_bytes, thorough, p->in->data, p->in->n_bytes, &coded);
        return take_smaller(p, r, SWB_CODEC_XZ, SWB_STREAM_XZ, &coded);
}

static int try_codec(struct packing *p, enum swb_codec codec, int level, uint8_t number)
{
        _cleanup_(swb_buf_done) struct swb_buf coded = SWB_BUF_INIT(p->in->n_bytes);
        int r = swb_encode(codec, level, p->in->data, p->in->n_bytes, &coded);

        return take_smaller(p, r, codec, number, &coded);
}

/* bzip2's decoder needs four bytes a byte of its block. By itself it takes a block as the input is.
 */
static int bz2_level(const struct packing *p, int max)
{
        return p->in->n_bytes > (size_t)(max - 1) * BZ2_LEVEL_BYTES ? max : 0;
}

/* Is a piece from the middle smaller with brotli than with xz? */
static int deserves_brotli(const struct swb_buf *in, bool *ret)
{
        _cleanup_(swb_buf_done) struct swb_buf xz = SWB_BUF_INIT(SIZE_MAX);
        _cleanup_(swb_buf_done) struct swb_buf brotli = SWB_BUF_INIT(SIZE_MAX);
        size_t n = SWB_MIN(in->n_bytes, BROTLI_SAMPLE_BYTES);
        const uint8_t *sample = in->data + (in->n_bytes - n) / 2;
        int r = swb_encode(SWB_CODEC_XZ, 0, sample, n, &xz);

        if (r >= 0)
                r = swb_encode(SWB_CODEC_BROTLI, 0, sample, n, &brotli);
        *ret = r >= 0 && brotli.n_bytes < xz.n_bytes;
        return r;
}

/* Brotli is slow, and over the long zeros of a good difference works for little. */
static int try_brotli(struct packing *p)
{
        bool is_dense = p->best.n_bytes == 0 || p->best.n_bytes > p->in->n_bytes / DENSE_SHARE;
        bool deserves = p->in->n_bytes <= BEST_BROTLI_BYTES;
        int r = 0;

        if (!deserves && is_dense)
                r = deserves_brotli(p->in, &deserves);
        if (r < 0 || !deserves)
                return r;
        return try_codec(p, SWB_CODEC_BROTLI, 0, SWB_STREAM_BROTLI);
}

int swb_stream_pack(const struct swb_buf *in, const struct swb_pack_limits *limits,
                    uint8_t *ret_number, struct swb_buf *out)
{
        struct packing p = {.in = in, .limits = limits, .number = SWB_STREAM_NONE};
        int r = try_xz(&p, limits->dictionary_bytes);

        if (r >= 0 && in->n_bytes <= SWB_STREAM_ZSTD_MAX_BYTES)
                r = try_codec(&p, SWB_CODEC_ZSTD, 0, SWB_STREAM_ZSTD);
        if (r >= 0 && limits->bz2_level > 0)
                r = try_codec(&p, SWB_CODEC_BZ2, bz2_level(&p, limits->bz2_level), SWB_STREAM_BZ2);
        if (r >= 0 && limits->brotli)
                r = try_brotli(&p);
        if (r >= 0)
                r = p.best.n_bytes > 0 ? swb_buf_append(out, p.best.data, p.best.n_bytes)
                                       : swb_buf_append(out, in->data, in->n_bytes);
        if (r >= 0)
                *ret_number = p.number;
        swb_buf_done(&p.best);
        return r;
}
