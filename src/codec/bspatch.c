/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/bspatch.h"

#include "codec/patcher.h"

#define HEADER_BYTES 32
#define CONTROL_BYTES 24

struct header {
        enum swb_codec codecs[3]; /* control, diff, extra */
        uint64_t n_control, n_diff, n_target;
};

/* Sign and magnitude, little-endian, as bsdiff has always written numbers. */
static int64_t get_offset(const uint8_t *p)
{
        uint64_t raw = swb_get_le64(p);
        int64_t magnitude = (int64_t)(raw & INT64_MAX);

        return raw >> 63 ? -magnitude : magnitude;
}

static int read_codec(uint8_t number, enum swb_codec *ret)
{
        static const enum swb_codec codecs[] = {SWB_CODEC_NONE, SWB_CODEC_BZ2, SWB_CODEC_BROTLI};

        if (number >= SWB_ELEMENTS(codecs))
                return -EBADMSG;
        *ret = codecs[number];
        return 0;
}

static int read_codecs(const uint8_t *magic, enum swb_codec *codecs)
{
        int r = 0;

        if (memcmp(magic, "BSDIFF40", 8) == 0) {
                for (size_t i = 0; i < 3; i++)
                        codecs[i] = SWB_CODEC_BZ2;
                return 0;
        }
        if (memcmp(magic, "BSDF2", 5) != 0)
                return -EBADMSG;
        for (size_t i = 0; i < 3 && r >= 0; i++)
                r = read_codec(magic[5 + i], &codecs[i]);
        return r;
}

static int read_header(struct swb_cursor *c, struct header *header)
{
        const uint8_t *raw = swb_cursor_take(c, HEADER_BYTES);
        int64_t n_control, n_diff, n_target;
        int r;

        if (!raw)
                return -EBADMSG;
        r = read_codecs(raw, header->codecs);
        if (r < 0)
                return r;
        n_control = get_offset(raw + 8);
        n_diff = get_offset(raw + 16);
        n_target = get_offset(raw + 24);
        if (n_control < 0 || n_diff < 0 || n_target < 0)
                return -EBADMSG;
        header->n_control = (uint64_t)n_control;
        header->n_diff = (uint64_t)n_diff;
        header->n_target = (uint64_t)n_target;
        return 0;
}

static int next_entry(void *context, struct swb_patch_entry *ret)
{
        struct swb_patch_stream *control = context;
        uint8_t raw[CONTROL_BYTES];
        int64_t n_diff, n_extra;
        int r;

        r = swb_patch_stream_read(control, raw, sizeof(raw));
        if (r < 0)
                return r;
        n_diff = get_offset(raw);
        n_extra = get_offset(raw + 8);
        if (n_diff < 0 || n_extra < 0)
                return -EBADMSG;
        *ret = (struct swb_patch_entry){(uint64_t)n_diff, (uint64_t)n_extra, get_offset(raw + 16)};
        return 0;
}

static int open_streams(struct swb_patcher *p, struct swb_patch_stream *control,
                        const struct header *header, struct swb_cursor *c, size_t max_memory_bytes)
{
        size_t each = max_memory_bytes / 3;
        int r;

        r = swb_patch_stream_open(control, header->codecs[0], c, header->n_control, each);
        if (r >= 0)
                r = swb_patch_stream_open(&p->diff, header->codecs[1], c, header->n_diff, each);
        if (r >= 0)
                r = swb_patch_stream_open(&p->extra, header->codecs[2], c, swb_cursor_left(c),
                                          each);
        return r;
}

int swb_bspatch(const uint8_t *patch, size_t n_patch, uint64_t n_source, uint64_t n_target,
                size_t max_memory_bytes, const struct swb_bspatch_io *io)
{
        _cleanup_(swb_patch_stream_done) struct swb_patch_stream control = {0};
        _cleanup_(swb_patcher_done) struct swb_patcher p = {.next = next_entry,
                                                            .context = &control,
                                                            .io = io,
                                                            .n_source = n_source,
                                                            .n_target = n_target};
        struct swb_cursor c = SWB_CURSOR(patch, n_patch);
        struct header header;
        int r;

        r = read_header(&c, &header);
        if (r < 0)
                return r;
        if (header.n_target != n_target)
                return -EBADMSG;
        r = open_streams(&p, &control, &header, &c, max_memory_bytes);
        if (r >= 0)
                r = swb_patcher_run(&p);
        return r < 0 ? r : swb_patch_stream_finish(&control);
}
