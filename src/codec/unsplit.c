/* SPDX-License-Identifier: Apache-2.0 */
#include "base/endian.h"
#include "codec/split_streams.h"

#define OUT_BYTES ((size_t)64 << 10)
#define NUMBER_BYTES_MAX 5
/* Pieces of at least this size go out without a copy. */
#define DIRECT_BYTES ((size_t)16 << 10)
/* The longest opcode with its operand. */
#define INSTRUCTION_BYTES 6u

/* What is left of a stream. */
struct source {
        const uint8_t *at, *end;
};

struct unsplit {
        struct source sources[SWB_SPLIT_STREAMS_MAX];
        size_t n_sources;
        uint64_t n_target, n_made;
        uint8_t *out; /* OUT_BYTES */
        size_t n_out;
        bool has_pairs;
        uint8_t firsts[256], seconds[256];     /* see make_pairs() */
        const struct swb_split_helper *helper; /* NULL: none */
        swb_split_write write;
        void *context;
};

struct region {
        uint32_t kind, stream, n;
};

/* ---- streams ---- */

static size_t left_of(const struct source *s)
{
        return (size_t)(s->end - s->at);
}

/* NULL: the stream has fewer. */
static const uint8_t *take(struct source *s, size_t n)
{
        const uint8_t *data = s->at;

        if (n > left_of(s))
                return NULL;
        s->at += n;
        return data;
}

