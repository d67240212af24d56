/* SPDX-License-Identifier: Apache-2.0 */
#include "open/gzip_block.h"

#include <string.h>

#define LENGTHS_BITS 7 /* longest word of the third code */
#define LOOK_EVERY 0x1000u

/* ---- bits */

static int flush_out(struct swb_gzip_blocks *b)
{
        int r = b->n_out > 0 ? b->write(b->context, b->out, b->n_out) : 0;

        b->n_out = 0;
        return r;
}

/* Room for what one call of put_bits() may write is kept free by its callers (make_room). */
static void put_bits(struct swb_gzip_blocks *b, uint32_t value, unsigned n)
{
        b->bits |= (uint64_t)value << b->n_bits;
        b->n_bits += n;
        while (b->n_bits >= 8) {
                b->out[b->n_out++] = (uint8_t)b->bits;
                b->bits >>= 8;
                b->n_bits -= 8;
        }
}

static int make_room(struct swb_gzip_blocks *b)
{
        return b->n_out + 64 > sizeof(b->out) ? flush_out(b) : 0;
}

static void fill_byte(struct swb_gzip_blocks *b)
{
        put_bits(b, 0, (8 - b->n_bits % 8) % 8);
}

/* ---- tokens */

void swb_gzip_blocks_init(struct swb_gzip_blocks *b, swb_encoder_write write, void *context)
{
        memset(b, 0, sizeof(*b));
        b->write = write;
        b->context = context;
        b->literals_tree.counts[SWB_DEFLATE_END] = 1;
}

void swb_gzip_blocks_add(struct swb_gzip_blocks *b, unsigned distance, unsigned length)
{
        b->lengths[b->n_tokens] = (uint16_t)length;
        b->distances[b->n_tokens++] = (uint16_t)distance;
        if (distance == 0) {
                b->literals_tree.counts[length]++;
                return;
        }
        b->n_copies++;
        b->literals_tree.counts[SWB_DEFLATE_END + 1 + swb_length_symbol(length + 3)]++;
        b->distances_tree.counts[swb_distance_symbol(distance)]++;
}

bool swb_gzip_blocks_is_full(const struct swb_gzip_blocks *b, unsigned level, uint64_t n_in_bytes)
{
        if (level > 2 && b->n_tokens % LOOK_EVERY == 0) {
                uint64_t n_out = (uint64_t)b->n_tokens * 8;

                for (unsigned i = 0; i < SWB_DEFLATE_DISTANCES; i++)
                        n_out += (uint64_t)b->distances_tree.counts[i] *
                                 (5u + swb_deflate_distance_bits[i]);
                n_out >>= 3;
                if (b->n_copies < b->n_tokens / 2 && n_out < n_in_bytes / 2)
                        return true;
        }
        return b->n_tokens == SWB_GZIP_TOKENS_MAX - 1 || b->n_copies == SWB_GZIP_TOKENS_MAX;
}

/* ---- a code for each block */

struct kind {
        unsigned n;           /* symbols */
        unsigned extra_from;  /* first symbol with bits behind it */
        const uint8_t *extra; /* how many */
        unsigned max_length;  /* of a word */
        const uint8_t *fixed; /* lengths of the fixed code, or NULL */
};

static void make_code(struct swb_gzip_blocks *b, struct swb_gzip_tree *tree,
                      const struct kind *kind)
{
        swb_code_lengths(SWB_CODE_HEAP, tree->counts, kind->n, kind->max_length, tree->lengths);
        for (unsigned i = 0; i < kind->n; i++) {
                unsigned extra = i >= kind->extra_from ? kind->extra[i - kind->extra_from] : 0;

                if (tree->lengths[i] > 0)
                        tree->last = (int)i;
                b->best_bits += (uint64_t)tree->counts[i] * (tree->lengths[i] + extra);
                if (kind->fixed)
                        b->fixed_bits += (uint64_t)tree->counts[i] * (kind->fixed[i] + extra);
        }
}

/* ---- a code's lengths, written down */

/* Called for each symbol of the third code, and how often what it says is repeated. */
typedef void (*length_use)(struct swb_gzip_blocks *b, unsigned symbol, unsigned n);

static void count_use(struct swb_gzip_blocks *b, unsigned symbol, unsigned n)
{
        (void)n;
        b->lengths_tree.counts[symbol]++;
}

