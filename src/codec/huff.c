/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/huff.h"

#include "base/endian.h"
#include "base/error.h"
#include "codec/huffman.h"
#include "codec/puff_format.h"

#define BUFFER_BYTES ((size_t)64 << 10)

enum state {
        HEAD_SIZE, /* two bytes: size of the block's head */
        HEAD,      /* `n_left` bytes */
        TOKEN,     /* one byte */
        LONG_RUN,  /* two bytes of length */
        RUN,       /* `n_left` literals */
        LONG_COPY, /* one byte of length */
        DISTANCE,  /* two bytes */
};

struct swb_huffer {
        swb_huff_write write;
        void *context;
        uint64_t n_written; /* bytes given to `write` */
        uint64_t hold;      /* bits that are no byte yet, lowest first */
        unsigned n_hold;
        size_t fill;
        uint8_t buffer[BUFFER_BYTES];

        enum state state;
        bool is_stored; /* the block: one run or none, no copies */
        bool had_run;
        unsigned length; /* of the copy */
        size_t n_left;
        uint8_t raw[SWB_PUFF_HEAD_MAX]; /* what was gathered in this state */
        size_t n_raw;
        struct swb_huffman_encoder literals, distances;
        uint8_t copy_symbols[SWB_PUFF_COPY_MAX + 1]; /* by length */
};

int swb_huffer_new(swb_huff_write write, void *context, struct swb_huffer **ret)
{
        struct swb_huffer *h = calloc(1, sizeof(*h));

        if (!h)
                return -ENOMEM;
        h->write = write;
        h->context = context;
        for (unsigned i = 0, length = SWB_PUFF_COPY_MIN; length <= SWB_PUFF_COPY_MAX; length++) {
                while (i + 1 < SWB_ELEMENTS(swb_deflate_length_bases) &&
                       swb_deflate_length_bases[i + 1] <= length)
                        i++;
                h->copy_symbols[length] = (uint8_t)i;
        }
        *ret = h;
        return 0;
}

struct swb_huffer *swb_huffer_free(struct swb_huffer *h)
{
        free(h);
        return NULL;
}

uint64_t swb_huffer_bit(const struct swb_huffer *h)
{
        return (h->n_written + h->fill) * 8 + h->n_hold;
}

bool swb_huffer_is_between_blocks(const struct swb_huffer *h)
{
        return h->state == HEAD_SIZE && h->n_raw == 0;
}

/* ---- bits ---- */

static int flush(struct swb_huffer *h)
{
        int r = h->fill > 0 ? h->write(h->context, h->buffer, h->fill) : 0;

        if (r < 0)
                return r;
        h->n_written += h->fill;
        h->fill = 0;
        return 0;
}

/* n is 0 to 16. */
static int put_bits(struct swb_huffer *h, unsigned n, unsigned bits)
{
        h->hold |= (uint64_t)bits << h->n_hold;
        h->n_hold += n;
        while (h->n_hold >= 8) {
                if (h->fill == BUFFER_BYTES) {
                        int r = flush(h);

                        if (r < 0)
                                return r;
                }
                h->buffer[h->fill++] = (uint8_t)h->hold;
                h->hold >>= 8;
                h->n_hold -= 8;
        }
        return 0;
}

static int put_symbol(struct swb_huffer *h, const struct swb_huffman_encoder *code, unsigned symbol)
{
        if (code->lengths[symbol] == 0)
                return -EBADMSG;
        return put_bits(h, code->lengths[symbol], code->words[symbol]);
}

int swb_huffer_put_bits(struct swb_huffer *h, unsigned n, uint8_t bits)
{
        swb_assert(n >= 1 && n <= 8);
        if (!swb_huffer_is_between_blocks(h) || bits >> n != 0)
                return -EBADMSG;
        return put_bits(h, n, bits);
}

int swb_huffer_put_bytes(struct swb_huffer *h, const uint8_t *data, size_t n)
{
        swb_assert(h->n_hold == 0);
        if (!swb_huffer_is_between_blocks(h))
                return -EBADMSG;
        while (n > 0) {
                size_t piece;
                int r = h->fill == BUFFER_BYTES ? flush(h) : 0;

                if (r < 0)
                        return r;
                piece = SWB_MIN(n, BUFFER_BYTES - h->fill);
                memcpy(h->buffer + h->fill, data, piece);
                h->fill += piece;
                data += piece;
                n -= piece;
        }
        return 0;
}

int swb_huffer_finish(struct swb_huffer *h)
{
        if (!swb_huffer_is_between_blocks(h) || h->n_hold != 0)
                return -EBADMSG;
        return flush(h);
}

/* ---- a block's head ---- */

static int put_repeat(struct swb_huffer *h, const struct swb_huffman_encoder *code, uint8_t byte,
                      uint8_t *lengths, size_t n_left, size_t *i)
{
        unsigned symbol = byte < swb_puff_repeats[1].first   ? 16
                          : byte < swb_puff_repeats[2].first ? 17
                                                             : 18;
        const struct swb_puff_repeat *repeat = &swb_puff_repeats[symbol - 16];
        unsigned extra = byte - repeat->first, n = repeat->least + extra;
        int r;

        if (n > n_left || (symbol == 16 && *i == 0))
                return -EBADMSG;
        memset(lengths + *i, symbol == 16 ? lengths[*i - 1] : 0, n);
        *i += n;
        r = put_symbol(h, code, symbol);
        return r < 0 ? r : put_bits(h, repeat->n_bits, extra);
}

