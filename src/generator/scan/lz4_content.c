/* SPDX-License-Identifier: Apache-2.0 */
#include "base/endian.h"
#include "generator/scan/examine.h"

#define LZ4_MIN_BYTES 1024u
/* Regions of LZ4 are short, because what a cut leaves of one is not sorted. */
#define LZ4_REGION_BYTES ((size_t)64 << 10)

static int add_lz4_regions(struct swb_content *content, uint64_t start, const uint8_t *data,
                           size_t n)
{
        struct swb_split_region region = {.kind = SWB_SPLIT_LZ4, .stream = SWB_STREAM_LZ4};
        size_t at = 0;
        int r = 0;

        while (at < n && r == 0) {
                region.n_bytes = n - at > LZ4_REGION_BYTES
                                         ? swb_split_lz4_whole(data + at, LZ4_REGION_BYTES)
                                         : n - at;
                if (region.n_bytes == 0)
                        break;
                r = swb_content_add(content, start + at, &region);
                at += region.n_bytes;
        }
        return r;
}

/* One block behind its size. Return: 0 with its size, or with 0 if it is none; IO, NO_MEMORY. */
static int examine_block(struct swb_examine *e, uint64_t start, size_t *ret_n)
{
        _cleanup_free_ uint8_t *data = NULL;
        uint8_t raw[4];
        uint64_t n;
        int r;

        *ret_n = 0;
        if (!swb_examine_is_stored(e, start, sizeof(raw)))
                return 0;
        r = swb_examine_read_stored(e, start, sizeof(raw), raw);
        n = r == 0 ? swb_get_le32(raw) : 0;
        if (n < LZ4_MIN_BYTES || n > SWB_LZ4_BLOCK_MAX ||
            !swb_examine_is_stored(e, start + sizeof(raw), n))
                return r;
        data = malloc((size_t)n);
        if (!data)
                return swb_oom(e->err);
        r = swb_examine_read_stored(e, start + sizeof(raw), (size_t)n, data);
        if (r < 0 || swb_split_lz4_whole(data, (size_t)n) != n)
                return r;
        if (add_lz4_regions(e->content, start + sizeof(raw), data, (size_t)n) < 0)
                return swb_oom(e->err);
        *ret_n = (size_t)n + sizeof(raw);
        return 0;
}

int swb_examine_lz4(struct swb_examine *e, uint64_t start)
{
        size_t n;
        int r;

        do {
                r = examine_block(e, start, &n);
                start += n;
        } while (r == 0 && n > 0);
        return r;
}
