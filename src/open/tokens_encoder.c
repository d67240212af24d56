/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A DEFLATE stream from its content and corrections: whatever made it. Nothing is held back but a
 * window of the content.
 */
#include <string.h>

#include "open/libraries.h"
#include "open/tokens.h"

#define BUFFER_BYTES ((size_t)3 * SWB_TOKEN_WINDOW)
#define OUT_BYTES ((size_t)16 << 10)
#define OUT_MARGIN 64u /* bytes of what is put between two looks for room */
#define ADLER_BASE 65521u

struct closing {
        struct swb_encoder_job job;
        struct swb_token_model model;
        struct swb_token_block block;
        struct swb_huffman_encoder literals, distances, order;
        bool in_block, is_done;
        uint32_t left; /* of the block */
        /* Tokens that wait for the block's codes. */
        bool are_held;
        uint32_t n_held;
        uint16_t held_distances[SWB_TOKEN_CODES_AFTER]; /* 0: a literal */
        uint8_t held_values[SWB_TOKEN_CODES_AFTER];     /* it, or the length less 3 */
        uint32_t adler_low, adler_high;
        uint64_t bits; /* not yet written */
        unsigned n_bits;
        size_t n_buffered, n_out;
        uint8_t buffer[BUFFER_BYTES]; /* the content from model.base on */
        uint8_t out[OUT_BYTES];
};

/* ---- bits */

static int flush_out(struct closing *z)
{
        int r = z->n_out > 0 ? z->job.write(z->job.context, z->out, z->n_out) : 0;

        z->n_out = 0;
        return r;
}

static int make_room(struct closing *z)
{
        return z->n_out + OUT_MARGIN > OUT_BYTES ? flush_out(z) : 0;
}

static void put_bits(struct closing *z, uint32_t value, unsigned n)
{
        z->bits |= (uint64_t)value << z->n_bits;
        z->n_bits += n;
        while (z->n_bits >= 8) {
                z->out[z->n_out++] = (uint8_t)z->bits;
                z->bits >>= 8;
                z->n_bits -= 8;
        }
}

static void fill_byte(struct closing *z)
{
        put_bits(z, 0, (8 - z->n_bits % 8) % 8);
}

/* A symbol that has no word. */
static int put_word(struct closing *z, const struct swb_huffman_encoder *code, unsigned symbol)
{
        if (code->lengths[symbol] == 0)
                return -EBADMSG;
        put_bits(z, code->words[symbol], code->lengths[symbol]);
        return 0;
}

/* ---- blocks */

static int put_use(struct closing *z, const struct swb_token_use *use)
{
        int r = make_room(z);

        if (r >= 0)
                r = put_word(z, &z->order, use->symbol);
        if (r >= 0 && use->symbol >= 16)
                put_bits(z, use->extra, swb_token_use_bits[use->symbol - 16]);
        return r;
}

static int put_codes(struct closing *z)
{
        const struct swb_token_block *block = &z->block;
        uint8_t order[SWB_DEFLATE_LENGTHS];
        int r;

        for (unsigned i = 0; i < SWB_DEFLATE_LENGTHS; i++)
                order[swb_deflate_order[i]] = block->order[i];
        r = swb_huffman_encoder_init(&z->order, order, SWB_DEFLATE_LENGTHS);
        if (r < 0)
                return r;
        put_bits(z, block->n_literals - 257, 5);
        put_bits(z, block->n_distances - 1, 5);
        put_bits(z, block->n_order - 4, 4);
        for (unsigned i = 0; i < block->n_order; i++)
                put_bits(z, block->order[i], 3);
        for (unsigned i = 0; i < block->n_uses && r >= 0; i++)
                r = put_use(z, &block->uses[i]);
        return r;
}

