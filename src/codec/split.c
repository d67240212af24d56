/* SPDX-License-Identifier: Apache-2.0 */
#include "base/endian.h"
#include "base/error.h"
#include "codec/codec.h"
#include "codec/split_format.h"

#define ZSTD_LEVEL 19
/* xz is decoded at a tenth of zstd's speed: it must save one part in so many. */
#define XZ_GAIN_SHARE 5u
/* And is not even tried for the streams that are most of a content. */
#define XZ_STREAMS                                                                                 \
        (1u << 0 | 1u << (SWB_STREAM_CODE + 1) | 1u << (SWB_STREAM_CODE + 2) |                     \
         1u << (SWB_STREAM_CODE + 3) | 1u << SWB_STREAM_RELOCATIONS | 1u << SWB_STREAM_SYMBOLS |   \
         1u << SWB_STREAM_UNWIND | 1u << SWB_STREAM_STRINGS | 1u << SWB_STREAM_TYPES)
/* lzma at the level used, or zstd's tables for a window of 8 MiB. */
#define ENCODER_BYTES ((uint64_t)100 << 20)

struct split {
        struct swb_buf streams[SWB_STREAMS];
        uint64_t position; /* of the target */
        /* PLAIN bytes of one stream that the list does not have yet */
        uint8_t plain_stream;
        size_t n_plain;
        uint8_t *records, *columns; /* SWB_SPLIT_RECORDS_MAX each, when first needed */
};

static void split_done(struct split *s)
{
        for (size_t i = 0; i < SWB_STREAMS; i++)
                swb_buf_done(&s->streams[i]);
        free(s->records);
        free(s->columns);
}

static int put(struct split *s, unsigned stream, const uint8_t *data, size_t n)
{
        return swb_buf_append(&s->streams[stream], data, n);
}

static int put_number(struct split *s, size_t value)
{
        uint8_t raw[10];
        size_t n = 0;

        for (; value > 0x7f; value >>= 7)
                raw[n++] = (uint8_t)(value | 0x80);
        raw[n++] = (uint8_t)value;
        return put(s, 0, raw, n);
}

static int list_region(struct split *s, enum swb_split_kind kind, unsigned stream, size_t n)
{
        int r = put_number(s, kind);

        if (r == 0)
                r = put_number(s, stream);
        return r == 0 ? put_number(s, n) : r;
}

static int flush_plain(struct split *s)
{
        size_t n = s->n_plain;

        s->n_plain = 0;
        return n > 0 ? list_region(s, SWB_SPLIT_PLAIN, s->plain_stream, n) : 0;
}

static int put_plain(struct split *s, uint8_t stream, const uint8_t *data, size_t n)
{
        int r = 0;

        if (s->plain_stream != stream)
                r = flush_plain(s);
        if (r < 0)
                return r;
        s->plain_stream = stream;
        s->n_plain += n;
        s->position += n;
        return put(s, stream, data, n);
}

static int begin(struct split *s, const struct swb_split_region *region, size_t n)
{
        int r = flush_plain(s);

        return r == 0 ? list_region(s, region->kind, region->stream, n) : r;
}

static int put_operand(struct split *s, unsigned stream, const uint8_t *operand, size_t behind)
{
        uint32_t value = swb_get_le32(operand);
        uint8_t raw[4];

        if (swb_x86_is_near(value))
                value = swb_x86_fold(value + (uint32_t)(s->position + behind));
        swb_put_be32(raw, value);
        return put(s, stream, raw, sizeof(raw));
}

static int put_x86(struct split *s, const struct swb_split_region *region, const uint8_t *data)
{
        size_t n = region->n_bytes, kept = 0, i = 0;
        int r = begin(s, region, n);

        while (i < n && r == 0) {
                unsigned stream = 0;
                unsigned n_opcode =
                        swb_x86_match(data[i], i + 1 < n ? data[i + 1] : 0, n - i, &stream);

                if (n_opcode == 0) {
                        i++;
                        continue;
                }
                i += n_opcode;
                r = put(s, region->stream, data + kept, i - kept);
                if (r == 0)
                        r = put_operand(s, region->stream + stream, data + i, i + 4);
                i += 4;
                kept = i;
        }
        if (r == 0)
                r = put(s, region->stream, data + kept, n - kept);
        s->position += n;
        return r;
}

