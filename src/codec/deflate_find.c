/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/deflate_find.h"

#include "base/endian.h"
#include "codec/huff.h"
#include "codec/huffman.h"
#include "codec/puff.h"
#include "codec/puffpatch.h"

/* A block costs about 12 bytes in the header, and what is this short has hardly more to give. */
#define BLOCK_MIN_BITS (UINT64_C(64) * 8)
/* A stream that does not end as such (a PNG's goes on in another chunk) must have this much. */
#define STREAM_MIN_BITS (UINT64_C(512) * 8)

#define GZIP_HEAD_BYTES 10u
#define ZIP_HEAD_BYTES 30u
#define ZLIB_HEAD_BYTES 2u

enum { GZIP_CRC = 1 << 1, GZIP_EXTRA = 1 << 2, GZIP_NAME = 1 << 3, GZIP_COMMENT = 1 << 4 };

struct finder {
        const uint8_t *data;
        size_t n;
        struct swb_puffer *puffer;
        uint8_t *puff; /* SWB_PUFF_MAX_BYTES of room */
        struct swb_puff_layout layout;
        size_t cap;
        struct swb_buf *puffed;
        uint64_t bit; /* all before is in `puffed` */
};

/* What a stream began with, to be able to forget it. */
struct mark {
        size_t n_extents, n_puffed;
        uint64_t bit;
};

static void finder_done(struct finder *f)
{
        f->puffer = swb_puffer_free(f->puffer);
        free(f->puff);
        swb_puff_layout_done(&f->layout);
}

static int read_data(void *context, uint64_t offset, uint8_t *data, size_t n)
{
        const struct finder *f = context;

        memcpy(data, f->data + offset, n);
        return 0;
}

/* ---- is it a block? ---- */

struct comparison {
        const uint8_t *data;
        size_t n;
        bool differs;
};

static int compare(void *context, const uint8_t *data, size_t n)
{
        struct comparison *c = context;

        c->differs |= n > c->n || memcmp(c->data, data, SWB_MIN(n, c->n)) != 0;
        n = SWB_MIN(n, c->n);
        c->data += n;
        c->n -= n;
        return 0;
}

/* Bits that are no block's, up to the next byte or the end. */
static int put_bits(struct swb_huffer *huffer, const uint8_t *data, uint64_t bit, uint64_t end)
{
        unsigned n = (unsigned)(end - bit);

        return n == 0 ? 0
                      : swb_huffer_put_bits(huffer, n,
                                            (uint8_t)(data[bit / 8] >> bit % 8 & ((1u << n) - 1)));
}

/* Does the puff give the block's bits back? */
static int huff_and_compare(struct finder *f, uint64_t start, uint64_t end, size_t n_puff,
                            bool *ret_same)
{
        _cleanup_(swb_huffer_freep) struct swb_huffer *huffer = NULL;
        uint64_t first = start / 8 * 8, last = (end + 7) / 8 * 8;
        struct comparison c = {f->data + first / 8, (size_t)(last - first) / 8, false};
        int r = swb_huffer_new(compare, &c, &huffer);

        if (r < 0)
                return r;
        r = put_bits(huffer, f->data, first, start);
        if (r == 0)
                r = swb_huffer_put(huffer, f->puff, n_puff);
        if (r == 0 && first + swb_huffer_bit(huffer) != end)
                r = -EBADMSG;
        if (r == 0)
                r = put_bits(huffer, f->data, end, last);
        if (r == 0)
                r = swb_huffer_finish(huffer);
        *ret_same = r == 0 && !c.differs && c.n == 0;
        return 0;
}

/* The block by itself, as readers will see it: nothing follows. */
static int check_block(struct finder *f, uint64_t start, uint64_t end, size_t *ret_n_puff,
                       bool *ret_good)
{
        bool is_last;
        int r;

        swb_puffer_open(f->puffer, read_data, f, start, end);
        r = swb_puffer_block(f->puffer, f->puff, SWB_PUFF_MAX_BYTES, ret_n_puff, &is_last);
        if (r < 0 || !swb_puffer_is_portable(f->puffer)) {
                *ret_good = false;
                return 0;
        }
        return huff_and_compare(f, start, end, *ret_n_puff, ret_good);
}

/* ---- what was found ---- */

/* The bits from f->bit on, which belong to no block. */
static int add_gap(struct finder *f, uint64_t end)
{
        size_t n = (size_t)swb_puff_gap(f->bit, end), at = f->puffed->n_bytes;
        int r = n > 0 ? swb_buf_append(f->puffed, f->data + f->bit / 8, n) : 0;

        if (r < 0 || n == 0)
                return r;
        if (end % 8 != 0)
                f->puffed->data[at + n - 1] &= (uint8_t)((1u << end % 8) - 1);
        f->puffed->data[at] = (uint8_t)(f->puffed->data[at] >> f->bit % 8);
        f->bit = end;
        return 0;
}

static int add_block(struct finder *f, uint64_t start, uint64_t end, size_t n_puff)
{
        struct swb_puff_layout *layout = &f->layout;
        struct swb_puff_extent *extents;
        size_t cap = SWB_MAX(f->cap * 2, (size_t)64);
        int r;

        if (layout->n == f->cap) {
                extents = reallocarray(layout->extents, cap, sizeof(*extents));
                if (!extents)
                        return -ENOMEM;
                layout->extents = extents;
                f->cap = cap;
        }
        r = add_gap(f, start);
        if (r == 0)
                r = swb_buf_append(f->puffed, f->puff, n_puff);
        if (r < 0)
                return r;
        layout->extents[layout->n++] = (struct swb_puff_extent){
                start, end, f->puffed->n_bytes - n_puff, f->puffed->n_bytes};
        f->bit = end;
        return 0;
}