/* The lengths of both codes' words, from exactly n_raw bytes. */
static int put_lengths(struct swb_huffer *h, const struct swb_huffman_encoder *code,
                       const uint8_t *raw, size_t n_raw, uint8_t *lengths, size_t n)
{
        size_t i = 0, used = 0;

        while (i < n) {
                uint8_t byte;
                int r;

                if (used == n_raw)
                        return -EBADMSG;
                byte = raw[used++];
                if (byte > SWB_PUFF_REPEAT_MAX)
                        return -EBADMSG;
                if (byte < 16) {
                        lengths[i++] = byte;
                        r = put_symbol(h, code, byte);
                } else {
                        r = put_repeat(h, code, byte, lengths, n - i, &i);
                }
                if (r < 0)
                        return r;
        }
        return used == n_raw ? 0 : -EBADMSG;
}

/* The three counts and the code in which the lengths are written. *used: bytes taken. */
static int put_counts(struct swb_huffer *h, const uint8_t *raw, size_t n_raw, size_t *used,
                      struct swb_huffman_encoder *ret_code)
{
        uint8_t lengths[SWB_DEFLATE_LENGTHS] = {0};
        size_t n_codes;
        int r;

        if (n_raw < 3 || raw[0] + 257 > SWB_DEFLATE_LITERALS ||
            raw[1] + 1 > SWB_DEFLATE_DISTANCES || raw[2] + 4 > SWB_DEFLATE_LENGTHS)
                return -EBADMSG;
        n_codes = raw[2] + 4u;
        *used = 3 + (n_codes + 1) / 2;
        if (*used > n_raw)
                return -EBADMSG;
        r = put_bits(h, 14, raw[0] | (unsigned)raw[1] << 5 | (unsigned)raw[2] << 10);
        for (size_t i = 0; i < n_codes && r == 0; i++) {
                uint8_t pair = raw[3 + i / 2];
                uint8_t length = i % 2 == 0 ? pair >> 4 : pair & 15;

                if (length > 7)
                        return -EBADMSG;
                lengths[swb_deflate_order[i]] = length;
                r = put_bits(h, 3, length);
        }
        if (n_codes % 2 == 1 && (raw[*used - 1] & 15) != 0)
                return -EBADMSG;
        return r < 0 ? r : swb_huffman_encoder_init(ret_code, lengths, sizeof(lengths));
}

static int dynamic_head(struct swb_huffer *h, const uint8_t *raw, size_t n_raw)
{
        uint8_t lengths[SWB_DEFLATE_LITERALS + SWB_DEFLATE_DISTANCES];
        struct swb_huffman_encoder code;
        size_t used, n_literals, n_distances;
        int r = put_counts(h, raw, n_raw, &used, &code);

        if (r < 0)
                return r;
        n_literals = raw[0] + 257u;
        n_distances = raw[1] + 1u;
        r = put_lengths(h, &code, raw + used, n_raw - used, lengths, n_literals + n_distances);
        if (r == 0)
                r = swb_huffman_encoder_init(&h->literals, lengths, n_literals);
        return r < 0 ? r
                     : swb_huffman_encoder_init(&h->distances, lengths + n_literals, n_distances);
}

static int fixed_head(struct swb_huffer *h)
{
        uint8_t literals[SWB_HUFFMAN_SYMBOLS], distances[SWB_DEFLATE_DISTANCES];
        int r;

        swb_deflate_fixed_lengths(literals, distances);
        r = swb_huffman_encoder_init(&h->literals, literals, sizeof(literals));
        return r < 0 ? r : swb_huffman_encoder_init(&h->distances, distances, sizeof(distances));
}

/* What fills up the byte before the length of a stored block. */
static int put_padding(struct swb_huffer *h, uint8_t padding)
{
        unsigned n = (8 - h->n_hold) % 8;

        return padding >> n != 0 ? -EBADMSG : put_bits(h, n, padding);
}

static int take_head(struct swb_huffer *h)
{
        uint8_t first = h->raw[0], padding = first & SWB_PUFF_PADDING_MASK;
        unsigned type = first >> 5 & 3;
        int r = put_bits(h, 3, first >> 7 | type << 1);

        h->is_stored = type == SWB_DEFLATE_STORED;
        h->had_run = false;
        h->state = TOKEN;
        if (r < 0)
                return r;
        if (type == SWB_DEFLATE_DYNAMIC && padding == 0)
                return dynamic_head(h, h->raw + 1, h->n_raw - 1);
        if (h->n_raw != 1)
                return -EBADMSG;
        if (h->is_stored)
                return put_padding(h, padding);
        return type == SWB_DEFLATE_FIXED && padding == 0 ? fixed_head(h) : -EBADMSG;
}

