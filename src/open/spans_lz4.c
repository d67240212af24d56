/* SPDX-License-Identifier: Apache-2.0 */
#include "open/spans.h"

#include "open/unpack.h"

#define LEGACY_MAGIC 0x184c2102u
#define LEGACY_BLOCK_BYTES ((size_t)8 << 20)
/* What incompressible content may grow to. */
#define LEGACY_ENCODED_MAX (LEGACY_BLOCK_BYTES + LEGACY_BLOCK_BYTES / 255 + 16)

/*
 * `lz4 -l`, which Linux kernels and initrds are packed with: the magic, then blocks of 8 MiB, each
 * behind its size. There is no end mark: whatever does not decode is something else, and a block of
 * less than 8 MiB is the last one.
 */
int64_t swb_spans_lz4_legacy(const uint8_t *data, size_t n, size_t offset, struct swb_spans *spans)
{
        _cleanup_free_ uint8_t *room = NULL;
        size_t at = offset + 4, n_opened = LEGACY_BLOCK_BYTES;
        unsigned group = spans->n_groups;

        if (n - offset < 9 || swb_get_le32(data + offset) != LEGACY_MAGIC)
                return 0;
        room = malloc(LEGACY_BLOCK_BYTES);
        if (!room)
                return -ENOMEM;
        while (n_opened == LEGACY_BLOCK_BYTES && n - at > 4) {
                size_t n_block = swb_get_le32(data + at);
                struct swb_span span = {.offset = at,
                                        .n_encoded = 4 + n_block,
                                        .packing = SWB_PACKING_LZ4_SIZED,
                                        .group = group};

                if (n_block == 0 || n_block > n - at - 4 || n_block > LEGACY_ENCODED_MAX ||
                    swb_unpack_whole_up_to(span.packing, data + span.offset, span.n_encoded, room,
                                           LEGACY_BLOCK_BYTES, &n_opened) < 0 ||
                    n_opened == 0)
                        break;
                span.n_opened = n_opened;
                if (swb_spans_add(spans, &span) < 0)
                        return -ENOMEM;
                at = span.offset + span.n_encoded;
                spans->n_groups = group + 1;
        }
        return spans->n_groups > group ? (int64_t)at : 0;
}

/* ---- frames, as lz4(1) writes them */

#define FRAME_MAGIC 0x184d2204u
#define FRAME_HEAD_BYTES 7u
#define FLAG_CONTENT_SIZE 0x08u
#define FLAG_BLOCK_SUMS 0x10u
#define FLAG_INDEPENDENT 0x20u
#define FLAGS_OTHER 0x03u /* a dictionary */
#define STORED_BLOCK 0x80000000u

/* The size of the frame's head, and of its blocks. 0: none whose blocks stand by themselves. */
static size_t read_frame_head(const uint8_t *p, size_t n, size_t *ret_block)
{
        uint8_t flags, size;

        if (n < FRAME_HEAD_BYTES + 12 || swb_get_le32(p) != FRAME_MAGIC)
                return 0;
        flags = p[4];
        size = p[5] >> 4;
        if (flags >> 6 != 1 || !(flags & FLAG_INDEPENDENT) || flags & FLAGS_OTHER || size < 4 ||
            size > 7)
                return 0;
        *ret_block = (size_t)1 << (8 + 2 * size);
        return FRAME_HEAD_BYTES + (flags & FLAG_CONTENT_SIZE ? 8 : 0);
}

int64_t swb_spans_lz4_frame(const uint8_t *data, size_t n, size_t offset, struct swb_spans *spans)
{
        size_t block, at = read_frame_head(data + offset, n - offset, &block);
        size_t n_sum = at > 0 && data[offset + 4] & FLAG_BLOCK_SUMS ? 4 : 0;
        unsigned group = spans->n_groups;

        if (at == 0)
                return 0;
        at += offset;
        while (n - at > 4 && swb_get_le32(data + at) != 0) {
                uint32_t head = swb_get_le32(data + at);
                size_t n_block = head & ~STORED_BLOCK;
                const struct swb_span span = {.offset = at + 4,
                                              .n_encoded = n_block,
                                              .n_opened = block,
                                              .packing = SWB_PACKING_LZ4,
                                              .group = group};

                if (n_block == 0 || n_block > block || n_block + n_sum > n - at - 4)
                        break;
                if (!(head & STORED_BLOCK) && swb_spans_add(spans, &span) < 0)
                        return -ENOMEM;
                at += 4 + n_block + n_sum;
                spans->n_groups = group + 1;
        }
        return spans->n_groups > group ? (int64_t)at : 0;
}
