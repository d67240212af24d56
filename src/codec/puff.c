/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/puff.h"

#include "base/endian.h"
#include "codec/huffman.h"
#include "codec/puff_format.h"

#define CHUNK_BYTES 4096u

struct swb_puffer {
        swb_puff_read read;
        void *context;
        uint64_t next_byte, end_byte; /* to be read; behind the last one */
        uint64_t n_left;              /* bits not yet taken */
        uint64_t end_bit;
        uint64_t hold; /* the next bits, lowest first */
        unsigned n_hold;
        size_t pos, n_chunk;
        uint8_t chunk[CHUNK_BYTES];
        struct swb_huffman_decoder literals, distances;
        unsigned end_length; /* of the word for a block's end */
        bool is_portable;
        int failed; /* by the reader */
};

/* Where the puff goes. A run of literals begins with its length, known only when it ends. */
struct puff {
        uint8_t *out;
        size_t n, n_room;
        size_t run_at, n_run; /* the run's head, and its literals so far */
};

int swb_puffer_new(struct swb_puffer **ret)
{
        struct swb_puffer *puffer = calloc(1, sizeof(*puffer));

        if (!puffer)
                return -ENOMEM;
        *ret = puffer;
        return 0;
}

struct swb_puffer *swb_puffer_free(struct swb_puffer *puffer)
{
        free(puffer);
        return NULL;
}

/* ---- bits ---- */

static int read_chunk(struct swb_puffer *p)
{
        size_t n = (size_t)SWB_MIN(p->end_byte - p->next_byte, (uint64_t)CHUNK_BYTES);
        int r = p->read(p->context, p->next_byte, p->chunk, n);

        if (r < 0) {
                p->failed = r;
                return r;
        }
        p->next_byte += n;
        p->n_chunk = n;
        p->pos = 0;
        return 0;
}

/* At least 48 bits in `hold`, or all that there are. */
static void fill(struct swb_puffer *p)
{
        while (p->n_hold <= 56) {
                if (p->pos == p->n_chunk &&
                    (p->next_byte == p->end_byte || p->failed || read_chunk(p) < 0))
                        return;
                p->hold |= (uint64_t)p->chunk[p->pos++] << p->n_hold;
                p->n_hold += 8;
        }
}

static int drop(struct swb_puffer *p, unsigned n)
{
        if (p->failed)
                return p->failed;
        if (n > p->n_left || n > p->n_hold)
                return -EBADMSG;
        p->hold >>= n;
        p->n_hold -= n;
        p->n_left -= n;
        return 0;
}

/* n is 0 to 16. */
static int take_bits(struct swb_puffer *p, unsigned n, unsigned *ret)
{
        fill(p);
        *ret = (unsigned)(p->hold & ((1u << n) - 1));
        return drop(p, n);
}

static int take_symbol(struct swb_puffer *p, const struct swb_huffman_decoder *code, unsigned *ret)
{
        uint16_t entry;

        fill(p);
        entry = code->entries[p->hold & ((1u << code->n_bits) - 1)];
        if (entry == 0)
                return p->failed ? p->failed : -EBADMSG;
        *ret = entry >> 4;
        return drop(p, entry & 15);
}

void swb_puffer_open(struct swb_puffer *p, swb_puff_read read, void *context, uint64_t start_bit,
                     uint64_t end_bit)
{
        unsigned skip = start_bit % 8;

        p->read = read;
        p->context = context;
        p->next_byte = start_bit / 8;
        p->end_byte = (end_bit + 7) / 8;
        p->end_bit = end_bit;
        p->n_left = end_bit - start_bit + skip;
        p->hold = p->n_hold = 0;
        p->pos = p->n_chunk = 0;
        p->failed = 0;
        fill(p);
        (void)drop(p, skip); /* if there is nothing to read, the first block will tell */
}

uint64_t swb_puffer_bit(const struct swb_puffer *p)
{
        return p->end_bit - p->n_left;
}

/* ---- the puff ---- */

static int put(struct puff *puff, const uint8_t *data, size_t n)
{
        if (n > puff->n_room - puff->n)
                return -ENOBUFS;
        memcpy(puff->out + puff->n, data, n);
        puff->n += n;
        return 0;
}

static void end_run(struct puff *puff)
{
        uint8_t *head = puff->out + puff->run_at;

        if (puff->n_run == 0)
                return;
        if (puff->n_run <= SWB_PUFF_SHORT_RUN) {
                head[0] = (uint8_t)(puff->n_run - 1);
        } else {
                head[0] = SWB_PUFF_LONG;
                swb_put_be16(head + 1, (uint16_t)(puff->n_run - SWB_PUFF_SHORT_RUN - 1));
        }
        puff->n_run = 0;
}

