/* SPDX-License-Identifier: Apache-2.0 */
#include "open/tokens_make.h"

#include <limits.h>
#include <string.h>

#include "open/tokens.h"

/* Content that opens to more than so many times the stream is runs, in which costs take long. */
#define RUNS 16u
/* So much of the content decides how hard the model looks. */
#define TRIAL_BYTES ((uint64_t)1 << 20)
/* Twice the work has to save at least one byte in so many. */
#define WORTH 50u
/* Corrections are at most one part in so many of the stream, */
#define SHARE 8u
/* and the beginning of the stream costs some more: nothing is known of it. */
#define LEARNING_BYTES 256u
#define ZLIB_HEAD_BYTES 2u

/* ---- the stream's bits */

struct bits {
        const uint8_t *data;
        uint64_t n, at; /* bits */
};

/* Zeros behind the end. */
static uint32_t peek(const struct bits *bits, unsigned n)
{
        uint64_t first = bits->at >> 3;
        uint64_t value = 0;

        for (unsigned i = 0; i < 5 && first + i < bits->n >> 3; i++)
                value |= (uint64_t)bits->data[first + i] << 8 * i;
        return (uint32_t)(value >> (bits->at & 7)) & ((1u << n) - 1);
}

static uint32_t take(struct bits *bits, unsigned n)
{
        uint32_t value = peek(bits, n);

        bits->at += n;
        return value;
}

/* Return: the symbol, or -EBADMSG. */
static int take_symbol(struct bits *bits, const struct swb_huffman_decoder *code)
{
        uint16_t entry = code->entries[peek(bits, code->n_bits)];

        bits->at += entry & 15;
        return entry == 0 || bits->at > bits->n ? -EBADMSG : entry >> 4;
}

struct parser {
        struct bits bits;
        struct swb_huffman_decoder literals, distances;
        struct swb_token_block block;
        struct swb_token_model model;
};

/* The length that use i stands for, how often; false for what is not possible. */
static bool use_length(const struct swb_token_block *block, unsigned n_done, unsigned i,
                       uint8_t *ret_length, unsigned *ret_n)
{
        const struct swb_token_use *use = &block->uses[i];
        unsigned all = block->n_literals + block->n_distances;

        *ret_n = use->symbol < 16 ? 1 : swb_token_use_least[use->symbol - 16] + use->extra;
        *ret_length = use->symbol < 16 ? use->symbol : 0;
        if (use->symbol == 16 && n_done > 0)
                *ret_length = block->lengths[n_done - 1];
        return *ret_n <= all - n_done && (use->symbol != 16 || n_done > 0);
}

static int read_uses(struct parser *p)
{
        struct swb_token_block *block = &p->block;
        unsigned n_done = 0, n = block->n_literals + block->n_distances;

        for (block->n_uses = 0; n_done < n; block->n_uses++) {
                struct swb_token_use *use = &block->uses[block->n_uses];
                int symbol = take_symbol(&p->bits, &p->literals);
                unsigned n_same;
                uint8_t length;

                if (symbol < 0)
                        return symbol;
                use->symbol = (uint8_t)symbol;
                use->extra = 0;
                if (symbol >= 16)
                        use->extra = (uint8_t)take(&p->bits, swb_token_use_bits[symbol - 16]);
                if (!use_length(block, n_done, block->n_uses, &length, &n_same))
                        return -EBADMSG;
                memset(block->lengths + n_done, length, n_same);
                n_done += n_same;
        }
        return 0;
}

static int read_codes(struct parser *p)
{
        struct swb_token_block *block = &p->block;
        uint8_t order[SWB_DEFLATE_LENGTHS] = {0};
        int r;

        block->n_literals = 257 + take(&p->bits, 5);
        block->n_distances = 1 + take(&p->bits, 5);
        block->n_order = 4 + take(&p->bits, 4);
        if (block->n_literals > SWB_DEFLATE_LITERALS || block->n_distances > SWB_DEFLATE_DISTANCES)
                return -EBADMSG;
        for (unsigned i = 0; i < block->n_order; i++)
                order[swb_deflate_order[i]] = block->order[i] = (uint8_t)take(&p->bits, 3);
        r = swb_huffman_decoder_init(&p->literals, order, SWB_DEFLATE_LENGTHS);
        if (r >= 0)
                r = read_uses(p);
        if (r >= 0)
                r = swb_huffman_decoder_init(&p->literals, block->lengths, block->n_literals);
        return r < 0 ? r
                     : swb_huffman_decoder_init(&p->distances, block->lengths + block->n_literals,
                                                block->n_distances);
}

