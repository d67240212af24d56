/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/puff_layout.h"

#include "base/cursor.h"

#define MAGIC "PUF1"
#define MAGIC_BYTES 4u
#define VERSION 1
#define STREAM_BYTES_MAX (UINT64_C(1) << 44) /* so that sums and bit numbers don't overflow */

enum { HEADER_VERSION = 1, HEADER_SOURCE = 2, HEADER_TARGET = 3, HEADER_TYPE = 4 };
enum { STREAM_DEFLATES = 1, STREAM_PUFFS = 2, STREAM_PUFF_LENGTH = 3 };
enum { EXTENT_OFFSET = 1, EXTENT_LENGTH = 2 };
enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

/* Fields of a message by their kind, a bit for each. */
struct known {
        uint32_t numbers, messages, repeated;
};

struct field {
        uint64_t number;
        uint64_t value;
        struct swb_cursor message;
};

void swb_puff_layout_done(struct swb_puff_layout *layout)
{
        free(layout->extents);
        *layout = (struct swb_puff_layout){0};
}

void swb_puff_header_done(struct swb_puff_header *header)
{
        swb_puff_layout_done(&header->source);
        swb_puff_layout_done(&header->target);
}

uint64_t swb_puff_gap(uint64_t start_bit, uint64_t end_bit)
{
        return start_bit == end_bit ? 0 : (end_bit + 7) / 8 - start_bit / 8;
}

/* ---- reading ---- */

static int take_content(struct swb_cursor *c, unsigned wire, struct field *ret)
{
        const uint8_t *data = NULL;
        uint64_t n = 0;

        switch (wire) {
        case WIRE_VARINT:
                ret->value = swb_cursor_varint(c);
                break;
        case WIRE_FIXED64:
                (void)swb_cursor_take(c, 8);
                break;
        case WIRE_FIXED32:
                (void)swb_cursor_take(c, 4);
                break;
        case WIRE_BYTES:
                n = swb_cursor_varint(c);
                data = n <= swb_cursor_left(c) ? swb_cursor_take(c, (size_t)n) : NULL;
                if (!data)
                        return -EBADMSG;
                ret->message = SWB_CURSOR(data, (size_t)n);
                break;
        default:
                return -EBADMSG;
        }
        return swb_cursor_overrun(c) ? -EBADMSG : 0;
}

/*
 * The next field that the message knows, by the rules of PF-10 to PF-13. Return: 1 a field, 0 the
 * end, -EBADMSG.
 */
static int next_field(struct swb_cursor *c, const struct known *known, uint32_t *seen,
                      struct field *ret)
{
        while (swb_cursor_left(c) > 0) {
                uint64_t key = swb_cursor_varint(c), number = key >> 3;
                unsigned wire = key & 7;
                uint32_t bit = number < 32 ? UINT32_C(1) << number : 0;
                int r;

                *ret = (struct field){.number = number};
                r = take_content(c, wire, ret);
                if (r < 0 || number == 0)
                        return -EBADMSG;
                if (!((known->numbers | known->messages) & bit))
                        continue;
                if (wire != (known->numbers & bit ? WIRE_VARINT : WIRE_BYTES) || *seen & bit)
                        return -EBADMSG;
                *seen |= bit & ~known->repeated;
                return 1;
        }
        return 0;
}

static int read_extent(struct swb_cursor *c, uint64_t *ret_start, uint64_t *ret_end)
{
        static const struct known known = {
                .numbers = 1u << EXTENT_OFFSET | 1u << EXTENT_LENGTH,
        };
        uint64_t offset = 0, length = 0;
        struct field field;
        uint32_t seen = 0;
        int r;

        while ((r = next_field(c, &known, &seen, &field)) > 0) {
                if (field.number == EXTENT_OFFSET)
                        offset = field.value;
                else
                        length = field.value;
        }
        if (r < 0 || length == 0 || offset > STREAM_BYTES_MAX * 8 || length > STREAM_BYTES_MAX * 8)
                return -EBADMSG;
        *ret_start = offset;
        *ret_end = offset + length;
        return 0;
}

