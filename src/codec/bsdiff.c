/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/bsdiff.h"

#include "base/endian.h"
#include "codec/difference.h"

/* Encoders' own memory; brotli at quality 11 takes the most. */
#define ENCODER_BYTES ((uint64_t)64 << 20)

#define BROTLI_QUICK_LEVEL 9
#define BEST_BROTLI_BYTES ((size_t)64 << 10)
#define BEST_BROTLI_SHARE 4u

/* Encodes with one more codec and keeps that if it is smaller. `best` empty: none so far. */
static int try_codec(const struct swb_buf *in, enum swb_codec codec, int level, uint8_t number,
                     uint8_t *best_number, struct swb_buf *best)
{
        _cleanup_(swb_buf_done) struct swb_buf other =
                SWB_BUF_INIT(best->n_bytes ? best->n_bytes - 1 : best->max_bytes);
        struct swb_buf saved;
        int r = swb_encode(codec, level, in->data, in->n_bytes, &other);

        if (r == -E2BIG)
                return 0;
        if (r < 0)
                return r;
        saved = *best;
        *best = other;
        other = saved;
        *best_number = number;
        return 0;
}

/*
 * Brotli at its best level is a hundred times as slow as the two that are tried always. Over the
 * long zeros of a good difference it works for little; dense streams and short ones are worth it.
 */
static bool deserves_best_brotli(size_t n_in, size_t n_best)
{
        return n_in <= BEST_BROTLI_BYTES || n_best == 0 || n_best > n_in / BEST_BROTLI_SHARE;
}

static int encode_smallest(const struct swb_buf *in, enum swb_bsdiff_format format,
                           uint8_t *ret_number, struct swb_buf *out)
{
        _cleanup_(swb_buf_done) struct swb_buf best = SWB_BUF_INIT(out->max_bytes - out->n_bytes);
        int r = try_codec(in, SWB_CODEC_BZ2, 0, SWB_BSDIFF_BZ2, ret_number, &best);

        if (r == 0 && format == SWB_BSDF2)
                r = try_codec(in, SWB_CODEC_BROTLI, BROTLI_QUICK_LEVEL, SWB_BSDIFF_BROTLI,
                              ret_number, &best);
        if (r == 0 && format == SWB_BSDF2 && deserves_best_brotli(in->n_bytes, best.n_bytes))
                r = try_codec(in, SWB_CODEC_BROTLI, 0, SWB_BSDIFF_BROTLI, ret_number, &best);
        if (r < 0)
                return r;
        return best.n_bytes ? swb_buf_append(out, best.data, best.n_bytes) : -E2BIG;
}

static int append_offset(struct swb_buf *buf, int64_t value)
{
        uint8_t raw[8];

        swb_put_le64(raw, value < 0 ? (uint64_t)1 << 63 | (uint64_t)-value : (uint64_t)value);
        return swb_buf_append(buf, raw, sizeof(raw));
}

static int list_control(const struct swb_difference *d, struct swb_buf *control)
{
        int r = 0;

        for (size_t i = 0; i < d->n_entries && r >= 0; i++) {
                r = append_offset(control, d->entries[i].n_diff);
                if (r >= 0)
                        r = append_offset(control, d->entries[i].n_extra);
                if (r >= 0)
                        r = append_offset(control, d->entries[i].seek);
        }
        return r;
}

static void put_header(const uint8_t *codecs, const size_t *sizes, uint64_t n_target,
                       enum swb_bsdiff_format format, uint8_t *header)
{
        memcpy(header, "BSDIFF40", 8);
        if (format == SWB_BSDF2) {
                memcpy(header, "BSDF2", 5);
                memcpy(header + 5, codecs, 3);
        }
        swb_put_le64(header + 8, sizes[0]);
        swb_put_le64(header + 16, sizes[1]);
        swb_put_le64(header + 24, n_target);
}

static int write_patch(struct swb_difference *d, struct swb_buf *control,
                       enum swb_bsdiff_format format, struct swb_buf *buf)
{
        struct swb_buf *const streams[] = {control, &d->diff, &d->extra};
        size_t start = buf->n_bytes, sizes[SWB_ELEMENTS(streams)];
        uint8_t header[SWB_BSDIFF_HEADER_BYTES] = {0}, codecs[SWB_ELEMENTS(streams)];
        int r = swb_buf_append(buf, header, sizeof(header));

        for (size_t i = 0; i < SWB_ELEMENTS(streams) && r >= 0; i++) {
                size_t begin = buf->n_bytes;

                r = encode_smallest(streams[i], format, &codecs[i], buf);
                sizes[i] = buf->n_bytes - begin;
                swb_buf_done(streams[i]);
        }
        if (r < 0)
                return r;
        put_header(codecs, sizes, d->n_target, format, buf->data + start);
        return 0;
}

int swb_bsdiff(const uint8_t *old, size_t n_old, const uint8_t *new, size_t n_new,
               enum swb_bsdiff_format format, struct swb_buf *buf)
{
        _cleanup_(swb_difference_done) struct swb_difference d = SWB_DIFFERENCE_INIT;
        _cleanup_(swb_buf_done) struct swb_buf control = SWB_BUF_INIT(SIZE_MAX);
        size_t start = buf->n_bytes;
        int r = swb_difference_add(&d, old, n_old, 0, new, n_new);

        if (r >= 0)
                r = list_control(&d, &control);
        if (r >= 0)
                r = write_patch(&d, &control, format, buf);
        if (r < 0)
                buf->n_bytes = start;
        return r;
}

uint64_t swb_bsdiff_memory(uint64_t n_old, uint64_t n_new)
{
        uint64_t index = swb_difference_memory(n_old);

        if (n_old > UINT64_MAX / 16 || n_new > UINT64_MAX / 16)
                return UINT64_MAX;
        /* the three streams, doubled at worst as they grow; then two encodings of the largest */
        return SWB_MAX(index + 2 * n_new, 4 * n_new + ENCODER_BYTES);
}
