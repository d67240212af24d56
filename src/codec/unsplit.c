/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/patcher.h"
#include "codec/split_format.h"

#define STREAM_BUFFER_BYTES ((size_t)16 << 10)
#define OUT_BYTES ((size_t)64 << 10)
#define BESIDE_WINDOW_BYTES ((size_t)1 << 20)
#define NUMBER_BYTES_MAX 5

/* A stream of known size, decoded on demand. */
struct source {
        struct swb_patch_stream patch;
        uint8_t *buffer;
        size_t at, n;  /* what of it is still to be taken */
        uint32_t left; /* not in the buffer yet */
};

struct unsplit {
        struct source sources[SWB_SPLIT_STREAMS_MAX];
        size_t n_sources;
        uint64_t n_target, n_made;
        uint8_t *out; /* OUT_BYTES */
        size_t n_out;
        uint8_t *columns, *records; /* SWB_SPLIT_RECORDS_MAX each, when first needed */
        swb_split_write write;
        void *context;
};

struct region {
        uint32_t kind, stream, n;
};

/* ---- streams ---- */

/* Makes at least `want` (small) bytes ready. -EBADMSG: the stream has fewer. */
static int refill(struct source *s, size_t want)
{
        size_t kept = s->n - s->at, more = SWB_MIN((size_t)s->left, STREAM_BUFFER_BYTES - kept);
        int r;

        if (kept >= want)
                return 0;
        if (kept + s->left < want)
                return -EBADMSG;
        memmove(s->buffer, s->buffer + s->at, kept);
        r = swb_patch_stream_read(&s->patch, s->buffer + kept, more);
        if (r < 0)
                return r;
        s->left -= (uint32_t)more;
        s->at = 0;
        s->n = kept + more;
        return 0;
}

static inline int ready(struct source *s, size_t want)
{
        return s->n - s->at >= want ? 0 : refill(s, want);
}

