/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/puffdiff.h"

#include "codec/bsdiff.h"
#include "codec/deflate_find.h"
#include "codec/puffpatch.h"

/* A puff has up to 3 bytes for what takes 2 or 3 bits at its shortest; data is not like that. */
#define PUFFED_FACTOR 4u
#define FINDER_BYTES (SWB_PUFF_MAX_BYTES + ((uint64_t)8 << 20))

/* One side: where its blocks are, and its puffed stream. */
struct side {
        struct swb_puff_layout layout;
        struct swb_buf puffed;
};

static void side_done(struct side *side)
{
        swb_puff_layout_done(&side->layout);
        swb_buf_done(&side->puffed);
}

/* Return: 0, 1 when it has no blocks or grows too much, -ENOMEM. */
static int find(struct side *side, const uint8_t *data, size_t n)
{
        int r;

        side->puffed = SWB_BUF_INIT(n * PUFFED_FACTOR);
        r = swb_deflate_find(data, n, &side->layout, &side->puffed);
        if (r == -E2BIG)
                return 1;
        return r < 0 ? r : side->layout.n == 0;
}

int swb_puffdiff(const uint8_t *old, size_t n_old, const uint8_t *new, size_t n_new,
                 struct swb_buf *buf)
{
        _cleanup_(side_done) struct side source = {0}, target = {0};
        size_t before = buf->n_bytes;
        int r = find(&target, new, n_new);

        if (r == 0)
                r = find(&source, old, n_old);
        if (r != 0)
                return r;
        r = swb_puff_header_write(&source.layout, &target.layout, buf);
        if (r == 0)
                r = swb_bsdiff(source.puffed.data, source.puffed.n_bytes, target.puffed.data,
                               target.puffed.n_bytes, SWB_BSDF2, buf);
        if (r < 0)
                buf->n_bytes = before;
        return r;
}

uint64_t swb_puffdiff_memory(uint64_t n_old, uint64_t n_new)
{
        uint64_t old = PUFFED_FACTOR * n_old, new = PUFFED_FACTOR *n_new;

        return old + new + swb_bsdiff_memory(old, new) + FINDER_BYTES;
}