/* The logarithm to base 2 of a number above 0, in 256ths; a straight line between powers. */
static uint64_t log_of(uint64_t value)
{
        unsigned power = 63 - (unsigned)__builtin_clzll(value);

        return (uint64_t)power * 256 + ((value - ((uint64_t)1 << power)) << 8 >> power);
}

/* What the bytes at this distance from each other take without their neighbours. Whole numbers, so
 * that every machine chooses alike. */
static uint64_t entropy(const uint8_t *data, size_t count, size_t distance)
{
        uint64_t counts[256] = {0}, cost = 0;

        for (size_t i = 0; i < count; i++)
                counts[data[i * distance]]++;
        for (size_t i = 0; i < SWB_ELEMENTS(counts); i++)
                if (counts[i] > 0)
                        cost += counts[i] * (log_of(count) - log_of(counts[i]));
        return cost;
}

static void take_delta(const uint8_t *field, uint8_t *out, unsigned width, size_t n_record,
                       size_t count)
{
        uint64_t last = 0;

        for (size_t i = 0; i < count; i++) {
                uint64_t value = 0, delta;

                for (unsigned k = 0; k < width; k++)
                        value |= (uint64_t)field[i * n_record + k] << 8 * k;
                delta = value - last;
                last = value;
                for (unsigned k = 0; k < width; k++)
                        out[i * n_record + k] = (uint8_t)(delta >> 8 * k);
        }
}

/* Fills out's columns of a field with numbers or differences, whichever is simpler. Return: which.
 */
static bool choose_delta(const uint8_t *field, uint8_t *out, unsigned width, size_t n_record,
                         size_t count)
{
        uint64_t plain = 0, delta = 0;

        take_delta(field, out, width, n_record, count);
        for (unsigned k = 0; k < width; k++) {
                plain += entropy(field + k, count, n_record);
                delta += entropy(out + k, count, n_record);
        }
        if (delta < plain)
                return true;
        for (size_t i = 0; i < count; i++)
                memcpy(out + i * n_record, field + i * n_record, width);
        return false;
}

static int list_fields(struct split *s, const struct swb_split_region *region, const uint8_t *data,
                       size_t n_record)
{
        size_t n_fields = 0, offset = 0, count = region->n_bytes / n_record;
        int r;

        while (n_fields < SWB_SPLIT_FIELDS_MAX && region->fields[n_fields] > 0)
                n_fields++;
        r = put_number(s, n_fields);
        for (size_t i = 0; i < n_fields && r == 0; i++) {
                uint8_t field = region->fields[i];

                if (choose_delta(data + offset, s->records + offset, region->fields[i], n_record,
                                 count))
                        field |= SWB_SPLIT_DELTA;
                offset += region->fields[i];
                r = put(s, 0, &field, 1);
        }
        return r;
}

static int put_records(struct split *s, const struct swb_split_region *region, const uint8_t *data)
{
        size_t n = region->n_bytes, n_record = 0, at = 0;
        int r;

        for (size_t i = 0; i < SWB_SPLIT_FIELDS_MAX; i++)
                n_record += region->fields[i];
        swb_assert(n_record > 0 && n <= SWB_SPLIT_RECORDS_MAX && n % n_record == 0);
        if (!s->records)
                s->records = malloc(SWB_SPLIT_RECORDS_MAX);
        if (!s->columns)
                s->columns = malloc(SWB_SPLIT_RECORDS_MAX);
        if (!s->records || !s->columns)
                return -ENOMEM;
        r = begin(s, region, n);
        if (r == 0)
                r = list_fields(s, region, data, n_record);
        if (r < 0)
                return r;
        for (size_t c = 0; c < n_record; c++)
                for (size_t i = c; i < n; i += n_record)
                        s->columns[at++] = s->records[i];
        s->position += n;
        return put(s, region->stream, s->columns, n);
}

