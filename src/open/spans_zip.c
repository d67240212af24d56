/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams of zlib, wherever they stand (pictures, fonts, debugging information), and members of zip
 * archives. Where a stream ends is not known before it is decoded.
 */
#include "open/spans.h"

#define ZIP_MAGIC 0x04034b50u
#define ZIP_HEAD_BYTES 30u
#define ZIP_DEFLATE 8u
/* Shorter streams are not worth a piece. */
#define STREAM_MIN_BYTES 256u
#define DICTIONARY 0x20u

static unsigned get_le16(const uint8_t *p)
{
        return p[0] | (unsigned)p[1] << 8;
}

/* RFC 1950: two bytes, which 31 divides. The second one tells about how hard it was tried. */
int64_t swb_spans_zlib(const uint8_t *data, size_t n, size_t offset, struct swb_spans *spans)
{
        static const uint8_t levels[] = {1, 5, 6, 9};
        struct swb_span span = {.offset = offset, .packing = SWB_PACKING_ZLIB};
        const uint8_t *p = data + offset;

        if (n - offset < STREAM_MIN_BYTES || (p[0] * 256u + p[1]) % 31 != 0 || p[1] & DICTIONARY ||
            (p[2] & 7) > 5)
                return 0;
        span.group = spans->n_groups++;
        span.guess = (struct swb_setting){
                SWB_PACKING_ZLIB, SWB_ENCODER_ZLIB, {levels[p[1] >> 6], 15, 8, 0}};
        return swb_spans_add(spans, &span) < 0 ? -ENOMEM : (int64_t)(offset + 2);
}

int64_t swb_spans_zip(const uint8_t *data, size_t n, size_t offset, struct swb_spans *spans)
{
        struct swb_span span = {.packing = SWB_PACKING_DEFLATE};
        const uint8_t *p = data + offset;
        size_t n_head;

        if (n - offset < ZIP_HEAD_BYTES + STREAM_MIN_BYTES || swb_get_le32(p) != ZIP_MAGIC ||
            get_le16(p + 8) != ZIP_DEFLATE)
                return 0;
        n_head = ZIP_HEAD_BYTES + get_le16(p + 26) + get_le16(p + 28);
        if (n_head > n - offset || n - offset - n_head < STREAM_MIN_BYTES)
                return 0;
        span.offset = offset + n_head;
        span.group = spans->n_groups++;
        span.guess = (struct swb_setting){SWB_PACKING_DEFLATE, SWB_ENCODER_ZLIB, {6, 15, 8, 0}};
        return swb_spans_add(spans, &span) < 0 ? -ENOMEM : (int64_t)span.offset;
}