static int set_codes(struct closing *z)
{
        const struct swb_token_block *block = &z->block;
        uint8_t literals[SWB_HUFFMAN_SYMBOLS], distances[SWB_DEFLATE_DISTANCES];
        size_t n_literals = SWB_HUFFMAN_SYMBOLS, n_distances = SWB_DEFLATE_DISTANCES;
        int r;

        if (block->type == SWB_DEFLATE_FIXED) {
                swb_deflate_fixed_lengths(literals, distances);
        } else {
                n_literals = block->n_literals;
                n_distances = block->n_distances;
                memcpy(literals, block->lengths, n_literals);
                memcpy(distances, block->lengths + n_literals, n_distances);
        }
        r = swb_huffman_encoder_init(&z->literals, literals, n_literals);
        return r < 0 ? r : swb_huffman_encoder_init(&z->distances, distances, n_distances);
}

static int begin_block(struct closing *z)
{
        struct swb_token_block *block = &z->block;
        int r = swb_token_model_block(&z->model, block);

        if (r >= 0)
                r = make_room(z);
        if (r < 0)
                return r;
        z->in_block = true;
        z->left = block->n;
        put_bits(z, (uint32_t)block->type << 1 | block->is_last, 3);
        if (block->type == SWB_DEFLATE_STORED) {
                fill_byte(z);
                put_bits(z, block->n, 16);
                put_bits(z, ~block->n & 0xffff, 16);
                return 0;
        }
        z->are_held = block->type == SWB_DEFLATE_DYNAMIC;
        z->n_held = 0;
        return z->are_held ? 0 : set_codes(z);
}

static int end_block(struct closing *z)
{
        int r = make_room(z);

        z->in_block = false;
        z->is_done = z->block.is_last;
        if (r < 0 || z->block.type == SWB_DEFLATE_STORED)
                return r;
        return put_word(z, &z->literals, SWB_DEFLATE_END);
}

/* ---- what lies in them */

static int put_copy(struct closing *z, unsigned distance, unsigned length)
{
        unsigned symbol = swb_length_symbol(length);
        int r = put_word(z, &z->literals, SWB_DEFLATE_END + 1 + symbol);

        if (r < 0)
                return r;
        put_bits(z, length - swb_deflate_length_bases[symbol], swb_deflate_length_bits[symbol]);
        symbol = swb_distance_symbol(distance);
        r = put_word(z, &z->distances, symbol);
        put_bits(z, distance - swb_deflate_distance_bases[symbol],
                 swb_deflate_distance_bits[symbol]);
        return r;
}

/* value: a literal, or a copy's length less 3. */
static int put_token(struct closing *z, unsigned distance, uint8_t value)
{
        int r = make_room(z);

        if (r < 0)
                return r;
        return distance > 0 ? put_copy(z, distance, value + SWB_TOKEN_COPY_MIN)
                            : put_word(z, &z->literals, value);
}

/* Those that waited. */
static int put_held(struct closing *z)
{
        int r = swb_token_model_codes(&z->model, &z->block);

        z->are_held = false;
        if (r >= 0)
                r = make_room(z);
        if (r >= 0)
                r = put_codes(z);
        if (r >= 0)
                r = set_codes(z);
        for (uint32_t i = 0; i < z->n_held && r >= 0; i++)
                r = put_token(z, z->held_distances[i], z->held_values[i]);
        return r;
}

static int next_token(struct closing *z)
{
        uint8_t value = z->buffer[z->model.at - z->model.base];
        struct swb_token token = {0};
        int r = swb_token_model_token(&z->model, &token);

        if (r < 0)
                return r;
        z->left--;
        if (token.length > 0)
                value = (uint8_t)(token.length - SWB_TOKEN_COPY_MIN);
        if (!z->are_held)
                return put_token(z, token.distance, value);
        z->held_distances[z->n_held] = token.distance;
        z->held_values[z->n_held++] = value;
        return 0;
}

static int put_stored(struct closing *z, uint32_t n)
{
        const uint8_t *data = z->buffer + (z->model.at - z->model.base);
        int r = flush_out(z);

        if (r >= 0)
                r = swb_token_model_skip(&z->model, n);
        z->left -= n;
        return r < 0 ? r : z->job.write(z->job.context, data, n);
}

static size_t ahead(const struct closing *z)
{
        return z->n_buffered - (size_t)(z->model.at - z->model.base);
}