/* An LZ4 sequence: where its parts end. */
struct sequence {
        size_t literals; /* behind token and length */
        size_t offset;   /* behind the literals */
        size_t lengths;  /* behind the offset */
        size_t end;
};

static bool add_length(const uint8_t *data, size_t n, size_t *at, size_t *length)
{
        uint8_t byte = 255;

        for (; byte == 255; *length += byte) {
                if (*at >= n)
                        return false;
                byte = data[(*at)++];
        }
        return true;
}

/* false: there is not a whole one. */
static bool find_sequence(const uint8_t *data, size_t n, struct sequence *ret)
{
        size_t at = 1, n_literals, n_match = 0;

        if (n == 0)
                return false;
        n_literals = data[0] >> 4;
        if (n_literals == 15 && !add_length(data, n, &at, &n_literals))
                return false;
        ret->literals = at;
        if (n_literals > n - at)
                return false;
        at += n_literals;
        ret->offset = ret->lengths = ret->end = at;
        if (at == n)
                return true;
        if (n - at < 2)
                return false;
        at += 2;
        ret->lengths = at;
        if ((data[0] & 15) == 15 && !add_length(data, n, &at, &n_match))
                return false;
        ret->end = at;
        return true;
}

size_t swb_split_lz4_whole(const uint8_t *data, size_t n)
{
        struct sequence sequence;
        size_t at = 0;

        while (find_sequence(data + at, n - at, &sequence))
                at += sequence.end;
        return at;
}

static int put_sequence(struct split *s, unsigned stream, const uint8_t *data,
                        const struct sequence *at)
{
        int r = put(s, stream, data, at->literals);

        if (r == 0)
                r = put(s, stream + 1, data + at->literals, at->offset - at->literals);
        if (r == 0)
                r = put(s, stream + 2, data + at->offset, at->lengths - at->offset);
        return r == 0 ? put(s, stream, data + at->lengths, at->end - at->lengths) : r;
}

/* What is behind the last whole sequence goes among the literals. */
static int put_lz4(struct split *s, const struct swb_split_region *region, const uint8_t *data)
{
        size_t n = swb_split_lz4_whole(data, region->n_bytes);
        struct sequence sequence;
        int r = n > 0 ? begin(s, region, n) : 0;

        for (size_t at = 0; at < n && r == 0; at += sequence.end) {
                bool is_whole = find_sequence(data + at, n - at, &sequence);

                swb_assert(is_whole);
                r = put_sequence(s, region->stream, data + at, &sequence);
        }
        s->position += n;
        if (r == 0 && n < region->n_bytes)
                r = put_plain(s, (uint8_t)(region->stream + 1), data + n, region->n_bytes - n);
        return r;
}

static int put_region(struct split *s, const struct swb_split_region *region, const uint8_t *data)
{
        switch (region->kind) {
        case SWB_SPLIT_PLAIN:
                return put_plain(s, region->stream, data, region->n_bytes);
        case SWB_SPLIT_X86:
                return put_x86(s, region, data);
        case SWB_SPLIT_RECORDS:
                return put_records(s, region, data);
        case SWB_SPLIT_LZ4:
                return put_lz4(s, region, data);
        }
        return -EINVAL;
}

/* A dictionary must not be larger than the stream, which is what the reader has memory for. */
static uint32_t dictionary_for(size_t n)
{
        uint32_t size = SWB_SPLIT_WINDOW_BYTES;

        while (size > n && size > 4096)
                size = size & (size - 1) ? size / 3 * 2 : size / 4 * 3;
        return size;
}

static int encode(enum swb_codec codec, const struct swb_buf *in, struct swb_buf *out)
{
        int r = codec == SWB_CODEC_XZ ? swb_encode_xz(dictionary_for(in->n_bytes), SWB_XZ_USUAL,
                                                      in->data, in->n_bytes, out)
                                      : swb_encode(codec, ZSTD_LEVEL, in->data, in->n_bytes, out);

        if (r == -E2BIG) /* not smaller */
                swb_buf_reset(out);
        return r == -E2BIG ? 0 : r;
}

