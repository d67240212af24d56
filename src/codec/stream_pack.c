/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/stream_pack.h"

/* Of a stream, tried both ways; the long one must save one part in so many. What is no longer than
 * that is packed both ways. */
#define DENSE_SAMPLE_BYTES ((size_t)256 << 10)
#define DENSE_THOROUGH_SHARE 10u
#define SPARSE_SAMPLE_BYTES ((size_t)1 << 20)
#define SPARSE_THOROUGH_SHARE 25u
/* Brotli is tried on every stream up to this length, and on a sample of it of dense ones: that must
 * save one part in so many. */
#define BEST_BROTLI_BYTES ((size_t)128 << 10)
#define DENSE_SHARE 4u
#define BROTLI_SHARE 100u
#define MIXED_SHARE 25u
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

static int try_xz_way(struct packing *p, enum swb_xz_way way)
{
        _cleanup_(swb_buf_done) struct swb_buf coded = SWB_BUF_INIT(p->in->n_bytes);
        int r = swb_encode_xz(p->limits->dictionary_bytes, way, p->in->data, p->in->n_bytes,
                              &coded);

        return take_smaller(p, r, SWB_CODEC_XZ, SWB_STREAM_XZ, &coded);
}

static bool is_sparse(const struct swb_buf *in)
{
        size_t n_zeros = 0;

        for (size_t i = 0; i < in->n_bytes; i++)
                n_zeros += in->data[i] == 0;
        return n_zeros > in->n_bytes / 2;
}

/* Does a piece from the middle get so much smaller that the long way is worth it for all? */
static int deserves_thorough(const struct packing *p, enum swb_xz_way way, size_t n_sample,
                             unsigned share, bool *ret)
{
        _cleanup_(swb_buf_done) struct swb_buf quick = SWB_BUF_INIT(SIZE_MAX);
        _cleanup_(swb_buf_done) struct swb_buf thorough = SWB_BUF_INIT(SIZE_MAX);
        const uint8_t *sample = p->in->data + (p->in->n_bytes - n_sample) / 2;
        uint32_t dictionary_bytes = p->limits->dictionary_bytes;
        int r = swb_encode_xz(dictionary_bytes, way, sample, n_sample, &quick);

        if (r >= 0)
                r = swb_encode_xz(dictionary_bytes, SWB_XZ_THOROUGH, sample, n_sample, &thorough);
        *ret = r >= 0 && thorough.n_bytes < quick.n_bytes - quick.n_bytes / share;
        return r;
}

/* Numbers and differences, where the mixed coding is the best one nearly always: what takes long
 * is not tried on them. */
static bool is_sorted(const struct packing *p)
{
        return p->limits->mixed && p->limits->mix_mode != SWB_MIX_BYTES;
}

static int try_xz(struct packing *p)
{
        bool sparse = is_sparse(p->in), thorough;
        enum swb_xz_way way = sparse ? SWB_XZ_SPARSE : SWB_XZ_USUAL;
        size_t n_sample = sparse ? SPARSE_SAMPLE_BYTES : DENSE_SAMPLE_BYTES;
        int r;

        if (p->limits->quick || is_sorted(p))
                return try_xz_way(p, way);
        if (p->in->n_bytes <= n_sample) {
                r = try_xz_way(p, way);
                return r < 0 ? r : try_xz_way(p, SWB_XZ_THOROUGH);
        }
        r = deserves_thorough(p, way, n_sample,
                              sparse ? SPARSE_THOROUGH_SHARE : DENSE_THOROUGH_SHARE, &thorough);
        return r < 0 ? r : try_xz_way(p, thorough ? SWB_XZ_THOROUGH : way);
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
        const uint8_t *sample = in->data + (in->n_bytes - BEST_BROTLI_BYTES) / 2;
        int r = swb_encode(SWB_CODEC_XZ, 0, sample, BEST_BROTLI_BYTES, &xz);

        if (r >= 0)
                r = swb_encode(SWB_CODEC_BROTLI, 0, sample, BEST_BROTLI_BYTES, &brotli);
        *ret = r >= 0 && brotli.n_bytes < xz.n_bytes - xz.n_bytes / BROTLI_SHARE;
        return r;
}

/* Brotli is slow, and over the long zeros of a good difference works for little. */
static int try_brotli(struct packing *p)
{
        bool is_dense = p->best.n_bytes == 0 || p->best.n_bytes > p->in->n_bytes / DENSE_SHARE;
        bool deserves = p->in->n_bytes <= BEST_BROTLI_BYTES;
        int r = 0;

        if (is_sorted(p))
                deserves = deserves && is_dense;
        else if (!deserves && is_dense)
                r = deserves_brotli(p->in, &deserves);
        if (r < 0 || !deserves)
                return r;
        return try_codec(p, SWB_CODEC_BROTLI, 0, SWB_STREAM_BROTLI);
}

/* The most slots that a reader has the memory for; below the least: none. */
static unsigned slots_within(const struct packing *p, enum swb_codec codec)
{
        size_t max_bytes = p->limits->decoder_bytes(codec, p->in->n_bytes, p->limits->window_bytes);
        unsigned log = SWB_MIX_SLOTS_LOG_MAX;

        while (log >= SWB_MIX_SLOTS_LOG_MIN &&
               SWB_MIX_TABLES_BYTES + swb_mix_slots_bytes(log) > max_bytes)
                log--;
        return log;
}

/* Numbers need few slots: they leave the memory to bytes. A reader works ten times as long for a
 * byte as with xz, so it must be worth it. */
static int try_mixed(struct packing *p)
{
        _cleanup_(swb_buf_done) struct swb_buf coded = SWB_BUF_INIT(p->in->n_bytes);
        bool large = p->limits->mix_mode == SWB_MIX_BYTES;
        enum swb_codec codec = large ? SWB_CODEC_MIXED_LARGE : SWB_CODEC_MIXED;
        unsigned slots_log = slots_within(p, codec);
        int r;

        if (slots_log < SWB_MIX_SLOTS_LOG_MIN)
                return 0;
        r = swb_encode_mixed(p->limits->mix_mode, slots_log, p->in->data, p->in->n_bytes, &coded);
        if (r == 0 && coded.n_bytes >= p->best.n_bytes - p->best.n_bytes / MIXED_SHARE &&
            p->best.n_bytes > 0)
                return 0;
        return take_smaller(p, r, codec, large ? SWB_STREAM_MIXED_LARGE : SWB_STREAM_MIXED, &coded);
}

int swb_stream_pack(const struct swb_buf *in, const struct swb_pack_limits *limits,
                    uint8_t *ret_number, struct swb_buf *out)
{
        struct packing p = {.in = in, .limits = limits, .number = SWB_STREAM_NONE};
        int r = try_xz(&p);

        if (r >= 0 && in->n_bytes <= SWB_STREAM_ZSTD_MAX_BYTES)
                r = try_codec(&p, SWB_CODEC_ZSTD, 0, SWB_STREAM_ZSTD);
        if (r >= 0 && limits->bz2_level > 0)
                r = try_codec(&p, SWB_CODEC_BZ2, bz2_level(&p, limits->bz2_level), SWB_STREAM_BZ2);
        if (r >= 0 && limits->brotli)
                r = try_brotli(&p);
        if (r >= 0 && limits->mixed)
                r = try_mixed(&p);
        if (r >= 0)
                r = p.best.n_bytes > 0 ? swb_buf_append(out, p.best.data, p.best.n_bytes)
                                       : swb_buf_append(out, in->data, in->n_bytes);
        if (r >= 0)
                *ret_number = p.number;
        swb_buf_done(&p.best);
        return r;
}