static int put_literal(struct puff *puff, uint8_t literal)
{
        static const uint8_t room[2];

        if (puff->n_run == 0) {
                puff->run_at = puff->n;
                if (put(puff, room, 1) < 0)
                        return -ENOBUFS;
        } else if (puff->n_run == SWB_PUFF_SHORT_RUN) { /* its head grows by two bytes */
                if (put(puff, room, 2) < 0)
                        return -ENOBUFS;
                memmove(puff->out + puff->run_at + 3, puff->out + puff->run_at + 1, puff->n_run);
        }
        if (put(puff, &literal, 1) < 0)
                return -ENOBUFS;
        if (++puff->n_run == SWB_PUFF_LONG_RUN)
                end_run(puff);
        return 0;
}

static int put_copy(struct puff *puff, unsigned length, unsigned distance)
{
        uint8_t raw[4];
        size_t n = 0;

        end_run(puff);
        if (length < SWB_PUFF_LONG_COPY) {
                raw[n++] = (uint8_t)(SWB_PUFF_COPY | (length - SWB_PUFF_COPY_MIN));
        } else {
                raw[n++] = SWB_PUFF_COPY | SWB_PUFF_LONG;
                raw[n++] = (uint8_t)(length - SWB_PUFF_LONG_COPY);
        }
        swb_put_be16(raw + n, (uint16_t)(distance - 1));
        return put(puff, raw, n + 2);
}

static int put_end(struct puff *puff)
{
        static const uint8_t end[] = {SWB_PUFF_COPY | SWB_PUFF_LONG, SWB_PUFF_END};

        end_run(puff);
        return put(puff, end, sizeof(end));
}

static int put_head(struct puff *puff, const uint8_t *head, size_t n)
{
        uint8_t raw[2];
        int r;

        swb_put_be16(raw, (uint16_t)(n - 1));
        r = put(puff, raw, sizeof(raw));
        return r < 0 ? r : put(puff, head, n);
}

/* ---- blocks ---- */

static int stored_block(struct swb_puffer *p, struct puff *puff, uint8_t head)
{
        unsigned padding, length = 0, complement = 0;
        unsigned n_padding = (unsigned)((8 - swb_puffer_bit(p) % 8) % 8);
        int r = take_bits(p, n_padding, &padding);

        if (r == 0)
                r = take_bits(p, 16, &length);
        if (r == 0)
                r = take_bits(p, 16, &complement);
        if (r < 0)
                return r;
        if ((length ^ complement) != 0xffff || padding > SWB_PUFF_PADDING_MASK)
                return -EBADMSG;
        head |= (uint8_t)padding;
        r = put_head(puff, &head, 1);
        for (; r == 0 && length > 0; length--) {
                unsigned byte;

                r = take_bits(p, 8, &byte);
                if (r == 0)
                        r = put_literal(puff, (uint8_t)byte);
        }
        return r < 0 ? r : put_end(puff);
}

/* The lengths of the words of both codes, as the block writes them, and as the puff does. */
static int read_lengths(struct swb_puffer *p, const struct swb_huffman_decoder *code, size_t n,
                        uint8_t *lengths, uint8_t *head, size_t *n_head)
{
        for (size_t i = 0; i < n;) {
                const struct swb_puff_repeat *repeat;
                unsigned symbol, extra;
                int r = take_symbol(p, code, &symbol);

                if (r < 0)
                        return r;
                if (symbol < 16) {
                        lengths[i++] = head[(*n_head)++] = (uint8_t)symbol;
                        continue;
                }
                repeat = &swb_puff_repeats[symbol - 16];
                r = take_bits(p, repeat->n_bits, &extra);
                if (r < 0)
                        return r;
                head[(*n_head)++] = (uint8_t)(repeat->first + extra);
                extra += repeat->least;
                if (extra > n - i || (symbol == 16 && i == 0))
                        return -EBADMSG;
                memset(lengths + i, symbol == 16 ? lengths[i - 1] : 0, extra);
                i += extra;
        }
        return 0;
}

/* The head's first bytes and the code in which the rest is written. */
static int read_counts(struct swb_puffer *p, uint8_t *head, size_t *n_head, unsigned *counts)
{
        static const uint8_t bits[3] = {5, 5, 4};
        uint8_t lengths[SWB_DEFLATE_LENGTHS] = {0};
        unsigned n_codes, length;
        int r = 0;

        for (size_t i = 0; i < 3 && r == 0; i++) {
                r = take_bits(p, bits[i], &counts[i]);
                head[(*n_head)++] = (uint8_t)counts[i];
        }
        if (r < 0)
                return r;
        n_codes = counts[2] + 4;
        for (unsigned i = 0; i < n_codes; i++) {
                r = take_bits(p, 3, &length);
                if (r < 0)
                        return r;
                lengths[swb_deflate_order[i]] = (uint8_t)length;
                if (i % 2 == 0)
                        head[(*n_head)++] = (uint8_t)(length << 4);
                else
                        head[*n_head - 1] |= (uint8_t)length;
        }
        return swb_huffman_decoder_init(&p->literals, lengths, sizeof(lengths));
}

