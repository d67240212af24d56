/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/split_streams.h"

#include <stdatomic.h>

#include "base/endian.h"

#define BESIDE_WINDOW_BYTES ((size_t)1 << 20)
/* An LZMA decoder takes about so many times as long for a byte as one of Zstandard. */
#define XZ_COST 8u

/* Whoever decodes takes the next; `next` is all that the threads share. */
struct decoding {
        struct swb_split_packed *streams;     /* in the blob's order */
        uint8_t order[SWB_SPLIT_STREAMS_MAX]; /* the long ones first */
        unsigned n;
        atomic_uint next;
};

static uint64_t cost_of(const struct swb_split_packed *p)
{
        return (uint64_t)p->n_packed * (p->codec == SWB_CODEC_XZ ? XZ_COST : 1);
}

static void order_streams(struct decoding *d)
{
        for (unsigned i = 0; i < d->n; i++) {
                unsigned at = i;

                for (; at > 0 && cost_of(&d->streams[d->order[at - 1]]) < cost_of(&d->streams[i]);
                     at--)
                        d->order[at] = d->order[at - 1];
                d->order[at] = (uint8_t)i;
        }
}

static void decode_one(struct swb_split_packed *p)
{
        size_t window = SWB_MIN(p->n, SWB_SPLIT_WINDOW_BYTES);

        p->result = p->n == 0 ? 0
                              : swb_decode(p->codec, window + BESIDE_WINDOW_BYTES, p->data,
                                           p->n_packed, p->room, p->n);
}

static void decode_next(void *argument)
{
        struct decoding *d = argument;
        unsigned i;

        while ((i = atomic_fetch_add(&d->next, 1)) < d->n)
                decode_one(&d->streams[d->order[i]]);
}

/* What two at a time have no memory for, one may have. */
int swb_split_decode(struct swb_split_packed *streams, unsigned n,
                     const struct swb_split_helper *helper)
{
        struct decoding d = {.streams = streams, .n = n};

        order_streams(&d);
        atomic_init(&d.next, 0);
        if (helper)
                helper->start(helper->context, decode_next, &d);
        decode_next(&d);
        if (helper)
                helper->wait(helper->context);
        for (unsigned i = 0; i < n; i++) {
                struct swb_split_packed *p = &streams[i];

                if (p->result == -ENOMEM && helper)
                        decode_one(p);
                if (p->result < 0)
                        return p->result;
        }
        return 0;
}

int swb_split_packed_find(struct swb_split_packed *p, const uint8_t *entry, struct swb_cursor *c,
                          uint8_t *room)
{
        static const enum swb_codec codecs[] = {[SWB_SPLIT_NONE] = SWB_CODEC_NONE,
                                                [SWB_SPLIT_XZ] = SWB_CODEC_XZ,
                                                [SWB_SPLIT_ZSTD] = SWB_CODEC_ZSTD};
        uint32_t n_packed = swb_get_le32(entry + 1), n = swb_get_le32(entry + 5);
        const uint8_t *data = swb_cursor_take(c, n_packed);

        if (!data || entry[0] >= SWB_ELEMENTS(codecs) || (n == 0) != (n_packed == 0))
                return -EBADMSG;
        *p = (struct swb_split_packed){codecs[entry[0]], data, n_packed, n, room, 0};
        return 0;
}
