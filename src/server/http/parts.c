/* SPDX-License-Identifier: Apache-2.0 */
#include "server/http/parts.h"

#include <inttypes.h>

#include "base/error.h"

#define HEAD_MAX_BYTES 256

size_t swb_parts_parse(const char *header, uint64_t n_file_bytes, struct swb_range *ranges)
{
        size_t n = 0;

        if (!header || strncasecmp(header, "bytes=", 6) != 0 ||
            swb_ranges_parse(header + 6, ranges, SWB_RANGES_MAX, &n) < 0 || n < 2 ||
            ranges[n - 1].end > n_file_bytes)
                return 0;
        return n;
}

/* What stands before part i; before part n: what stands at the end. */
static size_t make_head(const struct swb_parts *p, size_t i, char *head)
{
        int n;

        if (i == p->n)
                n = snprintf(head, HEAD_MAX_BYTES, "\r\n--%s--\r\n", p->boundary);
        else
                n = snprintf(head, HEAD_MAX_BYTES,
                             "\r\n--%s\r\nContent-Type: application/octet-stream\r\n"
                             "Content-Range: bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64 "\r\n\r\n",
                             p->boundary, p->ranges[i].start, p->ranges[i].end - 1,
                             p->n_file_bytes);
        swb_assert(n > 0 && n < HEAD_MAX_BYTES);
        return (size_t)n;
}

static uint64_t data_bytes(const struct swb_parts *p, size_t i)
{
        return i < p->n ? p->ranges[i].end - p->ranges[i].start : 0;
}

uint64_t swb_parts_bytes(const struct swb_parts *parts)
{
        char head[HEAD_MAX_BYTES];
        uint64_t n_bytes = 0;

        for (size_t i = 0; i <= parts->n; i++)
                n_bytes += make_head(parts, i, head) + data_bytes(parts, i);
        return n_bytes;
}

static ssize_t read_data(const struct swb_parts *p, size_t i, uint64_t at, char *data, size_t n)
{
        ssize_t got;

        n = (size_t)SWB_MIN((uint64_t)n, data_bytes(p, i) - at);
        do
                got = pread(p->fd, data, n, (off_t)(p->ranges[i].start + at));
        while (got < 0 && errno == EINTR);
        if (got == 0)
                return -EIO; /* the file was cut */
        return got < 0 ? -errno : got;
}

ssize_t swb_parts_read(const struct swb_parts *parts, uint64_t offset, char *data, size_t n_bytes)
{
        char head[HEAD_MAX_BYTES];

        for (size_t i = 0; i <= parts->n; i++) {
                uint64_t n_head = make_head(parts, i, head), n_data = data_bytes(parts, i);

                if (offset < n_head) {
                        size_t n = (size_t)SWB_MIN((uint64_t)n_bytes, n_head - offset);

                        memcpy(data, head + offset, n);
                        return (ssize_t)n;
                }
                offset -= n_head;
                if (offset < n_data)
                        return read_data(parts, i, offset, data, n_bytes);
                offset -= n_data;
        }
        return -EINVAL;
}