/* ---- streams ---- */

/* One block of a stream. Return: 1, and where it ends; 0 it is none; < 0. */
static int take_block(struct finder *f, uint64_t start, uint64_t *ret_end, bool *ret_is_last)
{
        size_t n_puff;
        bool is_stored;
        bool is_good = false;
        int r;

        swb_puffer_open(f->puffer, read_data, f, start, (uint64_t)f->n * 8);
        r = swb_puffer_block(f->puffer, f->puff, SWB_PUFF_MAX_BYTES, &n_puff, ret_is_last);
        if (r < 0)
                return 0;
        *ret_end = swb_puffer_bit(f->puffer);
        is_stored = (f->puff[2] >> 5 & 3) == SWB_DEFLATE_STORED; /* PF-73 */
        /* Stored bytes can be compared where they are. */
        if (is_stored || *ret_end - start < BLOCK_MIN_BITS)
                return 1;
        r = check_block(f, start, *ret_end, &n_puff, &is_good);
        if (r == 0 && is_good && f->layout.n < SWB_PUFF_EXTENTS_MAX)
                r = add_block(f, start, *ret_end, n_puff);
        return r < 0 ? r : 1;
}

static struct mark mark(const struct finder *f)
{
        return (struct mark){f->layout.n, f->puffed->n_bytes, f->bit};
}

static void forget(struct finder *f, const struct mark *mark)
{
        f->layout.n = mark->n_extents;
        f->puffed->n_bytes = mark->n_puffed;
        f->bit = mark->bit;
}

/* Return: 0, and how many bytes the stream has that begins here, 0 when it is none. */
static int take_stream(struct finder *f, size_t at, size_t *ret_n)
{
        const struct mark before = mark(f);
        uint64_t start = (uint64_t)at * 8, bit = start, end;
        bool is_last = false;
        int r = 1;

        *ret_n = 0;
        while (!is_last && bit < (uint64_t)f->n * 8) {
                r = take_block(f, bit, &end, &is_last);
                if (r <= 0)
                        break;
                bit = end;
        }
        if (r < 0)
                return r;
        if (is_last || bit - start >= STREAM_MIN_BITS)
                *ret_n = (size_t)((bit + 7) / 8) - at;
        else
                forget(f, &before);
        return 0;
}

/* ---- heads ---- */

static size_t skip_text(const uint8_t *p, size_t n, size_t at)
{
        const uint8_t *end = at < n ? memchr(p + at, '\0', n - at) : NULL;

        return end ? (size_t)(end - p) + 1 : n;
}

/* RFC 1952 */
static size_t gzip_head(const uint8_t *p, size_t n)
{
        size_t at = GZIP_HEAD_BYTES;

        if (n < GZIP_HEAD_BYTES + 2 || p[1] != 0x8b || p[2] != 8 || (p[3] & 0xe0) != 0)
                return 0;
        if (p[3] & GZIP_EXTRA)
                at += 2u + (size_t)(p[10] | p[11] << 8);
        if (p[3] & GZIP_NAME)
                at = skip_text(p, n, at);
        if (p[3] & GZIP_COMMENT)
                at = skip_text(p, n, at);
        if (p[3] & GZIP_CRC)
                at += 2;
        return at < n ? at : 0;
}

static size_t zip_head(const uint8_t *p, size_t n)
{
        size_t at;

        if (n < ZIP_HEAD_BYTES || swb_get_le32(p) != 0x04034b50 || p[8] != 8 || p[9] != 0)
                return 0;
        at = ZIP_HEAD_BYTES + (size_t)(p[26] | p[27] << 8) + (size_t)(p[28] | p[29] << 8);
        return at < n ? at : 0;
}

/* RFC 1950, with the window of 32 KiB that all have */
static size_t zlib_head(const uint8_t *p, size_t n)
{
        if (n <= ZLIB_HEAD_BYTES || p[1] & 0x20 || (p[0] << 8 | p[1]) % 31 != 0)
                return 0;
        return ZLIB_HEAD_BYTES;
}

static size_t head(const uint8_t *p, size_t n)
{
        switch (p[0]) {
        case 0x1f:
                return gzip_head(p, n);
        case 'P':
                return zip_head(p, n);
        case 0x78:
                return zlib_head(p, n);
        default:
                return 0;
        }
}

static int find(struct finder *f)
{
        size_t at = 0;

        while (at + 1 < f->n) {
                size_t n_head = head(f->data + at, f->n - at), n_stream = 0;
                int r = n_head ? take_stream(f, at + n_head, &n_stream) : 0;

                if (r < 0)
                        return r;
                at += n_stream ? n_head + n_stream : 1;
        }
        return add_gap(f, (uint64_t)f->n * 8);
}

int swb_deflate_find(const uint8_t *data, size_t n, struct swb_puff_layout *ret,
                     struct swb_buf *puffed)
{
        _cleanup_(finder_done) struct finder f = {.data = data, .n = n, .puffed = puffed};
        size_t before = puffed->n_bytes;
        int r = swb_puffer_new(&f.puffer);

        if (r < 0)
                return r;
        f.puff = malloc(SWB_PUFF_MAX_BYTES);
        if (!f.puff)
                return -ENOMEM;
        r = find(&f);
        if (r < 0)
                return r;
        f.layout.n_bytes = n;
        f.layout.n_puffed = puffed->n_bytes - before;
        *ret = f.layout;
        f.layout = (struct swb_puff_layout){0};
        return 0;
}
