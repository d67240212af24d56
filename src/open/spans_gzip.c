/* SPDX-License-Identifier: Apache-2.0 */
#include "open/spans.h"

#define HEAD_BYTES 10u
#define FLAG_HEAD_SUM 0x02u
#define FLAG_EXTRA 0x04u
#define FLAG_NAME 0x08u
#define FLAG_COMMENT 0x10u
#define FLAGS_UNKNOWN 0xe0u
#define NAME_MAX_BYTES 1024u
/* Shorter streams are not worth a piece. */
#define STREAM_MIN_BYTES 256u

/* Return: behind the text's zero, or 0. */
static size_t skip_text(const uint8_t *data, size_t n, size_t at)
{
        for (size_t i = at; i < n && i - at < NAME_MAX_BYTES; i++)
                if (data[i] == 0)
                        return i + 1;
        return 0;
}

/* RFC 1952. Return: where the stream begins, or 0. */
static size_t skip_head(const uint8_t *data, size_t n, size_t offset)
{
        size_t at = offset + HEAD_BYTES;
        uint8_t flags;

        if (n - offset < HEAD_BYTES + STREAM_MIN_BYTES || data[offset + 1] != 0x8b ||
            data[offset + 2] != 8)
                return 0;
        flags = data[offset + 3];
        if (flags & FLAGS_UNKNOWN)
                return 0;
        if (flags & FLAG_EXTRA)
                at += 2 + data[at] + ((size_t)data[at + 1] << 8);
        if (flags & FLAG_NAME)
                at = skip_text(data, n, at);
        if (at > 0 && flags & FLAG_COMMENT)
                at = skip_text(data, n, at);
        if (at == 0)
                return 0;
        if (flags & FLAG_HEAD_SUM)
                at += 2;
        return at < n && n - at >= STREAM_MIN_BYTES ? at : 0;
}

int64_t swb_spans_gzip(const uint8_t *data, size_t n, size_t offset, struct swb_spans *spans)
{
        size_t at = skip_head(data, n, offset);
        struct swb_span span = {.offset = at, .packing = SWB_PACKING_DEFLATE};
        uint8_t effort;

        if (at == 0)
                return 0;
        effort = data[offset + 8];
        span.group = spans->n_groups++;
        span.guess = (struct swb_setting){SWB_PACKING_DEFLATE,
                                          SWB_ENCODER_GZIP,
                                          {effort == 2   ? 9
                                           : effort == 4 ? 1
                                                         : 6}};
        /* Where it ends is not known before it is decoded: what is found inside is dropped then. */
        return swb_spans_add(spans, &span) < 0 ? -ENOMEM : (int64_t)at;
}
