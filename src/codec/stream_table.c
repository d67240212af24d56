/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/stream_table.h"

#define BUFFER_BYTES ((size_t)16 << 10)
#define NUMBER_BYTES_MAX 10

struct entry {
        enum swb_codec codec;
        uint32_t n_packed, n_bytes;
};

int swb_stream_codec(uint8_t number, enum swb_codec *ret)
{
        static const enum swb_codec codecs[] = {
                SWB_CODEC_NONE,   SWB_CODEC_XZ,    SWB_CODEC_ZSTD,       SWB_CODEC_BZ2,
                SWB_CODEC_BROTLI, SWB_CODEC_MIXED, SWB_CODEC_MIXED_LARGE};

        if (number >= SWB_ELEMENTS(codecs))
                return -EBADMSG;
        *ret = codecs[number];
        return 0;
}

static int read_entry(const uint8_t *raw, struct entry *ret)
{
        enum swb_codec codec;

        if (swb_stream_codec(raw[0], &codec) < 0)
                return -EBADMSG;
        *ret = (struct entry){codec, swb_get_le32(raw + 1), swb_get_le32(raw + 5)};
        if (ret->codec == SWB_CODEC_NONE && ret->n_packed != ret->n_bytes)
                return -EBADMSG;
        return (ret->n_packed == 0) != (ret->n_bytes == 0) ? -EBADMSG : 0;
}

static int open_stream(struct swb_stream *stream, const struct entry *entry, size_t max_bytes,
                       struct swb_cursor *c)
{
        stream->n_bytes = stream->left = entry->n_bytes;
        stream->buffer = malloc(BUFFER_BYTES);
        if (!stream->buffer)
                return -ENOMEM;
        return swb_patch_stream_open(&stream->packed, entry->codec, c, entry->n_packed, max_bytes);
}

int swb_streams_open(const struct swb_stream_rules *rules, const uint8_t *blob, size_t n_blob,
                     struct swb_stream *streams, size_t *ret_n, size_t *ret_left)
{
        struct swb_cursor c = SWB_CURSOR(blob, n_blob);
        const uint8_t *head = swb_cursor_take(&c, SWB_STREAM_TABLE_HEAD_BYTES);
        const uint8_t *table;
        size_t n, left = rules->memory_bytes;

        *ret_n = 0;
        if (!head || memcmp(head, rules->magic, 4) != 0)
                return -EBADMSG;
        n = head[4];
        table = swb_cursor_take(&c, n * SWB_STREAM_TABLE_ENTRY_BYTES);
        if (!table || n < rules->n_min || n > rules->n_max)
                return -EBADMSG;
        *ret_n = n;
        for (size_t i = 0; i < n; i++) {
                size_t memory;
                struct entry entry;
                int r = read_entry(table + i * SWB_STREAM_TABLE_ENTRY_BYTES, &entry);

                if (r < 0)
                        return r;
                if (entry.n_bytes == 0)
                        continue;
                memory = rules->decoder_bytes(entry.codec, entry.n_bytes, rules->window_bytes);
                if (memory > left)
                        return -E2BIG;
                left -= memory;
                r = open_stream(&streams[i], &entry, memory, &c);
                if (r < 0)
                        return r;
        }
        *ret_left = left;
        return swb_cursor_left(&c) == 0 ? 0 : -EBADMSG;
}

void swb_streams_done(struct swb_stream *streams, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                swb_patch_stream_done(&streams[i].packed);
                free(streams[i].buffer);
                streams[i] = (struct swb_stream){0};
        }
}

int swb_streams_finish(struct swb_stream *streams, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                int r;

                if (streams[i].left > 0 || streams[i].at < streams[i].n)
                        return -EBADMSG;
                if (!streams[i].packed.decoder)
                        continue;
                r = swb_patch_stream_finish(&streams[i].packed);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The buffer was taken: its next filling. -EBADMSG: the stream has no more. */
static int refill(struct swb_stream *s)
{
        size_t n = SWB_MIN((size_t)s->left, BUFFER_BYTES);
        int r;

        if (n == 0)
                return -EBADMSG;
        r = swb_patch_stream_read(&s->packed, s->buffer, n);
        if (r < 0)
                return r;
        s->left -= (uint32_t)n;
        s->at = 0;
        s->n = n;
        return 0;
}

int swb_stream_take(struct swb_stream *s, uint8_t *data, size_t n)
{
        while (n > 0) {
                size_t piece;
                int r = s->at < s->n ? 0 : refill(s);

                if (r < 0)
                        return r;
                piece = SWB_MIN(n, s->n - s->at);
                memcpy(data, s->buffer + s->at, piece);
                s->at += piece;
                data += piece;
                n -= piece;
        }
        return 0;
}

int swb_stream_take_number(struct swb_stream *s, uint64_t *ret)
{
        uint64_t value = 0;

        for (unsigned i = 0; i < NUMBER_BYTES_MAX; i++) {
                uint8_t byte;
                int r = s->at < s->n ? 0 : refill(s);

                if (r < 0)
                        return r;
                byte = s->buffer[s->at++];
                if (i == NUMBER_BYTES_MAX - 1 && byte > 1)
                        return -EBADMSG;
                value |= (uint64_t)(byte & 0x7f) << 7 * i;
                if (byte < 0x80) {
                        *ret = value;
                        return 0;
                }
        }
        return -EBADMSG;
}
