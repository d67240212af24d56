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

/* The smaller of two codings; both may be missing (empty). */
static int encode_smallest(const struct swb_buf *in, uint32_t dictionary_bytes, uint8_t *ret_number,
                           struct swb_buf *out)
{
        _cleanup_(swb_buf_done) struct swb_buf best = SWB_BUF_INIT(in->n_bytes);
        _cleanup_(swb_buf_done) struct swb_buf zstd = SWB_BUF_INIT(in->n_bytes);
        bool thorough;
        int r = deserves_thorough(in, dictionary_bytes, &thorough);

        if (r >= 0)
                r = swb_encode_xz(dictionary_bytes, thorough, in->data, in->n_bytes, &best);
        if (r < 0 && r != -E2BIG)
                return r;
        if (in->n_bytes <= SWB_SWDIFF_ZSTD_MAX_BYTES) {
                r = swb_encode(SWB_CODEC_ZSTD, 0, in->data, in->n_bytes, &zstd);
                if (r < 0 && r != -E2BIG)
                        return r;
        }
        if (zstd.n_bytes > 0 && (best.n_bytes == 0 || zstd.n_bytes <= best.n_bytes)) {
                *ret_number = SWB_SWDIFF_ZSTD;
                return swb_buf_append(out, zstd.data, zstd.n_bytes);
        }
        *ret_number = best.n_bytes > 0 ? SWB_SWDIFF_XZ : SWB_SWDIFF_NONE;
        if (best.n_bytes == 0)
                return swb_buf_append(out, in->data, in->n_bytes);
        return swb_buf_append(out, best.data, best.n_bytes);
}

static int write_streams(struct swb_buf *const *streams, struct swb_buf *buf)
{
        uint8_t header[SWB_SWDIFF_HEADER_BYTES] = "SWD1";
        size_t start = buf->n_bytes;
        int r = swb_buf_append(buf, header, sizeof(header));

        for (size_t i = 0; i < SWB_SWDIFF_STREAMS && r >= 0; i++) {
                size_t begin = buf->n_bytes;

                if (streams[i]->n_bytes > 0)
                        r = encode_smallest(streams[i],
                                            i < N_NUMBERS ? NUMBERS_DICTIONARY_BYTES
                                                          : DATA_DICTIONARY_BYTES,
                                            header + 4 + i, buf);
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

int swb_swdiff_write(struct swb_difference *difference, struct swb_buf *buf)
{
        struct swb_buf numbers[N_NUMBERS] = {SWB_BUF_INIT(SIZE_MAX), SWB_BUF_INIT(SIZE_MAX),
                                             SWB_BUF_INIT(SIZE_MAX)};
        struct swb_buf *const streams[SWB_SWDIFF_STREAMS] = {&numbers[0], &numbers[1], &numbers[2],
                                                             &difference->diff, &difference->extra};
        size_t start = buf->n_bytes;
        int r = list_numbers(difference, numbers);

        if (r >= 0)
                r = write_streams(streams, buf);
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
