/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/swpatch.h"

#include "codec/patcher.h"
#include "codec/swd2_format.h"
#include "codec/swd2patch.h"

#define HEADER_BYTES 28
#define N_STREAMS 5
#define N_NUMBERS 3
#define NUMBER_BYTES_MAX 9 /* 63 bits */

/* The entries' three streams. */
struct numbers {
        struct swb_patch_stream streams[N_NUMBERS];
};

struct header {
        enum swb_codec codecs[N_STREAMS];
        uint32_t sizes[N_STREAMS - 1]; /* the last stream takes the rest */
};

static int read_codec(uint8_t number, enum swb_codec *ret)
{
        static const enum swb_codec codecs[] = {SWB_CODEC_NONE, SWB_CODEC_XZ, SWB_CODEC_ZSTD,
                                                SWB_CODEC_BZ2, SWB_CODEC_BROTLI};

        if (number >= SWB_ELEMENTS(codecs))
                return -EBADMSG;
        *ret = codecs[number];
        return 0;
}

/* Magic, a codec for each stream, three zeros, sizes. */
static int read_header(struct swb_cursor *c, struct header *header)
{
        const uint8_t *raw = swb_cursor_take(c, HEADER_BYTES);
        int r = 0;

        if (!raw || memcmp(raw, "SWD1", 4) != 0 || memcmp(raw + 9, "\0\0\0", 3) != 0)
                return -EBADMSG;
        for (size_t i = 0; i < N_STREAMS && r >= 0; i++)
                r = read_codec(raw[4 + i], &header->codecs[i]);
        for (size_t i = 0; i + 1 < N_STREAMS; i++)
                header->sizes[i] = swb_get_le32(raw + 12 + 4 * i);
        return r;
}

/* Seven bits a byte, the lowest first; the highest bit of a byte says that more follow. */
static int read_number(struct swb_patch_stream *stream, uint64_t *ret)
{
        uint64_t value = 0;

        for (unsigned i = 0; i < NUMBER_BYTES_MAX; i++) {
                uint8_t byte;
                int r = swb_patch_stream_read(stream, &byte, 1);

                if (r < 0)
                        return r;
                value |= (uint64_t)(byte & 0x7f) << 7 * i;
                if (byte < 0x80) {
                        *ret = value;
                        return 0;
                }
        }
        return -EBADMSG;
}

/* A move's sign is its lowest bit. */
static int64_t signed_of(uint64_t value)
{
        return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

static int next_entry(void *context, struct swb_patch_entry *ret)
{
        struct numbers *numbers = context;
        uint64_t values[N_NUMBERS];

        for (size_t i = 0; i < N_NUMBERS; i++) {
                int r = read_number(&numbers->streams[i], &values[i]);

                if (r < 0)
                        return r;
        }
        *ret = (struct swb_patch_entry){values[0], values[1], signed_of(values[2])};
        return 0;
}

static int open_streams(struct swb_patcher *p, struct numbers *numbers, const struct header *header,
                        struct swb_cursor *c, size_t max_memory_bytes)
{
        size_t small = max_memory_bytes / 8, large = max_memory_bytes / 16 * 5;
        int r = 0;

        for (size_t i = 0; i < N_NUMBERS && r >= 0; i++)
                r = swb_patch_stream_open(&numbers->streams[i], header->codecs[i], c,
                                          header->sizes[i], small);
        if (r >= 0)
                r = swb_patch_stream_open(&p->diff, header->codecs[3], c, header->sizes[3], large);
        if (r >= 0)
                r = swb_patch_stream_open(&p->extra, header->codecs[4], c, swb_cursor_left(c),
                                          large);
        return r;
}

static int finish_numbers(struct numbers *numbers)
{
        int r = 0;

        for (size_t i = 0; i < N_NUMBERS && r >= 0; i++)
                r = swb_patch_stream_finish(&numbers->streams[i]);
        return r;
}

static void numbers_done(struct numbers *numbers)
{
        for (size_t i = 0; i < N_NUMBERS; i++)
                swb_patch_stream_done(&numbers->streams[i]);
}

int swb_swpatch(const uint8_t *patch, size_t n_patch, uint64_t n_source, uint64_t n_target,
                size_t max_memory_bytes, const struct swb_bspatch_io *io)
{
        _cleanup_(numbers_done) struct numbers numbers = {0};
        _cleanup_(swb_patcher_done) struct swb_patcher p = {.next = next_entry,
                                                            .context = &numbers,
                                                            .io = io,
                                                            .n_source = n_source,
                                                            .n_target = n_target};
        struct swb_cursor c = SWB_CURSOR(patch, n_patch);
        struct header header;
        int r;

        if (n_patch >= 4 && memcmp(patch, SWB_SWD2_MAGIC, 4) == 0)
                return swb_swd2_patch(patch, n_patch, n_source, n_target, io);
        r = read_header(&c, &header);
        if (r >= 0)
                r = open_streams(&p, &numbers, &header, &c, max_memory_bytes);
        if (r >= 0)
                r = swb_patcher_run(&p);
        return r < 0 ? r : finish_numbers(&numbers);
}