/* One step, for which there are SWB_TOKEN_AHEAD bytes, or all. */
static int step(struct closing *z)
{
        uint32_t n = (uint32_t)SWB_MIN(ahead(z), (size_t)SWB_MIN(z->left, SWB_TOKEN_COPY_MAX));

        if (!z->in_block)
                return begin_block(z);
        if (z->are_held && (z->left == 0 || z->n_held == SWB_TOKEN_CODES_AFTER))
                return put_held(z);
        if (z->left == 0)
                return end_block(z);
        if (n == 0)
                return -EBADMSG; /* more tokens than content */
        return z->block.type == SWB_DEFLATE_STORED ? put_stored(z, n) : next_token(z);
}

static int run(struct closing *z, size_t least)
{
        int r = 0;

        while (!z->is_done && ahead(z) >= least && r >= 0)
                r = step(z);
        return r;
}

/* ---- the encoder */

static uint64_t memory_of(const struct swb_setting *setting, uint64_t n_opened, uint64_t n_encoded)
{
        (void)setting, (void)n_opened, (void)n_encoded;
        return sizeof(struct closing) + ((uint64_t)16 << 10);
}

static int open_closing(const struct swb_encoder_job *job, void **ret_state)
{
        const uint32_t *p = job->setting->parameters;
        struct closing *z;

        if (job->n_opened > SWB_TOKENS_MAX_BYTES)
                return -E2BIG;
        z = calloc(1, sizeof(*z));
        if (!z)
                return -ENOMEM;
        z->job = *job;
        z->adler_low = 1;
        swb_token_model_init(&z->model, p, job->n_opened);
        z->model.data = z->buffer;
        swb_bit_coder_read(&z->model.coder, job->corrections, job->n_corrections);
        if (job->setting->packing == SWB_PACKING_ZLIB)
                put_bits(z, p[SWB_TOKEN_HEAD] >> 8 | (p[SWB_TOKEN_HEAD] & 0xff) << 8, 16);
        *ret_state = z;
        return 0;
}

static void add_to_sum(struct closing *z, const uint8_t *data, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                z->adler_low += data[i];
                z->adler_low -= z->adler_low >= ADLER_BASE ? ADLER_BASE : 0;
                z->adler_high += z->adler_low;
                z->adler_high -= z->adler_high >= ADLER_BASE ? ADLER_BASE : 0;
        }
}

/* What is farther back than a copy can reach goes. */
static void move_window(struct closing *z)
{
        size_t at = (size_t)(z->model.at - z->model.base);
        size_t n = at > SWB_TOKEN_WINDOW ? at - SWB_TOKEN_WINDOW : 0;

        memmove(z->buffer, z->buffer + n, z->n_buffered - n);
        z->n_buffered -= n;
        z->model.base += n;
}

static int put(void *state, const uint8_t *data, size_t n)
{
        struct closing *z = state;
        int r = 0;

        if (z->job.setting->packing == SWB_PACKING_ZLIB)
                add_to_sum(z, data, n);
        while (n > 0 && r >= 0) {
                size_t part;

                if (z->n_buffered == BUFFER_BYTES)
                        move_window(z);
                part = SWB_MIN(n, BUFFER_BYTES - z->n_buffered);
                if (part == 0)
                        return -EBADMSG; /* more content than tokens */
                memcpy(z->buffer + z->n_buffered, data, part);
                z->n_buffered += part;
                data += part;
                n -= part;
                r = run(z, SWB_TOKEN_AHEAD);
        }
        return r;
}

static int finish(void *state)
{
        struct closing *z = state;
        int r = run(z, 0);

        if (r >= 0)
                r = make_room(z);
        if (r < 0)
                return r;
        if (ahead(z) > 0)
                return -EBADMSG;
        fill_byte(z);
        if (z->job.setting->packing == SWB_PACKING_ZLIB)
                for (unsigned i = 0; i < 2; i++) {
                        uint32_t sum = i == 0 ? z->adler_high : z->adler_low;

                        put_bits(z, sum >> 8 | (sum & 0xff) << 8, 16);
                }
        r = flush_out(z);
        return r < 0 ? r : swb_bit_coder_finish(&z->model.coder);
}

const struct swb_encoder_ops *swb_tokens_encoder(void)
{
        static const struct swb_encoder_ops ops = {memory_of, open_closing, put, finish, free};

        return &ops;
}
