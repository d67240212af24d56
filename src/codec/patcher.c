/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/patcher.h"

#define CHUNK_BYTES ((size_t)64 << 10)

int swb_patch_stream_open(struct swb_patch_stream *stream, enum swb_codec codec,
                          struct swb_cursor *c, uint64_t n_bytes, size_t max_memory_bytes)
{
        if (n_bytes > swb_cursor_left(c))
                return -EBADMSG;
        stream->codec = codec;
        stream->n_in = (size_t)n_bytes;
        stream->in = swb_cursor_take(c, stream->n_in);
        stream->empty = n_bytes == 0;
        return swb_decoder_new(codec, max_memory_bytes, &stream->decoder);
}

int swb_patch_stream_read(struct swb_patch_stream *stream, uint8_t *data, size_t n)
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
int swb_patch_stream_finish(struct swb_patch_stream *stream)
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

void swb_patch_stream_done(struct swb_patch_stream *stream)
{
        stream->decoder = swb_decoder_free(stream->decoder);
}

static int emit(struct swb_patcher *p, size_t n)
{
        p->target_pos += n;
        return p->io->write_target(p->io->context, p->target, n);
}

/* Target bytes = source bytes + diff bytes, modulo 256. */
static int apply_diff(struct swb_patcher *p, uint64_t n)
{
        int r;

        if (n == 0)
                return 0;
        if (n > p->n_target - p->target_pos || p->source_pos < 0 ||
            (uint64_t)p->source_pos > p->n_source || n > p->n_source - (uint64_t)p->source_pos)
                return -EBADMSG;
        while (n > 0) {
                size_t piece = (size_t)SWB_MIN(n, (uint64_t)CHUNK_BYTES);

                r = swb_patch_stream_read(&p->diff, p->target, piece);
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

static int apply_extra(struct swb_patcher *p, uint64_t n)
{
        int r;

        if (n > p->n_target - p->target_pos)
                return -EBADMSG;
        while (n > 0) {
                size_t piece = (size_t)SWB_MIN(n, (uint64_t)CHUNK_BYTES);

                r = swb_patch_stream_read(&p->extra, p->target, piece);
                if (r >= 0)
                        r = emit(p, piece);
                if (r < 0)
                        return r;
                n -= piece;
        }
        return 0;
}

static int apply_all(struct swb_patcher *p)
{
        uint64_t n_empty = 0;
        int r;

        while (p->target_pos < p->n_target) {
                struct swb_patch_entry entry;

                r = p->next(p->context, &entry);
                if (r >= 0)
                        r = apply_diff(p, entry.n_diff);
                if (r >= 0)
                        r = apply_extra(p, entry.n_extra);
                if (r < 0)
                        return r;
                if (__builtin_add_overflow(p->source_pos, entry.seek, &p->source_pos))
                        return -EBADMSG;
                /* A few KiB can hold millions of entries that do nothing: time is bounded too. */
                if (entry.n_diff == 0 && entry.n_extra == 0 && ++n_empty > p->n_target)
                        return -EBADMSG;
        }
        r = swb_patch_stream_finish(&p->diff);
        if (r >= 0)
                r = swb_patch_stream_finish(&p->extra);
        return r;
}

int swb_patcher_run(struct swb_patcher *p)
{
        p->target = malloc(CHUNK_BYTES);
        p->source = malloc(CHUNK_BYTES);
        if (!p->target || !p->source)
                return -ENOMEM;
        return apply_all(p);
}

void swb_patcher_done(struct swb_patcher *p)
{
        swb_patch_stream_done(&p->diff);
        swb_patch_stream_done(&p->extra);
        free(p->target);
        free(p->source);
}
