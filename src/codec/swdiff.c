/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/swdiff.h"

#include "base/endian.h"

/* A reader has 12 MiB: an eighth for each stream of numbers, the rest for the other two (PF-83). */
#define NUMBERS_DICTIONARY_BYTES (1u << 20)
#define DATA_DICTIONARY_BYTES (3u << 20)
/* lzma at the level used, with the larger dictionary. */
#define ENCODER_BYTES ((uint64_t)64 << 20)
#define N_NUMBERS 3
/* Of a stream, tried both ways; the long one must save one part in so many. */
#define SAMPLE_BYTES ((size_t)1 << 20)
#define THOROUGH_SHARE 10u
/* A reader's 1.5 MiB are enough for bzip2 with blocks of 300 kB. */
#define NUMBERS_BZ2_LEVEL 3
#define NUMBERS_BZ2_BYTES ((size_t)200 << 10)
#define BEST_BROTLI_BYTES ((size_t)64 << 10)
#define DENSE_SHARE 4u

static int append_number(struct swb_buf *buf, uint64_t value)
{
        uint8_t raw[10];
        size_t n = 0;

        for (; value > 0x7f; value >>= 7)
                raw[n++] = (uint8_t)(value | 0x80);
        raw[n++] = (uint8_t)value;
        return swb_buf_append(buf, raw, n);
}

static uint64_t zigzag(int64_t value)
{
        return (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
}

static int list_numbers(const struct swb_difference *d, struct swb_buf *numbers)
{
        int r = 0;

        for (size_t i = 0; i < d->n_entries && r >= 0; i++) {
                r = append_number(&numbers[0], (uint64_t)d->entries[i].n_diff);
                if (r >= 0)
                        r = append_number(&numbers[1], (uint64_t)d->entries[i].n_extra);
                if (r >= 0)
                        r = append_number(&numbers[2], zigzag(d->entries[i].seek));
        }
        return r;
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
        bool is_numbers;
        struct swb_buf best; /* empty: as it is */
        uint8_t number;
};

/* Keeps the coding if it is smaller than the best one. `r`: of the encoder. */
static int take_smaller(struct packing *p, int r, uint8_t number, struct swb_buf *coded)
{
        struct swb_buf saved = p->best;

        if (r < 0)
                return r == -E2BIG ? 0 : r;
        if (coded->n_bytes >= (saved.n_bytes > 0 ? saved.n_bytes : p->in->n_bytes))
                return 0;
        p->best = *coded;
        p->number = number;
        *coded = saved;
        return 0;
}

static int try_xz(struct packing *p)
{
        _cleanup_(swb_buf_done) struct swb_buf coded = SWB_BUF_INIT(p->in->n_bytes);
        uint32_t dictionary = p->is_numbers ? NUMBERS_DICTIONARY_BYTES : DATA_DICTIONARY_BYTES;
        bool thorough;
        int r = deserves_thorough(p->in, dictionary, &thorough);

        if (r >= 0)
                r = swb_encode_xz(dictionary, thorough, p->in->data, p->in->n_bytes, &coded);
        return take_smaller(p, r, SWB_SWDIFF_XZ, &coded);
}

static int try_codec(struct packing *p, enum swb_codec codec, int level, uint8_t number)
{
        _cleanup_(swb_buf_done) struct swb_buf coded = SWB_BUF_INIT(p->in->n_bytes);
        int r = swb_encode(codec, level, p->in->data, p->in->n_bytes, &coded);

        return take_smaller(p, r, number, &coded);
}

/* bzip2's decoder needs four bytes a byte of its block. */
static int bz2_level(const struct packing *p)
{
        return p->is_numbers && p->in->n_bytes > NUMBERS_BZ2_BYTES ? NUMBERS_BZ2_LEVEL : 0;
}

/* Brotli is slow, and over the long zeros of a good difference works for little. */
static int try_brotli(struct packing *p)
{
        bool is_dense = p->best.n_bytes == 0 || p->best.n_bytes > p->in->n_bytes / DENSE_SHARE;

        if (p->in->n_bytes > BEST_BROTLI_BYTES && !is_dense)
                return 0;
        return try_codec(p, SWB_CODEC_BROTLI, 0, SWB_SWDIFF_BROTLI);
}

static int encode_smallest(const struct swb_buf *in, bool is_numbers, bool all_codecs,
                           uint8_t *ret_number, struct swb_buf *out)
{
        struct packing p = {.in = in, .is_numbers = is_numbers, .number = SWB_SWDIFF_NONE};
        int r = try_xz(&p);

        if (r >= 0 && in->n_bytes <= SWB_SWDIFF_ZSTD_MAX_BYTES)
                r = try_codec(&p, SWB_CODEC_ZSTD, 0, SWB_SWDIFF_ZSTD);
        if (r >= 0 && all_codecs)
                r = try_codec(&p, SWB_CODEC_BZ2, bz2_level(&p), SWB_SWDIFF_BZ2);
        if (r >= 0 && all_codecs && !is_numbers)
                r = try_brotli(&p);
        if (r >= 0)
                r = p.best.n_bytes > 0 ? swb_buf_append(out, p.best.data, p.best.n_bytes)
                                       : swb_buf_append(out, in->data, in->n_bytes);
        if (r >= 0)
                *ret_number = p.number;
        swb_buf_done(&p.best);
        return r;
}

static int write_streams(struct swb_buf *const *streams, bool all_codecs, struct swb_buf *buf)
{
        uint8_t header[SWB_SWDIFF_HEADER_BYTES] = "SWD1";
        size_t start = buf->n_bytes;
        int r = swb_buf_append(buf, header, sizeof(header));

        for (size_t i = 0; i < SWB_SWDIFF_STREAMS && r >= 0; i++) {
                size_t begin = buf->n_bytes;

                if (streams[i]->n_bytes > 0)
                        r = encode_smallest(streams[i], i < N_NUMBERS, all_codecs, header + 4 + i,
                                            buf);
                swb_buf_done(streams[i]);
                if (r >= 0 && buf->n_bytes - begin > UINT32_MAX)
                        r = -E2BIG;
                if (r >= 0 && i + 1 < SWB_SWDIFF_STREAMS)
                        swb_put_le32(header + 12 + 4 * i, (uint32_t)(buf->n_bytes - begin));
        }
        if (r >= 0)
                memcpy(buf->data + start, header, sizeof(header));
        return r;
}

int swb_swdiff_write(struct swb_difference *difference, bool all_codecs, struct swb_buf *buf)
{
        struct swb_buf numbers[N_NUMBERS] = {SWB_BUF_INIT(SIZE_MAX), SWB_BUF_INIT(SIZE_MAX),
                                             SWB_BUF_INIT(SIZE_MAX)};
        struct swb_buf *const streams[SWB_SWDIFF_STREAMS] = {&numbers[0], &numbers[1], &numbers[2],
                                                             &difference->diff, &difference->extra};
        size_t start = buf->n_bytes;
        int r = list_numbers(difference, numbers);

        if (r >= 0)
                r = write_streams(streams, all_codecs, buf);
        for (size_t i = 0; i < N_NUMBERS; i++)
                swb_buf_done(&numbers[i]);
        swb_difference_done(difference);
        if (r < 0)
                buf->n_bytes = start;
        return r;
}

uint64_t swb_swdiff_memory(uint64_t n_target)
{
        /* the streams, doubled at worst as they grew; then a coding of the largest, and a copy */
        return 4 * n_target + ENCODER_BYTES;
}
