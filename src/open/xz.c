/* SPDX-License-Identifier: Apache-2.0 */
#include "open/xz_filters.h"

#define BUFFER_BYTES ((size_t)64 << 10)

/* ---- opening */

static int open_decoder(bool alone, uint64_t max_memory_bytes, void **ret_state)
{
        _cleanup_free_ lzma_stream *stream = calloc(1, sizeof(*stream));
        lzma_ret r;

        if (!stream)
                return -ENOMEM;
        *stream = (lzma_stream)LZMA_STREAM_INIT;
        r = alone ? lzma_alone_decoder(stream, max_memory_bytes)
                  : lzma_stream_decoder(stream, max_memory_bytes, 0);
        if (r != LZMA_OK)
                return -ENOMEM;
        *ret_state = SWB_TAKE_PTR(stream);
        return 0;
}

static int open_unpacker(uint64_t max_memory_bytes, void **ret_state)
{
        return open_decoder(false, max_memory_bytes, ret_state);
}

static int open_alone(uint64_t max_memory_bytes, void **ret_state)
{
        return open_decoder(true, max_memory_bytes, ret_state);
}

static void close_stream(void *state)
{
        lzma_end(state);
        free(state);
}

static int step_unpacker(void *state, const uint8_t **in, size_t *n_in, uint8_t **out,
                         size_t *n_out)
{
        lzma_stream *stream = state;
        lzma_ret r;

        stream->next_in = *in;
        stream->avail_in = *n_in;
        stream->next_out = *out;
        stream->avail_out = *n_out;
        r = lzma_code(stream, LZMA_RUN);
        *in = stream->next_in;
        *n_in = stream->avail_in;
        *out = stream->next_out;
        *n_out = stream->avail_out;
        if (r == LZMA_OK || r == LZMA_BUF_ERROR)
                return SWB_UNPACK_MORE;
        if (r == LZMA_STREAM_END)
                return SWB_UNPACK_END;
        if (r == LZMA_MEM_ERROR)
                return -ENOMEM;
        return r == LZMA_MEMLIMIT_ERROR ? -E2BIG : -EBADMSG;
}

const struct swb_unpacker_ops *swb_xz_unpacker(void)
{
        static const struct swb_unpacker_ops ops = {open_unpacker, step_unpacker, close_stream};

        return &ops;
}

const struct swb_unpacker_ops *swb_lzma_unpacker(void)
{
        static const struct swb_unpacker_ops ops = {open_alone, step_unpacker, close_stream};

        return &ops;
}

/* ---- closing */

#define EXTREME 16u

bool swb_xz_accepts(const struct swb_setting *setting)
{
        uint32_t way = setting->parameters[SWB_XZ_WAY];

        return way <= SWB_XZ_WAY_WHOLE || way >= SWB_XZ_WAY_BLOCKS;
}

int swb_xz_make_filters(const struct swb_setting *setting, struct swb_xz_filters *ret)
{
        const uint32_t *p = setting->parameters;
        uint32_t preset = p[SWB_XZ_PRESET] & (EXTREME - 1);
        size_t n = 0;

        if (p[SWB_XZ_PRESET] & EXTREME)
                preset |= LZMA_PRESET_EXTREME;
        if (lzma_lzma_preset(&ret->options, preset))
                return -EINVAL;
        ret->options.dict_size = p[SWB_XZ_DICTIONARY];
        if (p[SWB_XZ_FILTER] > 0)
                ret->chain[n++] = (lzma_filter){.id = p[SWB_XZ_FILTER]};
        ret->chain[n++] = (lzma_filter){
                .id = setting->encoder == SWB_ENCODER_LZMA ? LZMA_FILTER_LZMA1 : LZMA_FILTER_LZMA2,
                .options = &ret->options};
        ret->chain[n] = (lzma_filter){.id = LZMA_VLI_UNKNOWN};
        return 0;
}

static uint64_t memory_of(const struct swb_setting *setting, uint64_t n_opened, uint64_t n_encoded)
{
        struct swb_xz_filters filters;
        uint64_t n;

        if (swb_xz_make_filters(setting, &filters) < 0)
                return 0;
        n = lzma_raw_encoder_memusage(filters.chain);
        if (n == UINT64_MAX)
                return 0;
        if (setting->parameters[SWB_XZ_WAY] >= SWB_XZ_WAY_BLOCKS)
                n += swb_xz_blocks_memory(setting, n_opened);
        return n + BUFFER_BYTES +
               (setting->parameters[SWB_XZ_WAY] == SWB_XZ_WAY_WHOLE ? n_opened + n_encoded : 0);
}