static void use_run(struct swb_gzip_blocks *b, length_use use, int length, int before, unsigned n,
                    unsigned least)
{
        if (n < least) {
                for (unsigned i = 0; i < n; i++)
                        use(b, (unsigned)length, 1);
        } else if (length != 0) {
                if (length != before) {
                        use(b, (unsigned)length, 1);
                        n--;
                }
                use(b, 16, n);
        } else {
                use(b, n <= 10 ? 17 : 18, n);
        }
}

static void walk_lengths(struct swb_gzip_blocks *b, struct swb_gzip_tree *tree, length_use use)
{
        int before = -1;
        unsigned n = 0, most = tree->lengths[0] ? 7 : 138, least = tree->lengths[0] ? 4 : 3;

        tree->lengths[tree->last + 1] = UINT8_MAX; /* like no other */
        for (int i = 0; i <= tree->last; i++) {
                int length = tree->lengths[i], next = tree->lengths[i + 1];

                if (++n < most && length == next)
                        continue;
                use_run(b, use, length, before, n, least);
                n = 0;
                before = length;
                most = next == 0 ? 138 : length == next ? 6 : 7;
                least = next == 0 || length == next ? 3 : 4;
        }
        tree->lengths[tree->last + 1] = 0;
}

/* ---- blocks */

static const uint8_t repeat_bits[3] = {2, 3, 7};
static const uint8_t repeat_least[3] = {3, 3, 11};

struct codes {
        struct swb_huffman_encoder literals, distances;
};

static void put_word(struct swb_gzip_blocks *b, const struct swb_huffman_encoder *code,
                     unsigned symbol)
{
        put_bits(b, code->words[symbol], code->lengths[symbol]);
}

static void put_copy(struct swb_gzip_blocks *b, const struct codes *codes, unsigned distance,
                     unsigned length)
{
        unsigned code = swb_length_symbol(length + 3);

        put_word(b, &codes->literals, SWB_DEFLATE_END + 1 + code);
        put_bits(b, length + 3 - swb_deflate_length_bases[code], swb_deflate_length_bits[code]);
        code = swb_distance_symbol(distance);
        put_word(b, &codes->distances, code);
        put_bits(b, distance - swb_deflate_distance_bases[code], swb_deflate_distance_bits[code]);
}

static int put_tokens(struct swb_gzip_blocks *b, const struct codes *codes)
{
        for (uint32_t i = 0; i < b->n_tokens; i++) {
                int r = make_room(b);

                if (r < 0)
                        return r;
                if (b->distances[i] == 0)
                        put_word(b, &codes->literals, b->lengths[i]);
                else
                        put_copy(b, codes, b->distances[i], b->lengths[i]);
        }
        put_word(b, &codes->literals, SWB_DEFLATE_END);
        return 0;
}

static void put_use(struct swb_gzip_blocks *b, unsigned symbol, unsigned n)
{
        put_word(b, &b->lengths_code, symbol);
        if (symbol >= 16)
                put_bits(b, n - repeat_least[symbol - 16], repeat_bits[symbol - 16]);
}

static int put_head(struct swb_gzip_blocks *b, enum swb_deflate_type type, bool is_last)
{
        int r = make_room(b);

        put_bits(b, (uint32_t)type << 1 | is_last, 3);
        return r;
}

/* Both codes' lengths; at most 400 bytes. */
static int put_codes(struct swb_gzip_blocks *b, unsigned n_lengths)
{
        int r = flush_out(b);

        if (r >= 0)
                r = swb_huffman_encoder_init(&b->lengths_code, b->lengths_tree.lengths,
                                             SWB_DEFLATE_LENGTHS);
        if (r < 0)
                return r;
        put_bits(b, (uint32_t)b->literals_tree.last - 256, 5);
        put_bits(b, (uint32_t)b->distances_tree.last, 5);
        put_bits(b, n_lengths - 4, 4);
        for (unsigned i = 0; i < n_lengths; i++)
                put_bits(b, b->lengths_tree.lengths[swb_deflate_order[i]], 3);
        walk_lengths(b, &b->literals_tree, put_use);
        walk_lengths(b, &b->distances_tree, put_use);
        return 0;
}

