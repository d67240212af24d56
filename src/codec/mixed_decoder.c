/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "codec/decoder_ops.h"
#include "codec/mix_model.h"

#define CODE_BYTES 4
#define SIZE_BYTES_MAX 5
/* A number takes so many bytes at most; the last one has all of its bits. */
#define NUMBER_BYTES_MAX 5

enum step { HEAD, SIZE, CODE, SYMBOLS, ENDING, ENDED };

struct mixed {
        size_t max_memory_bytes;
        enum step step;
        enum swb_mix_mode mode;
        unsigned slots_log;
        uint64_t left; /* bytes that are still to come out of symbols */
        unsigned n_read;
        struct swb_mix *mix;
        uint32_t low, high, code;
        /* of symbols that are complete */
        uint64_t n_zeros;
        uint8_t bytes[NUMBER_BYTES_MAX];
        unsigned n_bytes, at;
};

static int mixed_open(size_t max_memory_bytes, void **ret_state)
{
        struct mixed *m = calloc(1, sizeof(*m));

        if (!m)
                return -ENOMEM;
        m->max_memory_bytes = max_memory_bytes;
        *ret_state = m;
        return 0;
}

static void mixed_close(void *opaque)
{
        struct mixed *m = opaque;

        swb_mix_free(m->mix);
        free(m);
}

/* ---- the head */

static int take_head(struct mixed *m, uint8_t byte)
{
        m->mode = (enum swb_mix_mode)(byte >> 5);
        m->slots_log = byte & 0x1f;
        if (byte >> 5 >= _SWB_MIX_MODE_MAX || m->slots_log < SWB_MIX_SLOTS_LOG_MIN ||
            m->slots_log > SWB_MIX_SLOTS_LOG_MAX)
                return -EBADMSG;
        if (SWB_MIX_TABLES_BYTES + swb_mix_slots_bytes(m->slots_log) > m->max_memory_bytes)
                return -E2BIG;
        m->step = SIZE;
        return 0;
}

static int take_size(struct mixed *m, uint8_t byte)
{
        m->left |= (uint64_t)(byte & 0x7f) << 7 * m->n_read;
        if (byte > 0x7f)
                return ++m->n_read < SIZE_BYTES_MAX ? 0 : -EBADMSG;
        if (m->left > UINT32_MAX)
                return -EBADMSG;
        m->n_read = 0;
        m->step = m->left > 0 ? CODE : ENDED;
        return m->left > 0 ? swb_mix_new(m->mode, m->slots_log, &m->mix) : 0;
}

static int take_code(struct mixed *m, uint8_t byte)
{
        m->code = m->code << 8 | byte;
        m->high = UINT32_MAX;
        if (++m->n_read == CODE_BYTES)
                m->step = SYMBOLS;
        return 0;
}

/* ---- symbols */

/* The bytes that are a number's; false: it is none. */
static bool spell_number(struct mixed *m, uint64_t number)
{
        m->n_bytes = 0;
        for (;;) {
                bool is_last = m->n_bytes == NUMBER_BYTES_MAX - 1;

                if (is_last && number > UINT8_MAX)
                        return false;
                m->bytes[m->n_bytes++] =
                        (uint8_t)(is_last || number < 0x80 ? number : number | 0x80);
                if (is_last || number < 0x80)
                        return true;
                number = (number >> 7) - 1;
        }
}

static int take_symbol(struct mixed *m, enum swb_mix_kind kind, uint64_t symbol)
{
        if (kind == SWB_MIX_RUN) {
                if (symbol > m->left)
                        return -EBADMSG;
                m->n_zeros = symbol;
                m->left -= symbol;
        } else {
                m->at = 0;
                m->bytes[0] = (uint8_t)symbol;
                m->n_bytes = 1;
                if (kind == SWB_MIX_NUMBER && !spell_number(m, symbol))
                        return -EBADMSG;
                m->n_bytes = (unsigned)SWB_MIN((uint64_t)m->n_bytes, m->left);
                m->left -= m->n_bytes;
        }
        if (m->left == 0)
                m->step = ENDING;
        return 0;
}

static int decode_bit(struct mixed *m)
{
        enum swb_mix_kind kind = swb_mix_kind(m->mix);
        uint32_t middle =
                m->low + (uint32_t)((uint64_t)(m->high - m->low) * swb_mix_predict(m->mix) >> 16);
        bool bit = m->code <= middle;
        uint64_t symbol;

        if (bit)
                m->high = middle;
        else
                m->low = middle + 1;
        return swb_mix_learn(m->mix, bit, &symbol) ? take_symbol(m, kind, symbol) : 0;
}

static bool wants_byte(const struct mixed *m)
{
        return (m->low ^ m->high) >> 24 == 0;
}

static void shift(struct mixed *m, uint8_t byte)
{
        m->low <<= 8;
        m->high = m->high << 8 | 0xff;
        m->code = m->code << 8 | byte;
}

/* ---- steps */

static void put(struct mixed *m, uint8_t **out, size_t *n_out)
{
        size_t n = (size_t)SWB_MIN(m->n_zeros, (uint64_t)*n_out);

        if (n > 0)
                memset(*out, 0, n);
        m->n_zeros -= n;
        *out += n;
        *n_out -= n;
        for (; m->at<m->n_bytes && * n_out> 0; --*n_out)
                *(*out)++ = m->bytes[m->at++];
}

static int take_byte(struct mixed *m, uint8_t byte)
{
        switch (m->step) {
        case HEAD:
                return take_head(m, byte);
        case SIZE:
                return take_size(m, byte);
        case CODE:
                return take_code(m, byte);
        case SYMBOLS:
        case ENDING:
        case ENDED:
        default:
                shift(m, byte);
                return 0;
        }
}

static int mixed_step(void *opaque, const uint8_t **in, size_t *n_in, uint8_t **out, size_t *n_out)
{
        struct mixed *m = opaque;
        int r = 0;

        while (r == 0) {
                bool is_behind_head = m->step == SYMBOLS || m->step == ENDING;

                put(m, out, n_out);
                if (m->n_zeros > 0 || m->at < m->n_bytes)
                        return SWB_DECODER_MORE;
                if (m->step == ENDING && !wants_byte(m))
                        m->step = ENDED;
                if (m->step == ENDED)
                        return SWB_DECODER_END;
                if (is_behind_head && !wants_byte(m)) {
                        r = decode_bit(m);
                        continue;
                }
                if (*n_in == 0)
                        return SWB_DECODER_MORE;
                --*n_in;
                r = take_byte(m, *(*in)++);
        }
        return r;
}

const struct swb_decoder_ops swb_mixed_decoder = {
        .open = mixed_open,
        .close = mixed_close,
        .step = mixed_step,
};
