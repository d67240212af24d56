/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "codec/decoder_ops.h"

struct swb_decoder {
        const struct swb_decoder_ops *ops;
        size_t max_memory_bytes;
        bool is_open;
        void *state;
        int last; /* result of the last step; sticky unless SWB_DECODER_MORE */
};

static int none_open(size_t max_memory_bytes, void **ret_state)
{
        (void)max_memory_bytes;
        *ret_state = NULL;
        return 0;
}

static void none_close(void *state)
{
        (void)state;
}

static int none_step(void *state, const uint8_t **in, size_t *n_in, uint8_t **out, size_t *n_out)
{
        size_t n = SWB_MIN(*n_in, *n_out);

        (void)state;
        if (n > 0)
                memcpy(*out, *in, n);
        *in += n;
        *n_in -= n;
        *out += n;
        *n_out -= n;
        return SWB_DECODER_MORE;
}

static void none_reset(void *state)
{
        (void)state;
}

static const struct swb_decoder_ops none_decoder = {
        .open = none_open,
        .close = none_close,
        .reset = none_reset,
        .step = none_step,
};

static const struct swb_decoder_ops *const all_ops[_SWB_CODEC_MAX] = {
        [SWB_CODEC_NONE] = &none_decoder,
        [SWB_CODEC_BZ2] = &swb_bz2_decoder,
        [SWB_CODEC_XZ] = &swb_xz_decoder,
        [SWB_CODEC_ZSTD] = &swb_zstd_decoder,
        [SWB_CODEC_BROTLI] = &swb_brotli_decoder,
        [SWB_CODEC_MIXED] = &swb_mixed_decoder,
        [SWB_CODEC_MIXED_LARGE] = &swb_mixed_decoder,
};

const char *swb_codec_to_string(enum swb_codec codec)
{
        static const char *const names[_SWB_CODEC_MAX] = {
                [SWB_CODEC_NONE] = "none",
                [SWB_CODEC_BZ2] = "bz2",
                [SWB_CODEC_XZ] = "xz",
                [SWB_CODEC_ZSTD] = "zstd",
                [SWB_CODEC_BROTLI] = "brotli",
                [SWB_CODEC_MIXED] = "mixed",
                [SWB_CODEC_MIXED_LARGE] = "mixed-large",
        };

        if ((int)codec < 0 || codec >= _SWB_CODEC_MAX)
                return "invalid";
        return names[codec];
}

static int open_state(struct swb_decoder *decoder)
{
        int r = decoder->ops->open(decoder->max_memory_bytes, &decoder->state);

        decoder->is_open = r >= 0;
        return r;
}

static void close_state(struct swb_decoder *decoder)
{
        if (decoder->is_open)
                decoder->ops->close(decoder->state);
        decoder->is_open = false;
}

int swb_decoder_new(enum swb_codec codec, size_t max_memory_bytes, struct swb_decoder **ret)
{
        struct swb_decoder *decoder;
        int r;

        swb_assert((int)codec >= 0 && codec < _SWB_CODEC_MAX);
        decoder = calloc(1, sizeof(*decoder));
        if (!decoder)
                return -ENOMEM;
        decoder->ops = all_ops[codec];
        decoder->max_memory_bytes = max_memory_bytes;
        r = open_state(decoder);
        if (r < 0) {
                free(decoder);
                return r;
        }
        *ret = decoder;
        return 0;
}

struct swb_decoder *swb_decoder_free(struct swb_decoder *decoder)
{
        if (!decoder)
                return NULL;
        close_state(decoder);
        free(decoder);
        return NULL;
}

int swb_decoder_reset(struct swb_decoder *decoder)
{
        if (decoder->is_open && decoder->ops->reset) {
                decoder->ops->reset(decoder->state);
                decoder->last = SWB_DECODER_MORE;
        } else {
                close_state(decoder);
                decoder->last = open_state(decoder);
        }
        return decoder->last;
}

int swb_decoder_step(struct swb_decoder *decoder, const uint8_t **in, size_t *n_in, uint8_t **out,
                     size_t *n_out)
{
        if (decoder->last == SWB_DECODER_MORE)
                decoder->last = decoder->ops->step(decoder->state, in, n_in, out, n_out);
        return decoder->last;
}

static int decode_none(const void *in, size_t n_in, void *out, size_t n_out)
{
        if (n_in != n_out)
                return -EBADMSG;
        if (n_in > 0)
                memcpy(out, in, n_in);
        return 0;
}

/*
 * When all of `out` is filled, a byte of spare room is offered: some decoders come to the end of
 * the stream only with room to write, and whatever they write there is too much.
 */
static int decode_exactly(struct swb_decoder *decoder, const uint8_t *in, size_t n_in, uint8_t *out,
                          size_t n_out)
{
        for (;;) {
                uint8_t spare, *room = n_out > 0 ? out : &spare;
                size_t n_room = n_out > 0 ? n_out : 1, had_room = n_room, had_in = n_in;
                int r = swb_decoder_step(decoder, &in, &n_in, &room, &n_room);

                if (r < 0)
                        return r;
                if (n_out == 0 && n_room == 0)
                        return -EBADMSG; /* more than was wanted */
                if (n_out > 0) {
                        out = room;
                        n_out = n_room;
                }
                if (r == SWB_DECODER_END)
                        return n_in == 0 && n_out == 0 ? 0 : -EBADMSG;
                if (n_room == had_room && n_in == had_in)
                        return -EBADMSG; /* cut */
        }
}

int swb_decode(enum swb_codec codec, size_t max_memory_bytes, const void *in, size_t n_in,
               void *out, size_t n_out)
{
        _cleanup_(swb_decoder_freep) struct swb_decoder *decoder = NULL;
        int r;

        if (codec == SWB_CODEC_NONE)
                return decode_none(in, n_in, out, n_out);
        if (all_ops[codec]->whole)
                return all_ops[codec]->whole(max_memory_bytes, in, n_in, out, n_out);
        r = swb_decoder_new(codec, max_memory_bytes, &decoder);
        if (r < 0)
                return r;
        return decode_exactly(decoder, in, n_in, out, n_out);
}
