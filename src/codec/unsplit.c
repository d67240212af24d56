/* SPDX-License-Identifier: Apache-2.0 */
#include "base/endian.h"
#include "codec/split_streams.h"
#include "codec/unsplit_parts.h"

#define NUMBER_BYTES_MAX 5

/* ---- streams and target ---- */

int swb_unsplit_number(struct swb_unsplit_source *s, uint32_t *ret)
{
        uint64_t value = 0;

        for (unsigned i = 0; i < NUMBER_BYTES_MAX; i++) {
                uint8_t byte = 0;
                int r = swb_unsplit_byte(s, &byte);

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

int swb_unsplit_more_room(struct swb_unsplit *u, size_t want)
{
        swb_unsplit_flush(u);
        return u->output->room(u->output->context, want, &u->out, &u->n_room);
}

int swb_unsplit_move(struct swb_unsplit *u, struct swb_unsplit_source *s, size_t n)
{
        const uint8_t *data = swb_unsplit_take(s, n);

        if (!data)
                return -EBADMSG;
        while (n > 0) {
                size_t piece;
                int r = swb_unsplit_room(u, 1);

                if (r < 0)
                        return r;
                piece = SWB_MIN(n, u->n_room - u->n_out);
                memcpy(u->out + u->n_out, data, piece);
                u->n_out += piece;
                data += piece;
                n -= piece;
        }
        return 0;
}

/* ---- the whole ---- */

/* Streams from `region->stream` on that its kind takes; 0 = no such kind. */
static uint32_t streams_of(const struct swb_unsplit_region *region)
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

static int take_region(struct swb_unsplit *u, struct swb_unsplit_region *region)
{
        struct swb_unsplit_source *control = &u->sources[0];
        int r = swb_unsplit_number(control, &region->kind);

        if (r == 0)
                r = swb_unsplit_number(control, &region->stream);
        if (r == 0)
                r = swb_unsplit_number(control, &region->n);
        if (r < 0)
                return r;
        if (streams_of(region) == 0 || region->stream == 0 || region->stream >= u->n_sources ||
            streams_of(region) > u->n_sources - region->stream || region->n == 0 ||
            region->n > u->n_target - swb_unsplit_position(u))
                return -EBADMSG;
        return 0;
}

static int make_region(struct swb_unsplit *u)
{
        struct swb_unsplit_region region;
        int r = take_region(u, &region);

        if (r < 0)
                return r;
        switch ((enum swb_split_kind)region.kind) {
        case SWB_SPLIT_PLAIN:
                return swb_unsplit_move(u, &u->sources[region.stream], region.n);
        case SWB_SPLIT_X86:
                return swb_unsplit_x86(u, &region);
        case SWB_SPLIT_RECORDS:
                return swb_unsplit_records(u, &region);
        case SWB_SPLIT_LZ4:
                return swb_unsplit_lz4(u, &region);
        }
        return -EBADMSG;
}

static int finish(struct swb_unsplit *u)
{
        for (size_t i = 0; i < u->n_sources; i++)
                if (swb_unsplit_left(&u->sources[i]) > 0)
                        return -EBADMSG;
        swb_unsplit_flush(u);
        return 0;
}

/* One after the other in `room`. */
static int decode_sources(struct swb_unsplit *u, const uint8_t *entries, unsigned n,
                          struct swb_cursor *c, uint8_t *room)
{
        struct swb_split_packed streams[SWB_SPLIT_STREAMS_MAX];

        for (unsigned i = 0; i < n; i++) {
                struct swb_split_packed *p = &streams[i];
                int r = swb_split_packed_find(p, entries + i * SWB_SPLIT_ENTRY_BYTES, c, room);

                if (r < 0)
                        return r;
                room += p->n;
                u->sources[i] = (struct swb_unsplit_source){p->room, room};
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

static int open_sources(struct swb_unsplit *u, const uint8_t *blob, size_t n_blob,
                        struct swb_buf *work)
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
        r = swb_buf_reserve(work, (size_t)n_all);
        return r < 0 ? r : decode_sources(u, entries, head[4], &c, work->data);
}

int swb_unsplit_into(const uint8_t *blob, size_t n_blob, uint64_t n_target, struct swb_buf *work,
                     const struct swb_split_helper *helper, const struct swb_split_output *output)
{
        struct swb_unsplit u = {.n_target = n_target, .helper = helper, .output = output};
        int r;

        if (n_target > SWB_SPLIT_TARGET_MAX)
                return -E2BIG;
        r = open_sources(&u, blob, n_blob, work);
        while (r == 0 && swb_unsplit_position(&u) < n_target)
                r = make_region(&u);
        return r < 0 ? r : finish(&u);
}

/* ---- for whoever wants it in pieces ---- */

struct pieces {
        uint8_t *data; /* SWB_SPLIT_ROOM_BYTES */
        size_t n;
        swb_split_write write;
        void *context;
};

static int give_room(void *context, size_t want _unused_, uint8_t **ret_out, size_t *ret_n)
{
        struct pieces *pieces = context;
        int r = pieces->n > 0 ? pieces->write(pieces->context, pieces->data, pieces->n) : 0;

        pieces->n = 0;
        *ret_out = pieces->data;
        *ret_n = SWB_SPLIT_ROOM_BYTES;
        return r;
}

static void count_made(void *context, size_t n)
{
        struct pieces *pieces = context;

        pieces->n += n;
}

int swb_unsplit(const uint8_t *blob, size_t n_blob, uint64_t n_target, struct swb_buf *work,
                swb_split_write take, void *context)
{
        _cleanup_free_ uint8_t *data = malloc(SWB_SPLIT_ROOM_BYTES);
        struct pieces pieces = {data, 0, take, context};
        const struct swb_split_output output = {&pieces, give_room, count_made};
        int r;

        if (!data)
                return -ENOMEM;
        r = swb_unsplit_into(blob, n_blob, n_target, work, NULL, &output);
        return r == 0 && pieces.n > 0 ? take(context, data, pieces.n) : r;
}