static int take(struct source *s, uint8_t *data, size_t n)
{
        while (n > 0) {
                int r = ready(s, 1);
                size_t piece;

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

static int take_byte(struct source *s, uint8_t *ret)
{
        int r = ready(s, 1);

        if (r == 0)
                *ret = s->buffer[s->at++];
        return r;
}

/* As in PF-82, but of at most 32 bits. */
static int take_number(struct source *s, uint32_t *ret)
{
        uint64_t value = 0;

        for (unsigned i = 0; i < NUMBER_BYTES_MAX; i++) {
                uint8_t byte = 0;
                int r = take_byte(s, &byte);

                if (r < 0)
                        return r;
                value |= (uint64_t)(byte & 0x7f) << 7 * i;
                if (byte < 0x80) {
                        *ret = (uint32_t)value;
                        return value <= UINT32_MAX ? 0 : -EBADMSG;
                }
        }
        return -EBADMSG;
}

/* ---- the target ---- */

static int flush(struct unsplit *u)
{
        int r = u->n_out > 0 ? u->write(u->context, u->out, u->n_out) : 0;

        u->n_made += u->n_out;
        u->n_out = 0;
        return r;
}

/* Room for `want` (at most OUT_BYTES) bytes at out + n_out. */
static inline int room(struct unsplit *u, size_t want)
{
        return OUT_BYTES - u->n_out >= want ? 0 : flush(u);
}

static uint64_t position(const struct unsplit *u)
{
        return u->n_made + u->n_out;
}

static int put(struct unsplit *u, const uint8_t *data, size_t n)
{
        while (n > 0) {
                size_t piece;
                int r = room(u, 1);

                if (r < 0)
                        return r;
                piece = SWB_MIN(n, OUT_BYTES - u->n_out);
                memcpy(u->out + u->n_out, data, piece);
                u->n_out += piece;
                data += piece;
                n -= piece;
        }
        return 0;
}

static int move_plain(struct unsplit *u, struct source *s, size_t n)
{
        while (n > 0) {
                size_t piece;
                int r = ready(s, 1);

                if (r < 0)
                        return r;
                piece = SWB_MIN(n, s->n - s->at);
                r = put(u, s->buffer + s->at, piece);
                if (r < 0)
                        return r;
                s->at += piece;
                n -= piece;
        }
        return 0;
}

/* ---- kinds of regions ---- */

/* `behind`: the target's position behind the operand. */
static int put_operand(struct unsplit *u, struct source *s, uint64_t behind)
{
        uint8_t raw[4];
        uint32_t value;
        int r = take(s, raw, sizeof(raw));

        if (r < 0)
                return r;
        value = swb_get_be32(raw);
        if (swb_x86_is_near(value))
                value = swb_x86_fold(value - (uint32_t)behind);
        swb_put_le32(u->out + u->n_out, value);
        u->n_out += 4;
        return 0;
}

/* One byte, or one instruction's first bytes with its operand. */
static int step_x86(struct unsplit *u, struct source *s, size_t *n)
{
        unsigned stream = 0, n_opcode;
        const uint8_t *code;
        int r = ready(s, 1);

        if (r == 0)
                r = room(u, 6);
        if (r == 0 && *n >= 6 && swb_x86_classes[s->buffer[s->at]] >= SWB_X86_TWO_BYTES)
                r = ready(s, 2);
        if (r < 0)
                return r;
        code = s->buffer + s->at;
        n_opcode = swb_x86_match(code[0], s->n - s->at > 1 ? code[1] : 0, *n, &stream);
        memcpy(u->out + u->n_out, code, n_opcode == 2 ? 2 : 1);
        s->at += n_opcode == 2 ? 2 : 1;
        u->n_out += n_opcode == 2 ? 2 : 1;
        *n -= n_opcode > 0 ? n_opcode + 4 : 1;
        return n_opcode > 0 ? put_operand(u, s + stream, position(u) + 4) : 0;
}

static int make_x86(struct unsplit *u, const struct region *region)
{
        struct source *s = &u->sources[region->stream];
        size_t n = region->n;
        int r = 0;

        while (n > 0 && r == 0) {
                /* Most bytes begin nothing: quickly past them. */
                while (n > 0 && s->at < s->n && u->n_out < OUT_BYTES &&
                       swb_x86_classes[s->buffer[s->at]] == SWB_X86_OTHER) {
                        u->out[u->n_out++] = s->buffer[s->at++];
                        n--;
                }
                if (n > 0)
                        r = step_x86(u, s, &n);
        }
        return r;
}

struct layout {
        uint32_t n_fields;
        uint8_t fields[SWB_SPLIT_FIELDS_MAX]; /* width, and SWB_SPLIT_DELTA */
        size_t n_record;
};

static unsigned width_of(uint8_t field)
{
        return field & (SWB_SPLIT_DELTA - 1);
}

static int take_layout(struct unsplit *u, struct layout *layout)
{
        int r = take_number(&u->sources[0], &layout->n_fields);

        if (r == 0 && (layout->n_fields == 0 || layout->n_fields > SWB_SPLIT_FIELDS_MAX))
                return -EBADMSG;
        layout->n_record = 0;
        for (uint32_t i = 0; i < layout->n_fields && r == 0; i++) {
                unsigned width;

                r = take_byte(&u->sources[0], &layout->fields[i]);
                if (r < 0)
                        break;
                width = width_of(layout->fields[i]);
                if (width != 1 && width != 2 && width != 4 && width != 8)
                        return -EBADMSG;
                layout->n_record += width;
        }
        return r;
}

static void undo_columns(const uint8_t *columns, uint8_t *records, size_t n, size_t n_record)
{
        size_t count = n / n_record;

        for (size_t c = 0; c < n_record; c++)
                for (size_t i = 0; i < count; i++)
                        records[i * n_record + c] = *columns++;
}

/* Adds up one field of all records; sums lose what does not fit the field. */
static void undo_delta(uint8_t *field, unsigned width, size_t n_record, size_t count)
{
        uint64_t sum = 0;

        for (size_t i = 0; i < count; i++, field += n_record) {
                uint64_t value = 0;

                for (unsigned k = 0; k < width; k++)
                        value |= (uint64_t)field[k] << 8 * k;
                sum += value;
                for (unsigned k = 0; k < width; k++)
                        field[k] = (uint8_t)(sum >> 8 * k);
        }
}

static int make_records(struct unsplit *u, const struct region *region)
{
        struct layout layout;
        size_t offset = 0;
        int r = take_layout(u, &layout);

        if (r < 0)
                return r;
        if (region->n > SWB_SPLIT_RECORDS_MAX)
                return -E2BIG;
        if (region->n % layout.n_record != 0)
                return -EBADMSG;
        if (!u->columns)
                u->columns = malloc(SWB_SPLIT_RECORDS_MAX);
        if (!u->records)
                u->records = malloc(SWB_SPLIT_RECORDS_MAX);
        if (!u->columns || !u->records)
                return -ENOMEM;
        r = take(&u->sources[region->stream], u->columns, region->n);
        if (r < 0)
                return r;
        undo_columns(u->columns, u->records, region->n, layout.n_record);
        for (uint32_t i = 0; i < layout.n_fields; i++) {
                if (layout.fields[i] & SWB_SPLIT_DELTA)
                        undo_delta(u->records + offset, width_of(layout.fields[i]), layout.n_record,
                                   region->n / layout.n_record);
                offset += width_of(layout.fields[i]);
        }
        return put(u, u->records, region->n);
}

/* Moves the bytes that lengthen a length, of which 15 is known. `left`: of the region. */
static int move_length(struct unsplit *u, struct source *tokens, size_t *left, size_t *length)
{
        uint8_t byte = 255;

        while (byte == 255) {
                int r = *left > 0 ? take_byte(tokens, &byte) : -EBADMSG;

                if (r == 0)
                        r = put(u, &byte, 1);
                if (r < 0)
                        return r;
                (*left)--;
                *length += byte;
        }
        return 0;
}

/* The region may end behind a sequence or behind its literals. */
static int move_sequence(struct unsplit *u, struct source *s, size_t *left)
{
        size_t n_literals, n_match = 0;
        uint8_t token;
        int r = take_byte(s, &token);

        if (r == 0)
                r = put(u, &token, 1);
        if (r < 0)
                return r;
        (*left)--;
        n_literals = token >> 4;
        if (n_literals == 15)
                r = move_length(u, s, left, &n_literals);
        if (r == 0)
                r = n_literals <= *left ? move_plain(u, s + 1, n_literals) : -EBADMSG;
        if (r < 0)
                return r;
        *left -= n_literals;
        if (*left == 0)
                return 0;
        r = *left >= 2 ? move_plain(u, s + 2, 2) : -EBADMSG;
        if (r < 0)
                return r;
        *left -= 2;
        return (token & 15) == 15 ? move_length(u, s, left, &n_match) : 0;
}

static int make_lz4(struct unsplit *u, const struct region *region)
{
        size_t left = region->n;
        int r = 0;

        while (left > 0 && r == 0)
                r = move_sequence(u, &u->sources[region->stream], &left);
        return r;
}

/* ---- the whole ---- */

/* Streams from `region->stream` on that its kind takes; 0 = no such kind. */
static uint32_t streams_of(const struct region *region)
{
        switch (region->kind) {
        case SWB_SPLIT_PLAIN:
        case SWB_SPLIT_RECORDS:
                return 1;
        case SWB_SPLIT_X86:
                return SWB_SPLIT_X86_STREAMS;
        case SWB_SPLIT_LZ4:
                return SWB_SPLIT_LZ4_STREAMS;
        default:
                return 0;
        }
}

static int take_region(struct unsplit *u, struct region *region)
{
        struct source *control = &u->sources[0];
        int r = take_number(control, &region->kind);

        if (r == 0)
                r = take_number(control, &region->stream);
        if (r == 0)
                r = take_number(control, &region->n);
        if (r < 0)
                return r;
        if (streams_of(region) == 0 || region->stream == 0 || region->stream >= u->n_sources ||
            streams_of(region) > u->n_sources - region->stream || region->n == 0 ||
            region->n > u->n_target - position(u))
                return -EBADMSG;
        return 0;
}

static int make_region(struct unsplit *u)
{
        struct region region;
        int r = take_region(u, &region);

        if (r < 0)
                return r;
        switch ((enum swb_split_kind)region.kind) {
        case SWB_SPLIT_PLAIN:
                return move_plain(u, &u->sources[region.stream], region.n);
        case SWB_SPLIT_X86:
                return make_x86(u, &region);
        case SWB_SPLIT_RECORDS:
                return make_records(u, &region);
        case SWB_SPLIT_LZ4:
                return make_lz4(u, &region);
        }
        return -EBADMSG;
}

static int finish(struct unsplit *u)
{
        int r = flush(u);

        for (size_t i = 0; i < u->n_sources && r == 0; i++) {
                struct source *s = &u->sources[i];

                r = s->left > 0 || s->at < s->n ? -EBADMSG : swb_patch_stream_finish(&s->patch);
        }
        return r;
}

/* Coding, packed size and size of one stream. `n_packed`: of all before it. */
static int open_source(struct source *s, const uint8_t *entry, struct swb_cursor *packed)
{
        static const enum swb_codec codecs[] = {[SWB_SPLIT_NONE] = SWB_CODEC_NONE,
                                                [SWB_SPLIT_XZ] = SWB_CODEC_XZ,
                                                [SWB_SPLIT_ZSTD] = SWB_CODEC_ZSTD};
        uint32_t n_packed = swb_get_le32(entry + 1);

        if (entry[0] >= SWB_ELEMENTS(codecs))
                return -EBADMSG;
        s->left = swb_get_le32(entry + 5);
        s->buffer = malloc(STREAM_BUFFER_BYTES);
        if (!s->buffer)
                return -ENOMEM;
        return swb_patch_stream_open(&s->patch, codecs[entry[0]], packed, n_packed,
                                     SWB_MIN(s->left, SWB_SPLIT_WINDOW_BYTES) +
                                             BESIDE_WINDOW_BYTES);
}

/* All sizes are right before the first decoder is made. */
static int check_sizes(const uint8_t *entries, size_t n, uint64_t n_packed, uint64_t n_target)
{
        uint64_t packed = 0, made = 0;

        for (size_t i = 0; i < n; i++) {
                packed += swb_get_le32(entries + i * SWB_SPLIT_ENTRY_BYTES + 1);
                made += i > 0 ? swb_get_le32(entries + i * SWB_SPLIT_ENTRY_BYTES + 5) : 0;
        }
        if (packed != n_packed || made != n_target)
                return -EBADMSG;
        return swb_get_le32(entries + 5) > SWB_SPLIT_CONTROL_MAX ? -E2BIG : 0;
}

static int open_sources(struct unsplit *u, const uint8_t *blob, size_t n_blob)
{
        struct swb_cursor c = SWB_CURSOR(blob, n_blob);
        const uint8_t *head = swb_cursor_take(&c, SWB_SPLIT_HEAD_BYTES), *entries;
        int r;

        if (!head || memcmp(head, SWB_SPLIT_MAGIC, 4) != 0 || memcmp(head + 5, "\0\0\0", 3) != 0 ||
            head[4] < 2 || head[4] > SWB_SPLIT_STREAMS_MAX)
                return -EBADMSG;
        entries = swb_cursor_take(&c, head[4] * (size_t)SWB_SPLIT_ENTRY_BYTES);
        if (!entries)
                return -EBADMSG;
        r = check_sizes(entries, head[4], swb_cursor_left(&c), u->n_target);
        for (; u->n_sources < head[4] && r == 0; u->n_sources++)
                r = open_source(&u->sources[u->n_sources],
                                entries + u->n_sources * SWB_SPLIT_ENTRY_BYTES, &c);
        return r;
}

static void unsplit_done(struct unsplit *u)
{
        for (size_t i = 0; i < SWB_SPLIT_STREAMS_MAX; i++) {
                swb_patch_stream_done(&u->sources[i].patch);
                free(u->sources[i].buffer);
        }
        free(u->out);
        free(u->columns);
        free(u->records);
}

int swb_unsplit(const uint8_t *blob, size_t n_blob, uint64_t n_target, swb_split_write write,
                void *context)
{
        _cleanup_(unsplit_done) struct unsplit u = {
                .n_target = n_target, .write = write, .context = context};
        int r;

        if (n_target > SWB_SPLIT_TARGET_MAX)
                return -E2BIG;
        u.out = malloc(OUT_BYTES);
        if (!u.out)
                return -ENOMEM;
        r = open_sources(&u, blob, n_blob);
        while (r == 0 && position(&u) < n_target)
                r = make_region(&u);
        return r < 0 ? r : finish(&u);
}