/* Appends the stream packed and fills its entry of the head. Empties it. */
static int pack_stream(struct split *s, size_t i, uint8_t *entry, struct swb_buf *buf)
{
        struct swb_buf *in = &s->streams[i];
        _cleanup_(swb_buf_done) struct swb_buf zstd = SWB_BUF_INIT(in->n_bytes);
        _cleanup_(swb_buf_done) struct swb_buf xz = SWB_BUF_INIT(in->n_bytes);
        const struct swb_buf *best = in;
        int r = in->n_bytes > 0 ? encode(SWB_CODEC_ZSTD, in, &zstd) : 0;

        if (r == 0 && in->n_bytes > 0 && (XZ_STREAMS >> i & 1))
                r = encode(SWB_CODEC_XZ, in, &xz);
        if (r < 0)
                return r;
        entry[0] = SWB_SPLIT_NONE;
        if (zstd.n_bytes > 0) {
                best = &zstd;
                entry[0] = SWB_SPLIT_ZSTD;
        }
        if (xz.n_bytes > 0 && xz.n_bytes < best->n_bytes - best->n_bytes / XZ_GAIN_SHARE) {
                best = &xz;
                entry[0] = SWB_SPLIT_XZ;
        }
        swb_put_le32(entry + 1, (uint32_t)best->n_bytes);
        swb_put_le32(entry + 5, (uint32_t)in->n_bytes);
        r = best->n_bytes > 0 ? swb_buf_append(buf, best->data, best->n_bytes) : 0;
        swb_buf_done(in);
        return r;
}

static int write_streams(struct split *s, struct swb_buf *buf)
{
        uint8_t head[SWB_SPLIT_HEAD_BYTES + SWB_STREAMS * SWB_SPLIT_ENTRY_BYTES] = SWB_SPLIT_MAGIC;
        size_t start = buf->n_bytes, n = SWB_STREAMS, n_head;
        int r;

        while (n > 2 && s->streams[n - 1].n_bytes == 0)
                n--;
        /* A kind's streams are all there, even if they are empty. */
        if (n > SWB_STREAM_CODE)
                n = SWB_MAX(n, (size_t)SWB_STREAM_CODE + SWB_SPLIT_X86_STREAMS);
        if (n > SWB_STREAM_LZ4)
                n = SWB_STREAMS;
        n_head = SWB_SPLIT_HEAD_BYTES + n * SWB_SPLIT_ENTRY_BYTES;
        head[4] = (uint8_t)n;
        r = swb_buf_append(buf, head, n_head);
        for (size_t i = 0; i < n && r == 0; i++)
                r = pack_stream(s, i, head + SWB_SPLIT_HEAD_BYTES + i * SWB_SPLIT_ENTRY_BYTES, buf);
        if (r == 0)
                memcpy(buf->data + start, head, n_head);
        else
                buf->n_bytes = start;
        return r;
}

int swb_split(const uint8_t *data, const struct swb_split_region *regions, size_t n_regions,
              struct swb_buf *buf)
{
        _cleanup_(split_done) struct split s = {.plain_stream = SWB_STREAM_DATA};
        int r = 0;

        s.streams[0] = SWB_BUF_INIT(SWB_SPLIT_CONTROL_MAX);
        for (size_t i = 1; i < SWB_STREAMS; i++)
                s.streams[i] = SWB_BUF_INIT(SWB_SPLIT_TARGET_MAX);
        for (size_t i = 0; i < n_regions && r == 0; i++) {
                r = put_region(&s, &regions[i], data);
                data += regions[i].n_bytes;
        }
        if (r == 0)
                r = flush_plain(&s);
        return r == 0 ? write_streams(&s, buf) : r;
}

uint64_t swb_split_memory(uint64_t n_bytes)
{
        /* streams, doubled at worst as they grow; then two codings of the largest */
        return 4 * n_bytes + 2 * SWB_SPLIT_RECORDS_MAX + ENCODER_BYTES;
}
