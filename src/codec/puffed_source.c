/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/puffed_source.h"

#define KEPT_MAX 256u

/* Making the same puffs again and again takes time, but no bytes of a patch: so that is bounded. */
#define WORK_BYTES (UINT64_C(1) << 30)
#define WORK_FACTOR 256u

struct kept {
        size_t extent;
        uint8_t *data; /* owned */
        size_t n;
        uint64_t used_at;
};

struct swb_puffed_source {
        swb_puff_read read;
        void *context;
        const struct swb_puff_layout *layout;
        struct swb_puffer *puffer;
        size_t max_puff_bytes;
        struct kept kept[KEPT_MAX];
        size_t n_kept, kept_bytes;
        uint64_t clock; /* reads so far */
        uint64_t work_left;
};

int swb_puffed_source_new(swb_puff_read read, void *context, const struct swb_puff_layout *layout,
                          size_t max_puff_bytes, struct swb_puffed_source **ret)
{
        _cleanup_(swb_puffed_source_freep) struct swb_puffed_source *source =
                calloc(1, sizeof(*source));
        int r = source ? swb_puffer_new(&source->puffer) : -ENOMEM;

        if (r < 0)
                return r;
        source->read = read;
        source->context = context;
        source->layout = layout;
        source->max_puff_bytes = max_puff_bytes;
        source->work_left = WORK_BYTES + WORK_FACTOR * layout->n_puffed;
        *ret = SWB_TAKE_PTR(source);
        return 0;
}

struct swb_puffed_source *swb_puffed_source_free(struct swb_puffed_source *source)
{
        if (!source)
                return NULL;
        for (size_t i = 0; i < source->n_kept; i++)
                free(source->kept[i].data);
        (void)swb_puffer_free(source->puffer);
        free(source);
        return NULL;
}

/* ---- puffs ---- */

static void drop_oldest(struct swb_puffed_source *s)
{
        size_t oldest = 0;

        for (size_t i = 1; i < s->n_kept; i++)
                if (s->kept[i].used_at < s->kept[oldest].used_at)
                        oldest = i;
        s->kept_bytes -= s->kept[oldest].n;
        free(s->kept[oldest].data);
        s->kept[oldest] = s->kept[--s->n_kept];
}

static int make_puff(struct swb_puffed_source *s, const struct swb_puff_extent *extent,
                     uint8_t *data, size_t n)
{
        size_t done = 0;

        swb_puffer_open(s->puffer, s->read, s->context, extent->start_bit, extent->end_bit);
        while (swb_puffer_bit(s->puffer) < extent->end_bit) {
                size_t made;
                bool is_last;
                int r = swb_puffer_block(s->puffer, data + done, n - done, &made, &is_last);

                if (r < 0)
                        return r == -ENOBUFS ? -EBADMSG : r;
                done += made;
        }
        return done == n ? 0 : -EBADMSG;
}

static int keep_puff(struct swb_puffed_source *s, size_t index, struct kept **ret)
{
        const struct swb_puff_extent *extent = &s->layout->extents[index];
        uint64_t n = extent->end - extent->start;
        uint8_t *data;
        int r;

        if (n > s->max_puff_bytes || n > s->work_left)
                return -E2BIG;
        s->work_left -= n;
        while (s->n_kept == KEPT_MAX ||
               (s->n_kept > 0 && s->kept_bytes + n > 3 * s->max_puff_bytes))
                drop_oldest(s);
        data = malloc((size_t)n);
        if (!data)
                return -ENOMEM;
        r = make_puff(s, extent, data, (size_t)n);
        if (r < 0) {
                free(data);
                return r;
        }
        *ret = &s->kept[s->n_kept++];
        **ret = (struct kept){.extent = index, .data = data, .n = (size_t)n};
        s->kept_bytes += (size_t)n;
        return 0;
}

static int get_puff(struct swb_puffed_source *s, size_t index, struct kept **ret)
{
        int r = 0;

        *ret = NULL;
        for (size_t i = 0; i < s->n_kept && !*ret; i++)
                if (s->kept[i].extent == index)
                        *ret = &s->kept[i];
        if (!*ret)
                r = keep_puff(s, index, ret);
        if (r == 0)
                (*ret)->used_at = ++s->clock;
        return r;
}

/* ---- what lies between them ---- */

/* Bytes of the gap whose first one has its bits from `bit` on, up to `end_bit`. */
static int read_gap(struct swb_puffed_source *s, uint64_t bit, uint64_t end_bit, uint64_t skip,
                    uint8_t *data, size_t n)
{
        uint64_t byte = bit / 8 + skip;
        int r = s->read(s->context, byte, data, n);

        if (r < 0)
                return r;
        if ((byte + n) * 8 > end_bit)
                data[n - 1] &= (uint8_t)((1u << end_bit % 8) - 1);
        if (skip == 0)
                data[0] = (uint8_t)(data[0] >> bit % 8);
        return 0;
}

/* The first extent whose puff ends behind offset; n when there is none. */
static size_t find(const struct swb_puff_layout *layout, uint64_t offset)
{
        size_t low = 0, high = layout->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (layout->extents[middle].end > offset)
                        high = middle;
                else
                        low = middle + 1;
        }
        return low;
}

/* Reads from the gap before extent `index`, or from its puff, up to the end of that. */
static int read_piece(struct swb_puffed_source *s, size_t index, uint64_t offset, uint8_t *data,
                      size_t *n)
{
        const struct swb_puff_layout *layout = s->layout;
        const struct swb_puff_extent *before = index > 0 ? &layout->extents[index - 1] : NULL;
        bool is_tail = index == layout->n;
        uint64_t gap_end = is_tail ? layout->n_puffed : layout->extents[index].start;
        struct kept *kept;
        int r;

        if (offset < gap_end) {
                *n = (size_t)SWB_MIN((uint64_t)*n, gap_end - offset);
                return read_gap(s, before ? before->end_bit : 0,
                                is_tail ? layout->n_bytes * 8 : layout->extents[index].start_bit,
                                offset - (before ? before->end : 0), data, *n);
        }
        if (is_tail)
                return -EBADMSG;
        r = get_puff(s, index, &kept);
        if (r < 0)
                return r;
        offset -= layout->extents[index].start;
        *n = (size_t)SWB_MIN((uint64_t)*n, kept->n - offset);
        memcpy(data, kept->data + offset, *n);
        return 0;
}

int swb_puffed_source_read(struct swb_puffed_source *s, uint64_t offset, uint8_t *data, size_t n)
{
        size_t index = find(s->layout, offset);

        while (n > 0) {
                size_t piece = n;
                int r = read_piece(s, index, offset, data, &piece);

                if (r < 0)
                        return r;
                offset += piece;
                data += piece;
                n -= piece;
                if (index < s->layout->n && offset == s->layout->extents[index].end)
                        index++;
        }
        return 0;
}
