/* SPDX-License-Identifier: Apache-2.0 */
#include "open/segments.h"

#include <string.h>

#include "base/cursor.h"
#include "base/endian.h"

#define MAGIC "SWDN"
#define HEAD_BYTES 8u
#define ENTRY_BYTES 12u

void swb_segments_done(struct swb_segments *segments)
{
        free(segments->items);
        *segments = (struct swb_segments){0};
}

/* The list, then the differences: all bytes of the target, and of the blob. */
static int read_list(struct swb_cursor *c, uint64_t n_target, struct swb_segments *segments)
{
        for (size_t i = 0; i < segments->n; i++) {
                const uint8_t *entry = swb_cursor_take(c, ENTRY_BYTES);
                struct swb_segment *segment = &segments->items[i];

                if (!entry)
                        return -EBADMSG;
                segment->n_target = swb_get_le64(entry);
                segment->n_bytes = swb_get_le32(entry + 8);
                if (segment->n_target == 0 || segment->n_target > n_target)
                        return -EBADMSG;
                n_target -= segment->n_target;
        }
        for (size_t i = 0; i < segments->n; i++) {
                segments->items[i].data = swb_cursor_take(c, segments->items[i].n_bytes);
                if (!segments->items[i].data)
                        return -EBADMSG;
        }
        return n_target > 0 || swb_cursor_left(c) > 0 ? -EBADMSG : 0;
}

int swb_segments_read(const uint8_t *blob, size_t n_blob, uint64_t n_target,
                      struct swb_segments *ret)
{
        _cleanup_(swb_segments_done) struct swb_segments segments = {.n = 1};
        struct swb_cursor c = SWB_CURSOR(blob, n_blob);
        bool is_list = n_blob >= HEAD_BYTES && memcmp(blob, MAGIC, 4) == 0;
        int r = 0;

        if (is_list)
                segments.n = swb_get_le32(swb_cursor_take(&c, HEAD_BYTES) + 4);
        if (segments.n > SWB_SEGMENTS_MAX)
                return -E2BIG;
        segments.items = calloc(segments.n + 1, sizeof(*segments.items));
        if (!segments.items)
                return -ENOMEM;
        segments.items[0] = (struct swb_segment){blob, n_blob, n_target};
        if (is_list)
                r = read_list(&c, n_target, &segments);
        if (r < 0)
                return r;
        *ret = segments;
        segments = (struct swb_segments){0};
        return 0;
}

int swb_segments_write(const struct swb_segments *segments, struct swb_buf *buf)
{
        uint8_t head[HEAD_BYTES] = MAGIC, entry[ENTRY_BYTES];
        int r = 0;

        if (segments->n > SWB_SEGMENTS_MAX)
                return -E2BIG;
        swb_put_le32(head + 4, (uint32_t)segments->n);
        if (segments->n > 1)
                r = swb_buf_append(buf, head, sizeof(head));
        for (size_t i = 0; i < segments->n && segments->n > 1 && r >= 0; i++) {
                swb_put_le64(entry, segments->items[i].n_target);
                swb_put_le32(entry + 8, (uint32_t)segments->items[i].n_bytes);
                r = swb_buf_append(buf, entry, sizeof(entry));
        }
        for (size_t i = 0; i < segments->n && r >= 0; i++)
                r = swb_buf_append(buf, segments->items[i].data, segments->items[i].n_bytes);
        return r;
}