static int put_stored(struct swb_gzip_blocks *b, const uint8_t *data, uint64_t n, bool is_last)
{
        int r = put_head(b, SWB_DEFLATE_STORED, is_last);

        fill_byte(b);
        put_bits(b, (uint32_t)n, 16);
        put_bits(b, (uint32_t)~n & 0xffff, 16);
        if (r >= 0)
                r = flush_out(b);
        return r < 0 ? r : b->write(b->context, data, (size_t)n);
}

static int put_coded(struct swb_gzip_blocks *b, const uint8_t *literals, size_t n_literals,
                     const uint8_t *distances, size_t n_distances)
{
        struct codes codes;
        int r = swb_huffman_encoder_init(&codes.literals, literals, n_literals);

        if (r >= 0)
                r = swb_huffman_encoder_init(&codes.distances, distances, n_distances);
        return r < 0 ? r : put_tokens(b, &codes);
}

/* Makes the three codes. Return: how many lengths of the third are written. */
static unsigned make_codes(struct swb_gzip_blocks *b, const uint8_t *fixed_literals,
                           const uint8_t *fixed_distances)
{
        const struct kind literals = {SWB_DEFLATE_LITERALS, SWB_DEFLATE_END + 1,
                                      swb_deflate_length_bits, SWB_HUFFMAN_BITS, fixed_literals};
        const struct kind distances = {SWB_DEFLATE_DISTANCES, 0, swb_deflate_distance_bits,
                                       SWB_HUFFMAN_BITS, fixed_distances};
        const struct kind lengths = {SWB_DEFLATE_LENGTHS, 16, repeat_bits, LENGTHS_BITS, NULL};
        unsigned n = SWB_DEFLATE_LENGTHS;

        make_code(b, &b->literals_tree, &literals);
        make_code(b, &b->distances_tree, &distances);
        walk_lengths(b, &b->literals_tree, count_use);
        walk_lengths(b, &b->distances_tree, count_use);
        make_code(b, &b->lengths_tree, &lengths);
        while (n > 4 && b->lengths_tree.lengths[swb_deflate_order[n - 1]] == 0)
                n--;
        b->best_bits += 3 * n + 5 + 5 + 4;
        return n;
}

static int put_block(struct swb_gzip_blocks *b, const uint8_t *data, uint64_t n_bytes, bool is_last)
{
        uint8_t literals[SWB_HUFFMAN_SYMBOLS], distances[SWB_DEFLATE_DISTANCES];
        uint64_t n_best, n_fixed;
        unsigned n_lengths;
        int r;

        swb_deflate_fixed_lengths(literals, distances);
        n_lengths = make_codes(b, literals, distances);
        n_best = (b->best_bits + 3 + 7) >> 3;
        n_fixed = (b->fixed_bits + 3 + 7) >> 3;
        n_best = SWB_MIN(n_best, n_fixed);
        if (data && n_bytes + 4 <= n_best && n_bytes <= UINT16_MAX)
                return put_stored(b, data, n_bytes, is_last);
        if (n_fixed == n_best) {
                r = put_head(b, SWB_DEFLATE_FIXED, is_last);
                return r < 0 ? r
                             : put_coded(b, literals, sizeof(literals), distances,
                                         sizeof(distances));
        }
        r = put_head(b, SWB_DEFLATE_DYNAMIC, is_last);
        if (r >= 0)
                r = put_codes(b, n_lengths);
        return r < 0 ? r
                     : put_coded(b, b->literals_tree.lengths, SWB_DEFLATE_LITERALS,
                                 b->distances_tree.lengths, SWB_DEFLATE_DISTANCES);
}

static void clear_counts(struct swb_gzip_blocks *b)
{
        memset(b->literals_tree.counts, 0, sizeof(b->literals_tree.counts));
        memset(b->distances_tree.counts, 0, sizeof(b->distances_tree.counts));
        memset(b->lengths_tree.counts, 0, sizeof(b->lengths_tree.counts));
        b->literals_tree.counts[SWB_DEFLATE_END] = 1;
        b->n_tokens = b->n_copies = 0;
        b->best_bits = b->fixed_bits = 0;
}

int swb_gzip_blocks_flush(struct swb_gzip_blocks *b, const uint8_t *data, uint64_t n_bytes,
                          bool is_last)
{
        int r = put_block(b, data, n_bytes, is_last);

        clear_counts(b);
        if (r < 0 || !is_last)
                return r;
        fill_byte(b);
        return flush_out(b);
}
