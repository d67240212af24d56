/* SPDX-License-Identifier: Apache-2.0 */
#include <zlib.h>

#include "open/libraries.h"

#define BUFFER_BYTES ((size_t)64 << 10)
#define INFLATE_BYTES ((uint64_t)64 << 10)
#define RAW_BITS (-15)

/* ---- opening */

static int open_with(int bits, uint64_t max_memory_bytes, void **ret_state)
{
        _cleanup_free_ z_stream *stream = calloc(1, sizeof(*stream));

        if (max_memory_bytes < INFLATE_BYTES)
                return -E2BIG;
        if (!stream || inflateInit2(stream, bits) != Z_OK)
                return -ENOMEM;
        *ret_state = SWB_TAKE_PTR(stream);
        return 0;
}

static int open_deflate(uint64_t max_memory_bytes, void **ret_state)
{
        return open_with(RAW_BITS, max_memory_bytes, ret_state);
}

static int open_zlib(uint64_t max_memory_bytes, void **ret_state)
{
        return open_with(-RAW_BITS, max_memory_bytes, ret_state);
}

static void close_unpacker(void *state)
{
        (void)inflateEnd(state); /* fails for a bad handle only */
        free(state);
}

static int step_unpacker(void *state, const uint8_t **in, size_t *n_in, uint8_t **out,
                         size_t *n_out)
{
        z_stream *stream = state;
        unsigned give = (unsigned)SWB_MIN(*n_in, (size_t)1 << 30);
        unsigned room = (unsigned)SWB_MIN(*n_out, (size_t)1 << 30);
        int r;

        stream->next_in = (z_const Bytef *)*in;
        stream->avail_in = give;
        stream->next_out = *out;
        stream->avail_out = room;
        r = inflate(stream, Z_NO_FLUSH);
        *in += give - stream->avail_in;
        *n_in -= give - stream->avail_in;
        *out += room - stream->avail_out;
        *n_out -= room - stream->avail_out;
        if (r == Z_STREAM_END)
                return SWB_UNPACK_END;
        if (r == Z_OK || r == Z_BUF_ERROR)
                return SWB_UNPACK_MORE;
        return r == Z_MEM_ERROR ? -ENOMEM : -EBADMSG;
}

const struct swb_unpacker_ops *swb_deflate_unpacker(void)
{
        static const struct swb_unpacker_ops ops = {open_deflate, step_unpacker, close_unpacker};

        return &ops;
}

const struct swb_unpacker_ops *swb_zlib_unpacker(void)
{
        static const struct swb_unpacker_ops ops = {open_zlib, step_unpacker, close_unpacker};

        return &ops;
}

/* ---- closing; parameters: level, window bits, memory level, strategy */

enum { LEVEL, BITS, MEMORY, STRATEGY };

struct closing {
        struct swb_encoder_job job;
        z_stream stream;
        uint8_t buffer[BUFFER_BYTES];
};

/* The library's own figures. */
static uint64_t memory_of(const struct swb_setting *setting, uint64_t n_opened, uint64_t n_encoded)
{
        const uint32_t *p = setting->parameters;

        (void)n_opened, (void)n_encoded;
        return ((uint64_t)4 << p[BITS]) + ((uint64_t)512 << p[MEMORY]) + sizeof(struct closing) +
               ((uint64_t)16 << 10);
}

static int open_closing(const struct swb_encoder_job *job, void **ret_state)
{
        const uint32_t *p = job->setting->parameters;
        _cleanup_free_ struct closing *closing = calloc(1, sizeof(*closing));
        int bits = job->setting->packing == SWB_PACKING_ZLIB ? (int)p[BITS] : -(int)p[BITS], r;

        if (!closing)
                return -ENOMEM;
        closing->job = *job;
        r = deflateInit2(&closing->stream, (int)p[LEVEL], Z_DEFLATED, bits, (int)p[MEMORY],
                         (int)p[STRATEGY]);
        if (r != Z_OK)
                return r == Z_MEM_ERROR ? -ENOMEM : -EINVAL;
        *ret_state = SWB_TAKE_PTR(closing);
        return 0;
}

static void close_closing(void *state)
{
        struct closing *closing = state;

        (void)deflateEnd(&closing->stream); /* Z_DATA_ERROR: ended early, which is meant */
        free(closing);
}

static int run(struct closing *closing, const uint8_t *data, size_t n, int flush)
{
        int made, r;

        closing->stream.next_in = (z_const Bytef *)data;
        closing->stream.avail_in = (unsigned)n;
        do {
                closing->stream.next_out = closing->buffer;
                closing->stream.avail_out = BUFFER_BYTES;
                made = deflate(&closing->stream, flush);
                if (made == Z_STREAM_ERROR)
                        return -EBADMSG;
                if (closing->stream.avail_out < BUFFER_BYTES) {
                        r = closing->job.write(closing->job.context, closing->buffer,
                                               BUFFER_BYTES - closing->stream.avail_out);
                        if (r < 0)
                                return r;
                }
        } while (closing->stream.avail_out == 0 || (flush == Z_FINISH && made == Z_OK));
        return 0;
}

#define PUT_BYTES ((size_t)1 << 30)

static int put(void *state, const uint8_t *data, size_t n)
{
        int r = 0;

        for (size_t done = 0; done < n && r >= 0; done += PUT_BYTES)
                r = run(state, data + done, SWB_MIN(PUT_BYTES, n - done), Z_NO_FLUSH);
        return r;
}

static int finish(void *state)
{
        return run(state, (const uint8_t *)"", 0, Z_FINISH);
}

const struct swb_encoder_ops *swb_zlib_encoder(void)
{
        static const struct swb_encoder_ops ops = {memory_of, open_closing, put, finish,
                                                   close_closing};

        return &ops;
}
