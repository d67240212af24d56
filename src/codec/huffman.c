/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/huffman.h"

const uint16_t swb_deflate_length_bases[29] = {3,  4,  5,  6,   7,   8,   9,   10,  11, 13,
                                               15, 17, 19, 23,  27,  31,  35,  43,  51, 59,
                                               67, 83, 99, 115, 131, 163, 195, 227, 258};
const uint8_t swb_deflate_length_bits[29] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                             2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
const uint16_t swb_deflate_distance_bases[30] = {
        1,   2,   3,   4,   5,   7,    9,    13,   17,   25,   33,   49,   65,    97,    129,
        193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
const uint8_t swb_deflate_distance_bits[30] = {0, 0, 0, 0, 1, 1, 2, 2,  3,  3,  4,  4,  5,  5,  6,
                                               6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13};
const uint8_t swb_deflate_order[SWB_DEFLATE_LENGTHS] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                        11, 4,  12, 3, 13, 2, 14, 1, 15};

void swb_deflate_fixed_lengths(uint8_t *literals, uint8_t *distances)
{
        memset(literals, 8, 144);
        memset(literals + 144, 9, 112);
        memset(literals + 256, 7, 24);
        memset(literals + 280, 8, 8);
        memset(distances, 5, SWB_DEFLATE_DISTANCES);
}

/* The first word of each length; words of one length go to the symbols in their order. */
static int first_words(const uint8_t *lengths, size_t n, uint16_t *next, unsigned *ret_longest)
{
        unsigned counts[SWB_HUFFMAN_BITS + 1] = {0}, word = 0, longest = 0;
        int left = 1;

        for (size_t i = 0; i < n; i++) {
                if (lengths[i] > SWB_HUFFMAN_BITS)
                        return -EBADMSG;
                counts[lengths[i]]++;
        }
        counts[0] = 0;
        for (unsigned bits = 1; bits <= SWB_HUFFMAN_BITS; bits++) {
                left = 2 * left - (int)counts[bits];
                if (left < 0)
                        return -EBADMSG;
                word = (word + counts[bits - 1]) << 1;
                next[bits] = (uint16_t)word;
                if (counts[bits] > 0)
                        longest = bits;
        }
        *ret_longest = longest;
        return 0;
}

static uint16_t reverse(unsigned word, unsigned n_bits)
{
        unsigned reversed = 0;

        for (; n_bits > 0; n_bits--, word >>= 1)
                reversed = reversed << 1 | (word & 1);
        return (uint16_t)reversed;
}

int swb_huffman_encoder_init(struct swb_huffman_encoder *encoder, const uint8_t *lengths, size_t n)
{
        uint16_t next[SWB_HUFFMAN_BITS + 1];
        unsigned longest;
        int r = first_words(lengths, n, next, &longest);

        if (r < 0)
                return r;
        memset(encoder, 0, sizeof(*encoder));
        for (size_t i = 0; i < n; i++)
                if (lengths[i] > 0) {
                        encoder->lengths[i] = lengths[i];
                        encoder->words[i] = reverse(next[lengths[i]]++, lengths[i]);
                }
        return 0;
}

int swb_huffman_decoder_init(struct swb_huffman_decoder *decoder, const uint8_t *lengths, size_t n)
{
        uint16_t next[SWB_HUFFMAN_BITS + 1];
        int r = first_words(lengths, n, next, &decoder->n_bits);

        if (r < 0)
                return r;
        memset(decoder->entries, 0, sizeof(decoder->entries[0]) << decoder->n_bits);
        for (size_t i = 0; i < n; i++) {
                unsigned word;

                if (lengths[i] == 0)
                        continue;
                word = reverse(next[lengths[i]]++, lengths[i]);
                for (; word < 1u << decoder->n_bits; word += 1u << lengths[i])
                        decoder->entries[word] = (uint16_t)(i << 4 | lengths[i]);
        }
        return 0;
}
