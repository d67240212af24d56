/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/bspatch.h"

#include "base/cursor.h"

#define HEADER_BYTES 32
#define CONTROL_BYTES 24
#define CHUNK_BYTES ((size_t)64 << 10)

/* One of the three streams, decoded on demand. */
struct stream {
        struct swb_decoder *decoder;
        enum swb_codec codec;
        const uint8_t *in;
        size_t n_in;
        bool empty; /* no bytes at all: some makers write nothing for an empty stream */
};

struct patcher {
        struct stream control, diff, extra;
        const struct swb_bspatch_io *io;
        uint64_t n_source, n_target;
        int64_t source_pos; /* may lie outside the source while nothing is read there */
        uint64_t target_pos;
        uint8_t *target, *source; /* CHUNK_BYTES each */
};

struct header {
        enum swb_codec codecs[3]; /* control, diff, extra */
        uint64_t n_control, n_diff, n_target;
};

struct control {
        int64_t n_diff, n_extra, seek;
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

static int stream_open(struct stream *stream, enum swb_codec codec, struct swb_cursor *c,
                       uint64_t n_bytes, size_t max_memory_bytes)
{
        if (n_bytes > swb_cursor_left(c))
                return -EBADMSG;
        stream->codec = codec;
        stream->n_in = (size_t)n_bytes;
        stream->in = swb_cursor_take(c, stream->n_in);
        stream->empty = n_bytes == 0;
        return swb_decoder_new(codec, max_memory_bytes, &stream->decoder);
}

static int stream_read(struct stream *stream, uint8_t *data, size_t n)
{
        while (n > 0) {
                size_t had_in = stream->n_in, had_n = n;
                int r = swb_decoder_step(stream->decoder, &stream->in, &stream->n_in, &data, &n);

                if (r < 0)
                        return r;
                if (n > 0 && (r == SWB_DECODER_END || (stream->n_in == had_in && n == had_n)))
                        return -EBADMSG; /* the stream is shorter than the control says */
        }
        return 0;
}

/* The stream holds nothing more: neither content nor bytes behind its end. */
static int stream_finish(struct stream *stream)
{
        uint8_t spare, *room = &spare;
        size_t n_room = 1;
        int r;

        if (stream->empty)
                return 0;
        if (stream->codec == SWB_CODEC_NONE)
                return stream->n_in == 0 ? 0 : -EBADMSG;
        do {
                size_t had_in = stream->n_in;

                r = swb_decoder_step(stream->decoder, &stream->in, &stream->n_in, &room, &n_room);
                if (r < 0)
                        return r;
                if (n_room == 0 || (r == SWB_DECODER_MORE && stream->n_in == had_in))
                        return -EBADMSG;
        } while (r == SWB_DECODER_MORE);
        return stream->n_in == 0 ? 0 : -EBADMSG;
}

static int read_control(struct stream *stream, struct control *control)
{
        uint8_t raw[CONTROL_BYTES];
        int r;

        r = stream_read(stream, raw, sizeof(raw));
        if (r < 0)
                return r;
        control->n_diff = get_offset(raw);
        control->n_extra = get_offset(raw + 8);
        control->seek = get_offset(raw + 16);
        if (control->n_diff < 0 || control->n_extra < 0)
                return -EBADMSG;
        return 0;
}

static int emit(struct patcher *p, size_t n)
{
        p->target_pos += n;
        return p->io->write_target(p->io->context, p->target, n);
}

/* Target bytes = source bytes + diff bytes, modulo 256. */
static int apply_diff(struct patcher *p, uint64_t n)
{
        int r;

        if (n == 0)
                return 0;
        if (n > p->n_target - p->target_pos || p->source_pos < 0 ||
            (uint64_t)p->source_pos > p->n_source || n > p->n_source - (uint64_t)p->source_pos)
                return -EBADMSG;
        while (n > 0) {
                size_t piece = (size_t)SWB_MIN(n, (uint64_t)CHUNK_BYTES);

                r = stream_read(&p->diff, p->target, piece);
                if (r >= 0)
                        r = p->io->read_source(p->io->context, (uint64_t)p->source_pos, p->source,
                                               piece);
                if (r < 0)
                        return r;
                for (size_t i = 0; i < piece; i++)
                        p->target[i] = (uint8_t)(p->target[i] + p->source[i]);
                r = emit(p, piece);
                if (r < 0)
                        return r;
                p->source_pos += (int64_t)piece;
                n -= piece;
        }
        return 0;
}

static int apply_extra(struct patcher *p, uint64_t n)
{
        int r;

        if (n > p->n_target - p->target_pos)
                return -EBADMSG;
        while (n > 0) {
                size_t piece = (size_t)SWB_MIN(n, (uint64_t)CHUNK_BYTES);

                r = stream_read(&p->extra, p->target, piece);
                if (r >= 0)
                        r = emit(p, piece);
                if (r < 0)
                        return r;
                n -= piece;
        }
        return 0;
}

static int apply_all(struct patcher *p)
{
        uint64_t n_empty = 0;
        int r;

        while (p->target_pos < p->n_target) {
                struct control control;

                r = read_control(&p->control, &control);
                if (r >= 0)
                        r = apply_diff(p, (uint64_t)control.n_diff);
                if (r >= 0)
                        r = apply_extra(p, (uint64_t)control.n_extra);
                if (r < 0)
                        return r;
                if (__builtin_add_overflow(p->source_pos, control.seek, &p->source_pos))
                        return -EBADMSG;
                /* A few KiB can hold millions of entries that do nothing: time is bounded too. */
                if (control.n_diff == 0 && control.n_extra == 0 && ++n_empty > p->n_target)
                        return -EBADMSG;
        }
        r = stream_finish(&p->control);
        if (r >= 0)
                r = stream_finish(&p->diff);
        if (r >= 0)
                r = stream_finish(&p->extra);
        return r;
}

static void patcher_done(struct patcher *p)
{
        swb_decoder_free(p->control.decoder);
        swb_decoder_free(p->diff.decoder);
        swb_decoder_free(p->extra.decoder);
        free(p->target);
        free(p->source);
}

static int patcher_open(struct patcher *p, const struct header *header, struct swb_cursor *c,
                        size_t max_memory_bytes)
{
        size_t each = max_memory_bytes / 3;
        int r;

        p->target = malloc(CHUNK_BYTES);
        p->source = malloc(CHUNK_BYTES);
        if (!p->target || !p->source)
                return -ENOMEM;
        r = stream_open(&p->control, header->codecs[0], c, header->n_control, each);
        if (r >= 0)
                r = stream_open(&p->diff, header->codecs[1], c, header->n_diff, each);
        if (r >= 0)
                r = stream_open(&p->extra, header->codecs[2], c, swb_cursor_left(c), each);
        return r;
}

int swb_bspatch(const uint8_t *patch, size_t n_patch, uint64_t n_source, uint64_t n_target,
                size_t max_memory_bytes, const struct swb_bspatch_io *io)
{
        _cleanup_(patcher_done) struct patcher p = {
                .io = io, .n_source = n_source, .n_target = n_target};
        struct swb_cursor c = SWB_CURSOR(patch, n_patch);
        struct header header;
        int r;

        r = read_header(&c, &header);
        if (r < 0)
                return r;
        if (header.n_target != n_target)
                return -EBADMSG;
        r = patcher_open(&p, &header, &c, max_memory_bytes);
        if (r < 0)
                return r;
        return apply_all(&p);
}