static const struct known stream_known = {
        .numbers = 1u << STREAM_PUFF_LENGTH,
        .messages = 1u << STREAM_DEFLATES | 1u << STREAM_PUFFS,
        .repeated = 1u << STREAM_DEFLATES | 1u << STREAM_PUFFS,
};

/* The extents and their puffs come in two lists of the same length; here they are counted. */
static int count_extents(struct swb_cursor c, size_t *ret)
{
        size_t n[2] = {0, 0};
        struct field field;
        uint32_t seen = 0;
        int r;

        while ((r = next_field(&c, &stream_known, &seen, &field)) > 0)
                if (field.number != STREAM_PUFF_LENGTH)
                        n[field.number == STREAM_PUFFS]++;
        if (r < 0 || n[0] != n[1])
                return -EBADMSG;
        if (n[0] > SWB_PUFF_EXTENTS_MAX)
                return -E2BIG;
        *ret = n[0];
        return 0;
}

static int read_puff(struct swb_cursor *c, struct swb_puff_extent *extent)
{
        int r = read_extent(c, &extent->start, &extent->end);

        if (r < 0)
                return r;
        if (extent->start % 8 != 0 || extent->end % 8 != 0) /* bytes, but told in bits */
                return -EBADMSG;
        extent->start /= 8;
        extent->end /= 8;
        return 0;
}

static int read_fields(struct swb_cursor c, struct swb_puff_layout *layout)
{
        size_t n_deflates = 0, n_puffs = 0;
        struct field field;
        uint32_t seen = 0;
        int r;

        while ((r = next_field(&c, &stream_known, &seen, &field)) > 0) {
                if (field.number == STREAM_DEFLATES) {
                        struct swb_puff_extent *extent = &layout->extents[n_deflates++];

                        r = read_extent(&field.message, &extent->start_bit, &extent->end_bit);
                } else if (field.number == STREAM_PUFFS) {
                        r = read_puff(&field.message, &layout->extents[n_puffs++]);
                } else {
                        layout->n_puffed = field.value;
                }
                if (r < 0)
                        return r;
        }
        return r;
}

/* Ascending, without overlaps, and every bit of the stream has its place in the puffed one. */
static int check_layout(const struct swb_puff_layout *layout)
{
        uint64_t bit = 0, byte = 0;

        for (size_t i = 0; i < layout->n; i++) {
                const struct swb_puff_extent *extent = &layout->extents[i];

                if (extent->start_bit < bit ||
                    extent->start != byte + swb_puff_gap(bit, extent->start_bit))
                        return -EBADMSG;
                bit = extent->end_bit;
                byte = extent->end;
        }
        if (layout->n_bytes > STREAM_BYTES_MAX || bit > layout->n_bytes * 8 ||
            layout->n_puffed != byte + swb_puff_gap(bit, layout->n_bytes * 8))
                return -EBADMSG;
        return 0;
}

static int read_stream(const struct swb_cursor *c, struct swb_puff_layout *layout)
{
        int r = count_extents(*c, &layout->n);

        if (r < 0)
                return r;
        layout->extents = calloc(layout->n + 1, sizeof(*layout->extents));
        if (!layout->extents)
                return -ENOMEM;
        r = read_fields(*c, layout);
        return r < 0 ? r : check_layout(layout);
}

static int read_message(struct swb_cursor *c, struct swb_puff_header *header)
{
        static const struct known known = {
                .numbers = 1u << HEADER_VERSION | 1u << HEADER_TYPE,
                .messages = 1u << HEADER_SOURCE | 1u << HEADER_TARGET,
        };
        struct swb_cursor source = {0}, target = {0};
        struct field field;
        uint64_t type = 0;
        uint32_t seen = 0;
        int r;

        while ((r = next_field(c, &known, &seen, &field)) > 0) {
                if (field.number == HEADER_SOURCE)
                        source = field.message;
                else if (field.number == HEADER_TARGET)
                        target = field.message;
                else if (field.number == HEADER_TYPE)
                        type = field.value;
        }
        if (r < 0)
                return r;
        if (type != 0)
                return -EPROTONOSUPPORT;
        r = read_stream(&source, &header->source);
        return r < 0 ? r : read_stream(&target, &header->target);
}