static int dynamic_codes(struct swb_puffer *p, struct puff *puff, uint8_t first)
{
        uint8_t head[SWB_PUFF_HEAD_MAX] = {first};
        uint8_t lengths[SWB_DEFLATE_LITERALS + SWB_DEFLATE_DISTANCES];
        unsigned counts[3], n_literals, n_distances;
        size_t n_head = 1;
        int r = read_counts(p, head, &n_head, counts);

        if (r < 0)
                return r;
        n_literals = counts[0] + 257;
        n_distances = counts[1] + 1;
        if (n_literals > SWB_DEFLATE_LITERALS || n_distances > SWB_DEFLATE_DISTANCES)
                return -EBADMSG;
        r = read_lengths(p, &p->literals, n_literals + n_distances, lengths, head, &n_head);
        p->end_length = r < 0 ? 0 : lengths[SWB_DEFLATE_END];
        if (r == 0)
                r = swb_huffman_decoder_init(&p->literals, lengths, n_literals);
        if (r == 0)
                r = swb_huffman_decoder_init(&p->distances, lengths + n_literals, n_distances);
        return r < 0 ? r : put_head(puff, head, n_head);
}

static int fixed_codes(struct swb_puffer *p, struct puff *puff, uint8_t head)
{
        uint8_t literals[SWB_HUFFMAN_SYMBOLS], distances[SWB_DEFLATE_DISTANCES];
        int r;

        swb_deflate_fixed_lengths(literals, distances);
        p->end_length = literals[SWB_DEFLATE_END];
        r = swb_huffman_decoder_init(&p->literals, literals, sizeof(literals));
        if (r == 0)
                r = swb_huffman_decoder_init(&p->distances, distances, sizeof(distances));
        return r < 0 ? r : put_head(puff, &head, 1);
}

bool swb_puffer_is_portable(const struct swb_puffer *p)
{
        return p->is_portable;
}

/* Bits that are left up to the last byte's end. */
static bool is_near_end(const struct swb_puffer *p, const struct swb_huffman_decoder *code)
{
        return p->n_left + (8 - p->end_bit % 8) % 8 < code->n_bits;
}

/* A literal, a length or the end. */
static int take_literal(struct swb_puffer *p, unsigned *ret)
{
        bool near = is_near_end(p, &p->literals);
        uint64_t before = p->n_left;
        int r = take_symbol(p, &p->literals, ret);

        if (r == 0 && near && before - p->n_left > p->end_length)
                p->is_portable = false;
        return r;
}

static int read_copy(struct swb_puffer *p, struct puff *puff, unsigned symbol)
{
        unsigned length, distance, extra;
        int r;

        symbol -= SWB_DEFLATE_END + 1;
        if (symbol >= SWB_ELEMENTS(swb_deflate_length_bases))
                return -EBADMSG;
        r = take_bits(p, swb_deflate_length_bits[symbol], &extra);
        if (r < 0)
                return r;
        length = swb_deflate_length_bases[symbol] + extra;
        if (is_near_end(p, &p->distances))
                p->is_portable = false;
        r = take_symbol(p, &p->distances, &symbol);
        if (r == 0)
                r = take_bits(p, swb_deflate_distance_bits[symbol], &extra);
        if (r < 0)
                return r;
        distance = swb_deflate_distance_bases[symbol] + extra;
        return put_copy(puff, length, distance);
}

static int coded_block(struct swb_puffer *p, struct puff *puff)
{
        for (;;) {
                unsigned symbol;
                int r = take_literal(p, &symbol);

                if (r < 0)
                        return r;
                if (symbol < SWB_DEFLATE_END)
                        r = put_literal(puff, (uint8_t)symbol);
                else if (symbol == SWB_DEFLATE_END)
                        return put_end(puff);
                else
                        r = read_copy(p, puff, symbol);
                if (r < 0)
                        return r;
        }
}

int swb_puffer_block(struct swb_puffer *p, uint8_t *out, size_t n_room, size_t *ret_n,
                     bool *ret_is_last)
{
        struct puff puff = {.out = out, .n_room = n_room};
        unsigned is_last, type = 0;
        uint8_t head;
        int r = take_bits(p, 1, &is_last);

        p->is_portable = true;
        if (r == 0)
                r = take_bits(p, 2, &type);
        if (r < 0)
                return r;
        head = (uint8_t)(is_last << 7 | type << 5);
        if (type == SWB_DEFLATE_STORED)
                r = stored_block(p, &puff, head);
        else if (type == SWB_DEFLATE_FIXED)
                r = fixed_codes(p, &puff, head);
        else if (type == SWB_DEFLATE_DYNAMIC)
                r = dynamic_codes(p, &puff, head);
        else
                r = -EBADMSG;
        if (r == 0 && type != SWB_DEFLATE_STORED)
                r = coded_block(p, &puff);
        if (r < 0)
                return r;
        *ret_n = puff.n;
        *ret_is_last = is_last;
        return 0;
}