static int read_fixed(struct parser *p)
{
        uint8_t literals[SWB_HUFFMAN_SYMBOLS], distances[SWB_DEFLATE_DISTANCES];
        int r;

        swb_deflate_fixed_lengths(literals, distances);
        r = swb_huffman_decoder_init(&p->literals, literals, sizeof(literals));
        return r < 0 ? r : swb_huffman_decoder_init(&p->distances, distances, sizeof(distances));
}

/* Return: 1, and 0 at the block's end; -EBADMSG. */
static int read_token(struct parser *p, struct swb_token *token)
{
        int symbol = take_symbol(&p->bits, &p->literals);

        *token = (struct swb_token){0};
        if (symbol <= SWB_DEFLATE_END)
                return symbol < 0 ? symbol : symbol < SWB_DEFLATE_END;
        symbol -= SWB_DEFLATE_END + 1;
        if (symbol >= (int)SWB_ELEMENTS(swb_deflate_length_bases))
                return -EBADMSG;
        token->length = (uint16_t)(swb_deflate_length_bases[symbol] +
                                   take(&p->bits, swb_deflate_length_bits[symbol]));
        symbol = take_symbol(&p->bits, &p->distances);
        if (symbol < 0 || symbol >= SWB_DEFLATE_DISTANCES)
                return -EBADMSG;
        token->distance = (uint16_t)(swb_deflate_distance_bases[symbol] +
                                     take(&p->bits, swb_deflate_distance_bits[symbol]));
        return 1;
}

/* ---- codes */

/* In the stream's order, where there is one. */
static unsigned count_others(const uint8_t *made, const uint8_t *order, const uint8_t *lengths,
                             unsigned n)
{
        unsigned n_others = 0;

        for (unsigned i = 0; i < n; i++)
                n_others += made[order ? order[i] : i] != lengths[i];
        return n_others;
}

/* The way by which most is made. The one before it, and no limit, are the likeliest. */
static void choose_way(struct swb_token_way *way, const uint32_t *counts, unsigned n_symbols,
                       const uint8_t *order, const uint8_t *lengths, unsigned n)
{
        const uint8_t before = way->way;
        uint8_t limits[] = {way->limit, n_symbols > SWB_DEFLATE_LENGTHS ? SWB_HUFFMAN_BITS : 7, 1};
        unsigned least = UINT_MAX;

        for (unsigned i = 0; i < n; i++)
                limits[2] = SWB_MAX(limits[2], lengths[i]);
        for (unsigned i = 0; i < _SWB_CODE_MAX * SWB_ELEMENTS(limits); i++) {
                uint8_t made[SWB_DEFLATE_LITERALS], limit = limits[i % SWB_ELEMENTS(limits)];
                uint8_t this = (uint8_t)((before + i / SWB_ELEMENTS(limits)) % _SWB_CODE_MAX);
                unsigned n_others;

                if (limit == 0)
                        continue;
                swb_code_lengths(this, counts, n_symbols, limit, made);
                n_others = count_others(made, order, lengths, n);
                if (n_others < least) {
                        *way = (struct swb_token_way){this, limit};
                        least = n_others;
                }
                if (least == 0)
                        break;
        }
}