int swb_puff_header_read(const uint8_t *patch, size_t n_patch, uint64_t n_source, uint64_t n_target,
                         struct swb_puff_header *ret)
{
        struct swb_cursor c = SWB_CURSOR(patch, n_patch), message;
        struct swb_puff_header header = {.source.n_bytes = n_source, .target.n_bytes = n_target};
        const uint8_t *magic = swb_cursor_take(&c, MAGIC_BYTES), *data;
        uint32_t n = swb_cursor_be32(&c);
        int r;

        data = swb_cursor_take(&c, n);
        if (!magic || !data || memcmp(magic, MAGIC, MAGIC_BYTES) != 0)
                return -EBADMSG;
        message = SWB_CURSOR(data, n);
        r = read_message(&message, &header);
        if (r < 0) {
                swb_puff_header_done(&header);
                return r;
        }
        header.n_bytes = c.pos;
        *ret = header;
        return 0;
}

/* ---- writing ---- */

static size_t put_varint(uint8_t *out, uint64_t value)
{
        size_t n = 0;

        for (; value >= 0x80; value >>= 7)
                out[n++] = (uint8_t)(value | 0x80);
        out[n++] = (uint8_t)value;
        return n;
}

/* Numbers that are 0 are left out, as proto3 has it. */
static size_t put_number(uint8_t *out, unsigned field, uint64_t value)
{
        if (value == 0)
                return 0;
        out[0] = (uint8_t)(field << 3 | WIRE_VARINT);
        return 1 + put_varint(out + 1, value);
}

static int put_message(struct swb_buf *buf, unsigned field, const uint8_t *data, size_t n)
{
        uint8_t head[11];
        int r;

        head[0] = (uint8_t)(field << 3 | WIRE_BYTES);
        r = swb_buf_append(buf, head, 1 + put_varint(head + 1, n));
        return r < 0 ? r : swb_buf_append(buf, data, n);
}

static int put_extent(struct swb_buf *buf, unsigned field, uint64_t offset, uint64_t length)
{
        uint8_t raw[22];
        size_t n = put_number(raw, EXTENT_OFFSET, offset);

        n += put_number(raw + n, EXTENT_LENGTH, length);
        return put_message(buf, field, raw, n);
}

static int put_stream(struct swb_buf *header, unsigned field, const struct swb_puff_layout *layout)
{
        _cleanup_(swb_buf_done) struct swb_buf stream = SWB_BUF_INIT(header->max_bytes);
        const struct swb_puff_extent *e = layout->extents, *end = e + layout->n;
        uint8_t raw[11];
        int r = 0;

        for (e = layout->extents; e < end && r == 0; e++)
                r = put_extent(&stream, STREAM_DEFLATES, e->start_bit, e->end_bit - e->start_bit);
        for (e = layout->extents; e < end && r == 0; e++)
                r = put_extent(&stream, STREAM_PUFFS, e->start * 8, (e->end - e->start) * 8);
        if (r == 0)
                r = swb_buf_append(&stream, raw,
                                   put_number(raw, STREAM_PUFF_LENGTH, layout->n_puffed));
        return r < 0 ? r : put_message(header, field, stream.data, stream.n_bytes);
}

int swb_puff_header_write(const struct swb_puff_layout *source,
                          const struct swb_puff_layout *target, struct swb_buf *buf)
{
        _cleanup_(swb_buf_done) struct swb_buf header = SWB_BUF_INIT(buf->max_bytes);
        uint8_t raw[11], size[4];
        int r = swb_buf_append(&header, raw, put_number(raw, HEADER_VERSION, VERSION));

        if (r == 0)
                r = put_stream(&header, HEADER_SOURCE, source);
        if (r == 0)
                r = put_stream(&header, HEADER_TARGET, target);
        if (r < 0)
                return r;
        swb_put_be32(size, (uint32_t)header.n_bytes);
        r = swb_buf_append(buf, MAGIC, MAGIC_BYTES);
        if (r == 0)
                r = swb_buf_append(buf, size, sizeof(size));
        return r < 0 ? r : swb_buf_append(buf, header.data, header.n_bytes);
}
