/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/mixed_encoder.h"

#include "codec/stream_pack.h"

#define CODE_BYTES 4
#define NUMBER_BYTES_MAX 5
/* What a byte that is not zero fills of them, about. */
#define SLOTS_A_BYTE 64u

struct mixing {
        struct swb_mix *mix;
        uint32_t low, high;
        struct swb_buf *out;
};

static int put_highest(struct mixing *m)
{
        uint8_t byte = (uint8_t)(m->low >> 24);

        m->low <<= 8;
        m->high = m->high << 8 | 0xff;
        return swb_buf_append(m->out, &byte, 1);
}

static int put_symbol(struct mixing *m, uint64_t symbol)
{
        uint64_t same;
        bool is_complete;
        int r = 0;

        do {
                bool bit = swb_mix_bit_of(m->mix, symbol);
                uint32_t one = swb_mix_predict(m->mix);
                uint32_t middle = m->low + (uint32_t)((uint64_t)(m->high - m->low) * one >> 16);

                if (bit)
                        m->high = middle;
                else
                        m->low = middle + 1;
                while ((m->low ^ m->high) >> 24 == 0 && r == 0)
                        r = put_highest(m);
                is_complete = swb_mix_learn(m->mix, bit, &same);
        } while (!is_complete && r == 0);
        return r;
}

/* What is cut at the stream's end goes on with zeros; the reader knows where the end is. */
static size_t read_number(const uint8_t *in, size_t n, uint64_t *ret)
{
        uint64_t number = 0;

        for (size_t i = 0;; i++) {
                uint64_t byte = i < n ? in[i] : 0, more = i > 0;

                if (i == NUMBER_BYTES_MAX - 1 || byte < 0x80) {
                        *ret = number + ((byte + more) << 7 * i);
                        return i + 1;
                }
                number += ((byte & 0x7f) + more) << 7 * i;
        }
}

static int put_run(struct mixing *m, const uint8_t *in, size_t n_in, size_t *at)
{
        size_t begin = *at;

        while (*at < n_in && in[*at] == 0)
                ++*at;
        return put_symbol(m, *at - begin);
}

static int put_next(struct mixing *m, const uint8_t *in, size_t n_in, size_t *at)
{
        uint64_t symbol = in[*at];

        switch (swb_mix_kind(m->mix)) {
        case SWB_MIX_RUN:
                return put_run(m, in, n_in, at);
        case SWB_MIX_NUMBER:
                *at += read_number(in + *at, n_in - *at, &symbol);
                return put_symbol(m, symbol);
        case SWB_MIX_DIFFERENCE:
        case SWB_MIX_BYTE:
        default:
                ++*at;
                return put_symbol(m, symbol);
        }
}

static unsigned choose_slots(unsigned max_slots_log, const uint8_t *in, size_t n_in)
{
        unsigned log = SWB_MIX_SLOTS_LOG_MIN;
        size_t n = 0;

        for (size_t i = 0; i < n_in; i++)
                n += in[i] != 0;
        while (log < max_slots_log && (size_t)1 << log < n * SLOTS_A_BYTE)
                log++;
        return log;
}

static int put_all(struct mixing *m, const uint8_t *in, size_t n_in)
{
        int r = 0;

        for (size_t at = 0; at < n_in && r == 0;)
                r = put_next(m, in, n_in, &at);
        for (size_t i = 0; i < CODE_BYTES && n_in > 0 && r == 0; i++)
                r = put_highest(m);
        return r;
}

int swb_encode_mixed(enum swb_mix_mode mode, unsigned max_slots_log, const uint8_t *in, size_t n_in,
                     struct swb_buf *buf)
{
        _cleanup_(swb_mix_freep) struct swb_mix *mix = NULL;
        struct mixing m = {.high = UINT32_MAX, .out = buf};
        unsigned slots_log = choose_slots(max_slots_log, in, n_in);
        uint8_t head = (uint8_t)(mode << 5 | slots_log);
        size_t start = buf->n_bytes;
        int r;

        if (n_in > UINT32_MAX)
                return -E2BIG;
        r = swb_mix_new(mode, slots_log, &mix);
        m.mix = mix;
        if (r == 0)
                r = swb_buf_append(buf, &head, 1);
        if (r == 0)
                r = swb_append_number(buf, n_in);
        if (r == 0)
                r = put_all(&m, in, n_in);
        if (r < 0)
                buf->n_bytes = start;
        return r;
}