static int tell_codes(struct parser *p)
{
        struct swb_token_block *block = &p->block;
        uint32_t counts[SWB_DEFLATE_LENGTHS];

        if (block->type != SWB_DEFLATE_DYNAMIC)
                return 0;
        choose_way(&block->ways[SWB_TOKEN_LITERALS], p->model.literal_counts, SWB_DEFLATE_LITERALS,
                   NULL, block->lengths, block->n_literals);
        choose_way(&block->ways[SWB_TOKEN_DISTANCES], p->model.distance_counts,
                   SWB_DEFLATE_DISTANCES, NULL, block->lengths + block->n_literals,
                   block->n_distances);
        swb_token_use_counts(block, counts);
        choose_way(&block->ways[SWB_TOKEN_LENGTHS], counts, SWB_DEFLATE_LENGTHS, swb_deflate_order,
                   block->order, block->n_order);
        return swb_token_model_codes(&p->model, block);
}

/* ---- and what the model makes of them */

static int stored_block(struct parser *p)
{
        uint32_t left;
        int r;

        p->bits.at = (p->bits.at + 7) & ~UINT64_C(7);
        p->block.n = left = take(&p->bits, 16);
        (void)take(&p->bits, 16);
        r = swb_token_model_block(&p->model, &p->block);
        while (left > 0 && r >= 0) {
                uint32_t n = SWB_MIN(left, SWB_TOKEN_COPY_MAX);

                r = swb_token_model_skip(&p->model, n);
                p->bits.at += (uint64_t)n * 8;
                left -= n;
        }
        return r;
}

static int coded_block(struct parser *p)
{
        const struct bits begin = p->bits;
        struct swb_token token;
        int r;

        p->block.n = 0;
        while ((r = read_token(p, &token)) > 0)
                p->block.n++;
        p->bits = begin;
        if (r >= 0)
                r = swb_token_model_block(&p->model, &p->block);
        for (uint32_t i = 0; i <= p->block.n && r >= 0; i++) {
                if (i == SWB_MIN(p->block.n, SWB_TOKEN_CODES_AFTER))
                        r = tell_codes(p);
                if (r >= 0)
                        r = read_token(p, &token);
                if (r > 0)
                        r = swb_token_model_token(&p->model, &token);
        }
        return r;
}

static int block(struct parser *p)
{
        int r = 0;

        p->block.is_last = take(&p->bits, 1);
        p->block.type = take(&p->bits, 2);
        switch (p->block.type) {
        case SWB_DEFLATE_STORED:
                return stored_block(p);
        case SWB_DEFLATE_FIXED:
                r = read_fixed(p);
                break;
        case SWB_DEFLATE_DYNAMIC:
                r = read_codes(p);
                break;
        default:
                return -EBADMSG;
        }
        return r < 0 ? r : coded_block(p);
}

/* The blocks that begin before `end`. 0, -EBADMSG, -E2BIG (too much), -ENOMEM. */
static int make(struct parser *p, const struct swb_setting *setting, struct bits bits,
                const uint8_t *opened, size_t n_opened, uint64_t end, struct swb_buf *out)
{
        int r = 0;

        p->bits = bits;
        swb_bit_coder_make(&p->model.coder, out);
        swb_token_model_init(&p->model, setting->parameters, n_opened);
        p->model.data = opened;
        do
                r = block(p);
        while (r >= 0 && !p->block.is_last && p->bits.at <= p->bits.n && p->model.at < end);
        return r < 0 ? r : swb_bit_coder_finish(&p->model.coder);
}

/* Return: 0, or as make(). */
static int try_setting(struct parser *p, const struct swb_setting *setting, struct bits bits,
                       const uint8_t *opened, size_t n_opened, size_t *ret_n)
{
        _cleanup_(swb_buf_done) struct swb_buf out = SWB_BUF_INIT(SIZE_MAX);
        int r = make(p, setting, bits, opened, n_opened, TRIAL_BYTES, &out);

        *ret_n = out.n_bytes;
        return r;
}