static int take_byte(struct source *s, uint8_t *ret)
{
        if (s->at == s->end)
                return -EBADMSG;
        *ret = *s->at++;
        return 0;
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

/* All of it at once, past the buffer, if that is worth it. */
static int move_plain(struct unsplit *u, struct source *s, size_t n)
{
        const uint8_t *data = take(s, n);
        int r;

        if (!data)
                return -EBADMSG;
        if (n < DIRECT_BYTES)
                return put(u, data, n);
        r = flush(u);
        if (r < 0)
                return r;
        u->n_made += n;
        return u->write(u->context, data, n);
}

/* ---- kinds of regions ---- */

/* `behind`: the target's position behind the operand. */
static int make_operand(struct source *s, uint64_t behind, uint8_t *out)
{
        const uint8_t *raw = take(s, 4);
        uint32_t value;

        if (!raw)
                return -EBADMSG;
        value = swb_get_be32(raw);
        if (swb_x86_is_near(value))
                value = swb_x86_fold(value - (uint32_t)behind);
        swb_put_le32(out, value);
        return 0;
}

/* One byte, or one instruction's first bytes with its operand. There is room for it, and *n of the
 * region are left. */
static int step_x86(struct unsplit *u, struct source *s, size_t *n)
{
        size_t had = left_of(s);
        unsigned stream = 0, n_opcode, n_code;
        int r = 0;

        if (had == 0 ||
            (had == 1 && *n >= INSTRUCTION_BYTES && swb_x86_classes[s->at[0]] >= SWB_X86_TWO_BYTES))
                return -EBADMSG;
        n_opcode = swb_x86_match(s->at[0], had > 1 ? s->at[1] : 0, *n, &stream);
        n_code = n_opcode == 2 ? 2 : 1;
        memcpy(u->out + u->n_out, s->at, n_code);
        s->at += n_code;
        u->n_out += n_code;
        *n -= n_code;
        if (n_opcode > 0) {
                r = make_operand(s + stream, position(u) + 4, u->out + u->n_out);
                u->n_out += 4;
                *n -= 4;
        }
        return r;
}

/* Which pairs of bytes begin an instruction with an operand: those whose two entries have a bit in
 * common. One branch a byte, which nearly always goes the same way. */
static void make_pairs(struct unsplit *u)
{
        static const uint8_t bits[] = {[SWB_X86_OTHER] = 0,
                                       [SWB_X86_CALL] = 1,
                                       [SWB_X86_JUMP] = 1,
                                       [SWB_X86_TWO_BYTES] = 2,
                                       [SWB_X86_MODRM] = 4};

        for (unsigned i = 0; i < 256; i++) {
                unsigned stream;

                u->firsts[i] = bits[swb_x86_classes[i]];
                u->seconds[i] = 1;
                if (swb_x86_match(0x0f, (uint8_t)i, INSTRUCTION_BYTES, &stream) > 0)
                        u->seconds[i] |= 2;
                if (swb_x86_match(0x8b, (uint8_t)i, INSTRUCTION_BYTES, &stream) > 0)
                        u->seconds[i] |= 4;
        }
        u->has_pairs = true;
}

/* Quickly past bytes that begin nothing, as far as there are whole instructions and pairs. */
static void skip_x86(struct unsplit *u, struct source *s, size_t *n)
{
        size_t pairs = left_of(s) > 0 ? left_of(s) - 1 : 0;
        size_t whole = *n > INSTRUCTION_BYTES ? *n - INSTRUCTION_BYTES : 0;
        const uint8_t *in = s->at;
        const uint8_t *const end = in + SWB_MIN(SWB_MIN(whole, pairs), OUT_BYTES - u->n_out);
        uint8_t *out = u->out + u->n_out;

        while (in < end && !(u->firsts[in[0]] & u->seconds[in[1]]))
                *out++ = *in++;
        *n -= (size_t)(in - s->at);
        u->n_out += (size_t)(in - s->at);
        s->at = in;
}

static int make_x86(struct unsplit *u, const struct region *region)
{
        struct source *s = &u->sources[region->stream];
        size_t n = region->n;
        int r = 0;

        if (!u->has_pairs)
                make_pairs(u);
        while (n > 0 && r == 0) {
                skip_x86(u, s, &n);
                r = room(u, INSTRUCTION_BYTES);
                if (r == 0)
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

/* Of a region: byte c of record i is at columns[c * count + i]. */
struct table {
        const uint8_t *columns;
        size_t count, n_record;
};

/* One field of n records from record `first` on. *sum: of those before; NULL: no difference.
 * `width` is a constant wherever this is called. */
static inline __attribute__((always_inline)) void make_field(const struct table *table,
                                                             size_t first, size_t n, unsigned width,
                                                             uint64_t *sum, uint8_t *out)
{
        const uint8_t *column = table->columns + first;
        uint64_t total = sum ? *sum : 0;

        for (size_t i = 0; i < n; i++, column++, out += table->n_record) {
                uint64_t value = 0;

                for (unsigned k = 0; k < width; k++)
                        value |= (uint64_t)column[k * table->count] << 8 * k;
                if (sum)
                        value = total += value;
                for (unsigned k = 0; k < width; k++)
                        out[k] = (uint8_t)(value >> 8 * k);
        }
        if (sum)
                *sum = total;
}

static void make_field_of(const struct table *table, size_t first, size_t n, unsigned width,
                          uint64_t *sum, uint8_t *out)
{
        if (width == 8)
                make_field(table, first, n, 8, sum, out);
        else if (width == 4)
                make_field(table, first, n, 4, sum, out);
        else if (width == 2)
                make_field(table, first, n, 2, sum, out);
        else
                make_field(table, first, n, 1, sum, out);
}

/* As many records at once as the buffer takes. */
static int make_table(struct unsplit *u, struct table table, const struct layout *layout)
{
        uint64_t sums[SWB_SPLIT_FIELDS_MAX] = {0};
        const uint8_t *const columns = table.columns;
        size_t n;

        for (size_t done = 0; done < table.count; done += n) {
                size_t offset = 0;
                int r = room(u, OUT_BYTES / 4);

                if (r < 0)
                        return r;
                n = SWB_MIN(table.count - done, OUT_BYTES / 4 / table.n_record);
                for (uint32_t i = 0; i < layout->n_fields; i++) {
                        unsigned width = width_of(layout->fields[i]);
                        bool is_delta = layout->fields[i] & SWB_SPLIT_DELTA;

                        table.columns = columns + offset * table.count;
                        make_field_of(&table, done, n, width, is_delta ? &sums[i] : NULL,
                                      u->out + u->n_out + offset);
                        offset += width;
                }
                u->n_out += n * table.n_record;
        }
        return 0;
}

static int make_records(struct unsplit *u, const struct region *region)
{
        struct layout layout;
        struct table table;
        int r = take_layout(u, &layout);

        if (r < 0)
                return r;
        if (region->n > SWB_SPLIT_RECORDS_MAX)
                return -E2BIG;
        if (region->n % layout.n_record != 0)
                return -EBADMSG;
        table = (struct table){.columns = take(&u->sources[region->stream], region->n),
                               .count = region->n / layout.n_record,
                               .n_record = layout.n_record};
        return table.columns ? make_table(u, table, &layout) : -EBADMSG;
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
        for (size_t i = 0; i < u->n_sources; i++)
                if (left_of(&u->sources[i]) > 0)
                        return -EBADMSG;
        return flush(u);
}

/* One after the other in `room`. */
static int decode_sources(struct unsplit *u, const uint8_t *entries, unsigned n,
                          struct swb_cursor *c, uint8_t *room)
{
        struct swb_split_packed streams[SWB_SPLIT_STREAMS_MAX];

        for (unsigned i = 0; i < n; i++) {
                struct swb_split_packed *p = &streams[i];
                int r = swb_split_packed_find(p, entries + i * SWB_SPLIT_ENTRY_BYTES, c, room);

                if (r < 0)
                        return r;
                room += p->n;
                u->sources[i] = (struct source){p->room, room};
        }
        u->n_sources = n;
        return swb_split_decode(streams, n, u->helper);
}

/* All sizes are right before any of them is used. Return: bytes of all streams; or negative. */
static int64_t check_sizes(const uint8_t *entries, size_t n, uint64_t n_packed, uint64_t n_target)
{
        uint64_t packed = 0, made = 0;

        for (size_t i = 0; i < n; i++) {
                packed += swb_get_le32(entries + i * SWB_SPLIT_ENTRY_BYTES + 1);
                made += i > 0 ? swb_get_le32(entries + i * SWB_SPLIT_ENTRY_BYTES + 5) : 0;
        }
        if (packed != n_packed || made != n_target)
                return -EBADMSG;
        if (swb_get_le32(entries + 5) > SWB_SPLIT_CONTROL_MAX)
                return -E2BIG;
        return (int64_t)(n_target + swb_get_le32(entries + 5));
}

static int open_sources(struct unsplit *u, const uint8_t *blob, size_t n_blob, struct swb_buf *work)
{
        struct swb_cursor c = SWB_CURSOR(blob, n_blob);
        const uint8_t *head = swb_cursor_take(&c, SWB_SPLIT_HEAD_BYTES), *entries;
        int64_t n_all;
        int r;

        if (!head || memcmp(head, SWB_SPLIT_MAGIC, 4) != 0 || memcmp(head + 5, "\0\0\0", 3) != 0 ||
            head[4] < 2 || head[4] > SWB_SPLIT_STREAMS_MAX)
                return -EBADMSG;
        entries = swb_cursor_take(&c, head[4] * (size_t)SWB_SPLIT_ENTRY_BYTES);
        if (!entries)
                return -EBADMSG;
        n_all = check_sizes(entries, head[4], swb_cursor_left(&c), u->n_target);
        if (n_all < 0)
                return (int)n_all;
        swb_buf_reset(work);
        r = swb_buf_reserve(work, OUT_BYTES + (size_t)n_all);
        if (r < 0)
                return r;
        u->out = work->data;
        return decode_sources(u, entries, head[4], &c, work->data + OUT_BYTES);
}

int swb_unsplit_helped(const uint8_t *blob, size_t n_blob, uint64_t n_target, struct swb_buf *work,
                       const struct swb_split_helper *helper, swb_split_write write, void *context)
{
        struct unsplit u = {
                .n_target = n_target, .helper = helper, .write = write, .context = context};
        int r;

        if (n_target > SWB_SPLIT_TARGET_MAX)
                return -E2BIG;
        r = open_sources(&u, blob, n_blob, work);
        while (r == 0 && position(&u) < n_target)
                r = make_region(&u);
        return r < 0 ? r : finish(&u);
}

int swb_unsplit(const uint8_t *blob, size_t n_blob, uint64_t n_target, struct swb_buf *work,
                swb_split_write write, void *context)
{
        return swb_unsplit_helped(blob, n_blob, n_target, work, NULL, write, context);
}
