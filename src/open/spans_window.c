/* SPDX-License-Identifier: Apache-2.0 */
#include "base/endian.h"
#include "open/encoder.h"
#include "open/libraries.h"
#include "open/spans.h"

/* A frame's head: magic number, flags, window. */
#define ZSTD_FLAGS_AT 4u
#define ZSTD_SINGLE 0x20u /* the window is the content, whose size follows in its place */
#define ZSTD_LOG_MIN 10u

static unsigned log_of(uint64_t n)
{
        unsigned log = 0;

        while (log < 63 && (uint64_t)1 << log < n)
                log++;
        return log;
}

/* The content's size, of a frame that is one segment; 0: cut off. */
static uint64_t single_segment(const uint8_t *data, size_t n)
{
        static const uint8_t dictionary_bytes[] = {0, 1, 2, 4};
        uint8_t flags = data[ZSTD_FLAGS_AT];
        size_t at = ZSTD_FLAGS_AT + 1 + dictionary_bytes[flags & 3];
        unsigned n_size = 1u << (flags >> 6);

        if (n < at + 8)
                return 0;
        if (n_size == 1)
                return data[at];
        if (n_size == 2)
                return (data[at] | data[at + 1] << 8) + 256u;
        return n_size == 4 ? swb_get_le32(data + at) : swb_get_le64(data + at);
}

unsigned swb_spans_window_zstd(const uint8_t *data, size_t n)
{
        uint8_t head;
        unsigned log;

        if (n < ZSTD_FLAGS_AT + 2)
                return 0;
        if (data[ZSTD_FLAGS_AT] & ZSTD_SINGLE)
                return log_of(single_segment(data, n));
        head = data[ZSTD_FLAGS_AT + 1];
        log = ZSTD_LOG_MIN + (head >> 3);
        return head & 7 ? log + 1 : log;
}

struct swb_setting swb_spans_window(const struct swb_span *span, const uint8_t *data, size_t n)
{
        const struct swb_setting plain = {.packing = span->packing};
        struct swb_setting window = plain;

        if (span->packing == SWB_PACKING_XZ || span->packing == SWB_PACKING_LZMA)
                window = span->guess;
        else if (span->packing == SWB_PACKING_ZSTD)
                window = (struct swb_setting){
                        SWB_PACKING_ZSTD,
                        SWB_ENCODER_ZSTD,
                        {swb_zstd_version(), 1, 0, swb_spans_window_zstd(data, n)}};
        if (swb_unpack_memory(&window) <= SWB_UNPACK_MEMORY_BYTES || !swb_encoder_accepts(&window))
                return plain;
        return window;
}