/* How did the maker choose, and how hard shall it look? */
static int choose(struct parser *p, struct swb_setting *setting, struct bits bits,
                  const uint8_t *opened, size_t n_opened)
{
        /* Those who count costs look far. */
        static const struct trial {
                uint16_t chain;
                bool by_cost;
        } trials[] = {{16, false},   {64, false},   {256, false},
                      {1024, false}, {4096, false}, {4096, true}};
        struct swb_setting best = *setting;
        size_t least = SIZE_MAX;

        for (size_t i = 0; i < SWB_ELEMENTS(trials); i++) {
                size_t n;
                int r;

                if (trials[i].by_cost && n_opened / RUNS > bits.n / 8)
                        break;
                setting->parameters[SWB_TOKEN_CHAIN] = trials[i].chain;
                setting->parameters[SWB_TOKEN_BY_COST] = trials[i].by_cost;
                r = try_setting(p, setting, bits, opened, n_opened, &n);
                if (r < 0)
                        return r;
                if (least == SIZE_MAX || n < least - least / WORTH) {
                        best = *setting;
                        least = n;
                }
        }
        *setting = best;
        return 0;
}

static int compare(void *context, const uint8_t *data, size_t n)
{
        struct swb_buf *rest = context;

        if (n > rest->n_bytes || memcmp(rest->data, data, n) != 0)
                return -EILSEQ;
        rest->data += n;
        rest->n_bytes -= n;
        return 0;
}

/* The device's own encoder has to agree. */
static int try_it(const struct swb_setting *setting, const struct swb_buf *corrections,
                  const uint8_t *encoded, size_t n_encoded, const uint8_t *opened, size_t n_opened)
{
        struct swb_buf rest = {.data = (uint8_t *)(uintptr_t)encoded, .n_bytes = n_encoded};
        _cleanup_(swb_encoder_freep) struct swb_encoder *encoder = NULL;
        const struct swb_encoder_job job = {.setting = setting,
                                            .n_opened = n_opened,
                                            .n_encoded = n_encoded,
                                            .corrections = corrections->data,
                                            .n_corrections = corrections->n_bytes,
                                            .write = compare,
                                            .context = &rest};
        int r = swb_encoder_new(&job, &encoder);

        if (r >= 0)
                r = swb_encoder_put(encoder, opened, n_opened);
        return r < 0 ? r : swb_encoder_finish(encoder);
}

static int prove(struct parser *p, struct swb_setting *setting, const uint8_t *encoded,
                 size_t n_encoded, const uint8_t *opened, size_t n_opened, struct swb_buf *out)
{
        size_t n_head = setting->packing == SWB_PACKING_ZLIB ? ZLIB_HEAD_BYTES : 0;
        const struct bits bits = {encoded + n_head, (uint64_t)(n_encoded - n_head) * 8, 0};
        int r;

        if (n_head > 0)
                setting->parameters[SWB_TOKEN_HEAD] = (uint32_t)encoded[0] << 8 | encoded[1];
        r = choose(p, setting, bits, opened, n_opened);
        if (r >= 0)
                r = make(p, setting, bits, opened, n_opened, UINT64_MAX, out);
        return r < 0 ? r : try_it(setting, out, encoded, n_encoded, opened, n_opened);
}

int swb_tokens_prove(enum swb_packing packing, const uint8_t *encoded, size_t n_encoded,
                     const uint8_t *opened, size_t n_opened, struct swb_setting *ret,
                     struct swb_buf *corrections)
{
        _cleanup_(swb_buf_done) struct swb_buf out =
                SWB_BUF_INIT(n_encoded / SHARE + LEARNING_BYTES);
        struct swb_setting setting = {packing, SWB_ENCODER_TOKENS, {0, SWB_TOKEN_COPY_MAX, 0, 0}};
        _cleanup_free_ struct parser *p = NULL;
        int r;

        if (n_encoded <= ZLIB_HEAD_BYTES || n_opened > SWB_TOKENS_MAX_BYTES)
                return SWB_NOT_PROVED;
        p = calloc(1, sizeof(*p));
        if (!p)
                return -ENOMEM;
        r = prove(p, &setting, encoded, n_encoded, opened, n_opened, &out);
        if (r >= 0)
                r = swb_buf_append(corrections, out.data, out.n_bytes);
        if (r < 0)
                return r == -ENOMEM ? r : SWB_NOT_PROVED;
        *ret = setting;
        return SWB_PROVED;
}