/* ---- tokens ---- */

static int put_stored_length(struct swb_huffer *h, unsigned n)
{
        int r = n > SWB_PUFF_STORED_MAX ? -EBADMSG : put_bits(h, 16, n);

        return r < 0 ? r : put_bits(h, 16, n ^ 0xffff);
}

static int start_run(struct swb_huffer *h, unsigned n)
{
        if (h->is_stored && h->had_run)
                return -EBADMSG;
        h->had_run = true;
        h->n_left = n;
        h->state = RUN;
        return h->is_stored ? put_stored_length(h, n) : 0;
}

static int end_block(struct swb_huffer *h)
{
        h->state = HEAD_SIZE;
        if (!h->is_stored)
                return put_symbol(h, &h->literals, SWB_DEFLATE_END);
        return h->had_run ? 0 : put_stored_length(h, 0);
}

static int take_token(struct swb_huffer *h)
{
        uint8_t token = h->raw[0];

        if (token & SWB_PUFF_COPY) {
                h->length = (token & ~SWB_PUFF_COPY) + SWB_PUFF_COPY_MIN;
                h->state = (token & ~SWB_PUFF_COPY) == SWB_PUFF_LONG ? LONG_COPY : DISTANCE;
                return h->is_stored && h->state == DISTANCE ? -EBADMSG : 0;
        }
        if (token != SWB_PUFF_LONG)
                return start_run(h, token + 1u);
        h->state = LONG_RUN;
        return 0;
}

static int take_distance(struct swb_huffer *h)
{
        unsigned distance = swb_get_be16(h->raw) + 1u, symbol = h->copy_symbols[h->length];
        unsigned i = 0;
        int r;

        h->state = TOKEN;
        if (distance > 32768)
                return -EBADMSG;
        r = put_symbol(h, &h->literals, SWB_DEFLATE_END + 1 + symbol);
        if (r == 0)
                r = put_bits(h, swb_deflate_length_bits[symbol],
                             h->length - swb_deflate_length_bases[symbol]);
        while (i + 1 < SWB_DEFLATE_DISTANCES && swb_deflate_distance_bases[i + 1] <= distance)
                i++;
        if (r == 0)
                r = put_symbol(h, &h->distances, i);
        return r < 0 ? r
                     : put_bits(h, swb_deflate_distance_bits[i],
                                distance - swb_deflate_distance_bases[i]);
}

static int take_long_copy(struct swb_huffer *h)
{
        if (h->raw[0] == SWB_PUFF_END)
                return end_block(h);
        if (h->is_stored || h->raw[0] > SWB_PUFF_END)
                return -EBADMSG;
        h->length = SWB_PUFF_LONG_COPY + h->raw[0];
        h->state = DISTANCE;
        return 0;
}

static int take_literals(struct swb_huffer *h, const uint8_t *data, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                int r = h->is_stored ? put_bits(h, 8, data[i])
                                     : put_symbol(h, &h->literals, data[i]);

                if (r < 0)
                        return r;
        }
        h->n_left -= n;
        if (h->n_left == 0)
                h->state = TOKEN;
        return 0;
}

/* ---- the whole ---- */

/* How many bytes the state wants before it can be left. */
static size_t wanted(const struct swb_huffer *h)
{
        switch (h->state) {
        case HEAD:
                return h->n_left;
        case HEAD_SIZE:
        case LONG_RUN:
        case DISTANCE:
                return 2;
        case TOKEN:
        case LONG_COPY:
        case RUN:
                return 1;
        }
        return 1;
}

static int take_head_size(struct swb_huffer *h)
{
        h->n_left = swb_get_be16(h->raw) + (size_t)1;
        h->state = HEAD;
        return h->n_left > SWB_PUFF_HEAD_MAX ? -EBADMSG : 0;
}

static int take(struct swb_huffer *h)
{
        switch (h->state) {
        case HEAD_SIZE:
                return take_head_size(h);
        case HEAD:
                return take_head(h);
        case TOKEN:
                return take_token(h);
        case LONG_RUN:
                return start_run(h, swb_get_be16(h->raw) + SWB_PUFF_SHORT_RUN + 1);
        case LONG_COPY:
                return take_long_copy(h);
        case DISTANCE:
                return take_distance(h);
        case RUN:
                break; /* not gathered */
        }
        return -EBADMSG;
}

int swb_huffer_put(struct swb_huffer *h, const uint8_t *data, size_t n)
{
        while (n > 0) {
                size_t piece;
                int r;

                if (h->state == RUN) {
                        piece = SWB_MIN(n, h->n_left);
                        r = take_literals(h, data, piece);
                } else {
                        piece = SWB_MIN(n, wanted(h) - h->n_raw);
                        memcpy(h->raw + h->n_raw, data, piece);
                        h->n_raw += piece;
                        r = h->n_raw == wanted(h) ? take(h) : 1;
                        if (r <= 0)
                                h->n_raw = 0;
                }
                if (r < 0)
                        return r;
                data += piece;
                n -= piece;
        }
        return 0;
}
