/* SPDX-License-Identifier: Apache-2.0 */
#include "open/bit_model.h"

#define HALF 0x8000u
#define ONE 0x10000u
#define FAST_SHIFT 4
#define SLOW_SHIFT 7
#define CODE_BYTES 4u

static void set_error(struct swb_bit_coder *coder, int error)
{
        if (coder->error == 0)
                coder->error = error;
}

static uint8_t next_byte(struct swb_bit_coder *coder)
{
        if (coder->at < coder->n_in)
                return coder->in[coder->at++];
        set_error(coder, -EBADMSG);
        return 0;
}

void swb_bit_coder_read(struct swb_bit_coder *coder, const uint8_t *in, size_t n_in)
{
        *coder = (struct swb_bit_coder){.high = UINT32_MAX, .in = in, .n_in = n_in};
        for (unsigned i = 0; i < CODE_BYTES; i++)
                coder->code = coder->code << 8 | next_byte(coder);
}

void swb_bit_coder_make(struct swb_bit_coder *coder, struct swb_buf *out)
{
        *coder = (struct swb_bit_coder){.high = UINT32_MAX, .out = out};
}

static void put_byte(struct swb_bit_coder *coder, uint32_t value)
{
        const uint8_t byte = (uint8_t)(value >> 24);
        int r = swb_buf_append(coder->out, &byte, 1);

        if (r < 0)
                set_error(coder, r);
}

int swb_bit_coder_finish(struct swb_bit_coder *coder)
{
        if (coder->out)
                for (unsigned i = 0; i < CODE_BYTES; i++, coder->low <<= 8)
                        put_byte(coder, coder->low);
        else if (coder->at != coder->n_in)
                set_error(coder, -EBADMSG);
        return coder->error;
}

void swb_probs_init(struct swb_prob *probs, size_t n)
{
        for (size_t i = 0; i < n; i++)
                probs[i] = (struct swb_prob){HALF, HALF};
}

static bool code(struct swb_bit_coder *coder, uint32_t one, bool bit)
{
        uint32_t range = coder->high - coder->low;
        uint32_t middle = coder->low + (uint32_t)((uint64_t)range * one >> 16);

        if (!coder->out)
                bit = coder->code <= middle;
        if (bit)
                coder->high = middle;
        else
                coder->low = middle + 1;
        while ((coder->low ^ coder->high) >> 24 == 0) {
                if (coder->out)
                        put_byte(coder, coder->low);
                else
                        coder->code = coder->code << 8 | next_byte(coder);
                coder->low <<= 8;
                coder->high = coder->high << 8 | 0xff;
        }
        return bit;
}

static uint16_t moved(uint16_t p, bool bit, unsigned shift)
{
        return (uint16_t)(bit ? p + ((ONE - p) >> shift) : p - (unsigned)(p >> shift));
}

bool swb_bit_code(struct swb_bit_coder *coder, struct swb_prob *prob, bool bit)
{
        bit = code(coder, ((uint32_t)prob->fast + prob->slow) / 2, bit);
        prob->fast = moved(prob->fast, bit, FAST_SHIFT);
        prob->slow = moved(prob->slow, bit, SLOW_SHIFT);
        return bit;
}

unsigned swb_bits_code(struct swb_bit_coder *coder, struct swb_prob *probs, unsigned n,
                       unsigned value)
{
        unsigned node = 1;

        for (unsigned i = n; i-- > 0;)
                node = node << 1 | swb_bit_code(coder, &probs[node], value >> i & 1);
        return node - (1u << n);
}

uint32_t swb_bits_plain(struct swb_bit_coder *coder, unsigned n, uint32_t value)
{
        uint32_t bits = 0;

        for (unsigned i = n; i-- > 0;)
                bits = bits << 1 | code(coder, HALF, value >> i & 1);
        return bits;
}
