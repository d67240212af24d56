/* SPDX-License-Identifier: Apache-2.0 */
#include "open/spans.h"

#include "base/endian.h"
#include "base/grow.h"

#define HASH_FACTOR 0x9e3779b97f4a7c15u

void swb_spans_done(struct swb_spans *spans)
{
        free(spans->items);
        *spans = (struct swb_spans){0};
}

int swb_spans_add(struct swb_spans *spans, const struct swb_span *span)
{
        if (SWB_GROW(spans) < 0)
                return -ENOMEM;
        spans->items[spans->n++] = *span;
        return 0;
}

static int compare_spans(const void *a, const void *b)
{
        const struct swb_span *x = a, *y = b;

        return x->offset < y->offset ? -1 : x->offset > y->offset;
}

void swb_spans_sort(struct swb_spans *spans, size_t first)
{
        size_t n = first, end = 0;

        qsort(spans->items + first, spans->n - first, sizeof(*spans->items), compare_spans);
        for (size_t i = first; i < spans->n; i++) {
                const struct swb_span span = spans->items[i];

                if (span.offset < end)
                        continue;
                spans->items[n++] = span;
                end = span.offset + span.n_encoded;
        }
        spans->n = n;
}

uint64_t swb_spans_hash(uint64_t before, const uint8_t *data, size_t n)
{
        uint64_t hash = (before ^ n) * HASH_FACTOR;
        size_t i = 0;

        for (; n - i >= 8; i += 8)
                hash = (hash ^ swb_get_le64(data + i) ^ hash >> 29) * HASH_FACTOR;
        for (; i < n; i++)
                hash = (hash ^ data[i] ^ hash >> 29) * HASH_FACTOR;
        hash ^= hash >> 32;
        return hash == 0 ? 1 : hash;
}

typedef int64_t (*prober)(const uint8_t *data, size_t n, size_t offset, struct swb_spans *spans);

/* By the first byte of what they look for. */
static prober prober_for(uint8_t first, bool images)
{
        switch (first) {
        case 0x02:
                return swb_spans_lz4_legacy;
        case 0x04:
                return swb_spans_lz4_frame;
        case 'B':
                return swb_spans_bzip2;
        case 0x5d: /* what all presets have */
                return swb_spans_lzma;
        case 0x89:
                return swb_spans_lzop;
        case 'P':
                return swb_spans_zip;
        case 0x78: /* the window of 32 KiB that nearly all have */
                return swb_spans_zlib;
        case 'h':
                return images ? swb_spans_squashfs : NULL;
        case 0xe2:
                return images ? swb_spans_erofs : NULL;
        case 0xfd:
                return swb_spans_xz;
        case 0x28:
                return swb_spans_zstd;
        case 0x1f:
                return swb_spans_gzip;
        default:
                return NULL;
        }
}

int swb_spans_find(const uint8_t *data, size_t n, bool images, struct swb_spans *ret)
{
        size_t offset = 0;

        while (offset < n) {
                prober probe = prober_for(data[offset], images);
                int64_t end = probe ? probe(data, n, offset, ret) : 0;

                if (end < 0)
                        return (int)end;
                offset = end > 0 ? (size_t)end : offset + 1;
        }
        return 0;
}