struct closing {
        struct swb_encoder_job job;
        struct swb_gathered *whole;   /* NULL: not all at once */
        struct swb_xz_blocks *blocks; /* NULL: not in blocks */
        struct swb_xz_filters filters;
        lzma_stream stream;
        uint8_t buffer[BUFFER_BYTES];
};

static void close_closing(void *state)
{
        struct closing *closing = state;

        if (closing->whole)
                swb_gathered_close(closing->whole);
        swb_xz_blocks_free(closing->blocks);
        lzma_end(&closing->stream);
        free(closing);
}

static int prepare(struct closing *closing)
{
        const struct swb_setting *setting = closing->job.setting;
        int r = swb_xz_make_filters(setting, &closing->filters);
        lzma_ret made;
        void *whole;

        if (r < 0)
                return r;
        if (setting->parameters[SWB_XZ_WAY] == SWB_XZ_WAY_WHOLE) {
                r = swb_gathered_open(&closing->job, &whole);
                if (r < 0)
                        return r;
                closing->whole = whole;
                return 0;
        }
        if (setting->parameters[SWB_XZ_WAY] >= SWB_XZ_WAY_BLOCKS)
                return swb_xz_blocks_new(&closing->job, closing->filters.chain, &closing->blocks);
        made = setting->encoder == SWB_ENCODER_LZMA
                       ? lzma_alone_encoder(&closing->stream, &closing->filters.options)
                       : lzma_stream_encoder(&closing->stream, closing->filters.chain,
                                             (lzma_check)setting->parameters[SWB_XZ_CHECK]);
        if (made == LZMA_OK)
                return 0;
        return made == LZMA_MEM_ERROR ? -ENOMEM : -EINVAL;
}

static int open_closing(const struct swb_encoder_job *job, void **ret_state)
{
        struct closing *closing = calloc(1, sizeof(*closing));
        int r;

        if (!closing)
                return -ENOMEM;
        closing->job = *job;
        closing->stream = (lzma_stream)LZMA_STREAM_INIT;
        r = prepare(closing);
        if (r < 0) {
                close_closing(closing);
                return r;
        }
        *ret_state = closing;
        return 0;
}

static int run(struct closing *closing, const uint8_t *data, size_t n, lzma_action action)
{
        lzma_ret made = LZMA_OK;

        closing->stream.next_in = data;
        closing->stream.avail_in = n;
        while (made == LZMA_OK && (action == LZMA_FINISH || closing->stream.avail_in > 0)) {
                size_t n_made;
                int r;

                closing->stream.next_out = closing->buffer;
                closing->stream.avail_out = BUFFER_BYTES;
                made = lzma_code(&closing->stream, action);
                n_made = BUFFER_BYTES - closing->stream.avail_out;
                r = n_made > 0 ? closing->job.write(closing->job.context, closing->buffer, n_made)
                               : 0;
                if (r < 0)
                        return r;
        }
        if (made == LZMA_MEM_ERROR)
                return -ENOMEM;
        return made == LZMA_OK || made == LZMA_STREAM_END ? 0 : -EBADMSG;
}

static int put(void *state, const uint8_t *data, size_t n)
{
        struct closing *closing = state;

        if (closing->whole)
                return swb_gathered_put(closing->whole, data, n);
        if (closing->blocks)
                return swb_xz_blocks_put(closing->blocks, data, n);
        return run(closing, data, n, LZMA_RUN);
}

static int finish(void *state)
{
        struct closing *closing = state;
        _cleanup_free_ uint8_t *made = NULL;
        size_t n_room, n = 0;
        lzma_ret coded;

        if (closing->blocks)
                return swb_xz_blocks_finish(closing->blocks);
        if (!closing->whole)
                return run(closing, NULL, 0, LZMA_FINISH);
        made = swb_gathered_room(closing->whole, &n_room);
        if (!made)
                return -ENOMEM;
        coded = lzma_stream_buffer_encode(
                closing->filters.chain, (lzma_check)closing->job.setting->parameters[SWB_XZ_CHECK],
                NULL, closing->whole->data, closing->whole->n, made, &n, n_room);
        if (coded == LZMA_OK)
                return closing->job.write(closing->job.context, made, n);
        return coded == LZMA_MEM_ERROR ? -ENOMEM : -EBADMSG;
}

const struct swb_encoder_ops *swb_xz_encoder(void)
{
        static const struct swb_encoder_ops ops = {memory_of, open_closing, put, finish,
                                                   close_closing};

        return &ops;
}
