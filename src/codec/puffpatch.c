/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/puffpatch.h"

#include "codec/huff.h"
#include "codec/puffed_source.h"

struct puffpatch {
        struct swb_puff_header header;
        struct swb_puffed_source *source;
        struct swb_huffer *huffer;
        const struct swb_bspatch_io *io;
        uint64_t n_left; /* bytes of the target */
        size_t index;    /* the target's extent that is being made, or comes next */
        uint64_t offset; /* in the puffed target */
};

static void puffpatch_done(struct puffpatch *p)
{
        swb_puff_header_done(&p->header);
        p->source = swb_puffed_source_free(p->source);
        p->huffer = swb_huffer_free(p->huffer);
}

static int read_source(void *context, uint64_t offset, uint8_t *data, size_t n)
{
        struct puffpatch *p = context;

        return swb_puffed_source_read(p->source, offset, data, n);
}

/* Bits between two extents: the rest of a byte, whole bytes, the beginning of a byte. */
static int put_gap(struct puffpatch *p, uint64_t end_bit, const uint8_t *data, size_t n)
{
        size_t done = 0;

        while (done < n) {
                uint64_t bit = swb_huffer_bit(p->huffer), left = end_bit - bit;
                size_t piece = (size_t)SWB_MIN(left / 8, (uint64_t)(n - done));
                int r;

                if (bit % 8 == 0 && piece > 0) {
                        r = swb_huffer_put_bytes(p->huffer, data + done, piece);
                } else {
                        piece = 1;
                        r = swb_huffer_put_bits(p->huffer, (unsigned)SWB_MIN(left, 8 - bit % 8),
                                                data[done]);
                }
                if (r < 0)
                        return r;
                done += piece;
        }
        return 0;
}

/* A puff's bytes; at its end the bits must be where the layout says. */
static int put_puff(struct puffpatch *p, const struct swb_puff_extent *extent, const uint8_t *data,
                    size_t n)
{
        int r = swb_huffer_put(p->huffer, data, n);

        if (r < 0)
                return r;
        if (swb_huffer_bit(p->huffer) > extent->end_bit)
                return -EBADMSG;
        if (p->offset + n < extent->end)
                return 0;
        p->index++;
        return swb_huffer_bit(p->huffer) == extent->end_bit &&
                               swb_huffer_is_between_blocks(p->huffer)
                       ? 0
                       : -EBADMSG;
}

static int write_target(void *context, const uint8_t *data, size_t n)
{
        struct puffpatch *p = context;
        const struct swb_puff_layout *layout = &p->header.target;

        while (n > 0) {
                bool is_tail = p->index == layout->n;
                const struct swb_puff_extent *extent = is_tail ? NULL : &layout->extents[p->index];
                uint64_t gap_end = is_tail ? layout->n_puffed : extent->start;
                uint64_t end = p->offset < gap_end || is_tail ? gap_end : extent->end;
                size_t piece = (size_t)SWB_MIN((uint64_t)n, end - p->offset);
                int r;

                if (p->offset < gap_end)
                        r = put_gap(p, is_tail ? layout->n_bytes * 8 : extent->start_bit, data,
                                    piece);
                else if (!is_tail)
                        r = put_puff(p, extent, data, piece);
                else
                        return -EBADMSG;
                if (r < 0)
                        return r;
                p->offset += piece;
                data += piece;
                n -= piece;
        }
        return 0;
}

/* Bits come in large pieces, so that those of a block that is too long get here before it ends. */
static int forward(void *context, const uint8_t *data, size_t n)
{
        struct puffpatch *p = context;

        if (n > p->n_left)
                return -EBADMSG;
        p->n_left -= n;
        return p->io->write_target(p->io->context, data, n);
}

int swb_puffpatch(const uint8_t *patch, size_t n_patch, uint64_t n_source, uint64_t n_target,
                  size_t max_memory_bytes, const struct swb_bspatch_io *io)
{
        _cleanup_(puffpatch_done) struct puffpatch p = {.io = io, .n_left = n_target};
        const struct swb_bspatch_io puffed = {&p, read_source, write_target};
        int r = swb_puff_header_read(patch, n_patch, n_source, n_target, &p.header);

        if (r == 0)
                r = swb_puffed_source_new(io->read_source, io->context, &p.header.source,
                                          SWB_PUFF_MAX_BYTES, &p.source);
        if (r == 0)
                r = swb_huffer_new(forward, &p, &p.huffer);
        if (r == 0)
                r = swb_bspatch(patch + p.header.n_bytes, n_patch - p.header.n_bytes,
                                p.header.source.n_puffed, p.header.target.n_puffed,
                                max_memory_bytes, &puffed);
        return r < 0 ? r : swb_huffer_finish(p.huffer);
}
