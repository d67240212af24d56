/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What pigz(1) makes, with however many threads: the input in blocks of one size, each compressed
 * by zlib by itself behind the 32 KiB before it, and ended on a whole byte.
 */
#include <zlib.h>

#include "open/libraries.h"

#define BUFFER_BYTES ((size_t)16 << 10)
#define WINDOW_BYTES ((size_t)32 << 10)
#define MEMORY_LEVEL 8
#define FEED_BYTES ((size_t)1 << 20)

/* Parameters. */
enum { LEVEL, BLOCK_KIB, INDEPENDENT /* nothing before a block is used for it */ };

struct pigz {
        struct swb_encoder_job job;
        z_stream stream;
        uint64_t n_block, left; /* of the block at work */
        size_t n_window;
        uint8_t window[WINDOW_BYTES]; /* the last bytes, in order */
        uint8_t buffer[BUFFER_BYTES];
};

/* The library's own figures. */
static uint64_t memory_of(const struct swb_setting *setting, uint64_t n_opened, uint64_t n_encoded)
{
        (void)setting, (void)n_opened, (void)n_encoded;
        return ((uint64_t)4 << MAX_WBITS) + ((uint64_t)512 << MEMORY_LEVEL) + sizeof(struct pigz) +
               ((uint64_t)16 << 10);
}

static int open_closing(const struct swb_encoder_job *job, void **ret_state)
{
        const uint32_t *p = job->setting->parameters;
        _cleanup_free_ struct pigz *pigz = calloc(1, sizeof(*pigz));
        int r;

        if (!pigz)
                return -ENOMEM;
        pigz->job = *job;
        pigz->left = pigz->n_block = (uint64_t)p[BLOCK_KIB] << 10;
        r = deflateInit2(&pigz->stream, (int)p[LEVEL], Z_DEFLATED, -MAX_WBITS, MEMORY_LEVEL,
                         Z_DEFAULT_STRATEGY);
        if (r != Z_OK)
                return r == Z_MEM_ERROR ? -ENOMEM : -EINVAL;
        *ret_state = SWB_TAKE_PTR(pigz);
        return 0;
}

static void close_closing(void *state)
{
        struct pigz *pigz = state;

        (void)deflateEnd(&pigz->stream); /* Z_DATA_ERROR: ended early, which is meant */
        free(pigz);
}

static int run(struct pigz *pigz, int flush)
{
        z_stream *stream = &pigz->stream;

        do {
                int made, r;

                stream->next_out = pigz->buffer;
                stream->avail_out = BUFFER_BYTES;
                made = deflate(stream, flush);
                if (made == Z_STREAM_ERROR)
                        return -EBADMSG;
                r = stream->avail_out == BUFFER_BYTES
                            ? 0
                            : pigz->job.write(pigz->job.context, pigz->buffer,
                                              BUFFER_BYTES - stream->avail_out);
                if (r < 0)
                        return r;
        } while (stream->avail_out == 0);
        return 0;
}

static int pending_bits(struct pigz *pigz)
{
        int bits = 0;

        (void)deflatePending(&pigz->stream, Z_NULL, &bits); /* fails for a bad handle only */
        return bits;
}

/* Empty blocks of 10 bits up to a whole byte; where that can't be, an empty stored one. */
static int fill_byte(struct pigz *pigz, bool independent)
{
        int bits, r = run(pigz, Z_BLOCK);

        if (r < 0)
                return r;
        bits = pending_bits(pigz);
        if (bits & 1 || independent) {
                r = run(pigz, Z_SYNC_FLUSH);
                return r >= 0 && independent ? run(pigz, Z_FULL_FLUSH) : r;
        }
        if ((bits & 7) == 0)
                return 0;
        for (; bits & 7; bits = pending_bits(pigz))
                if (deflatePrime(&pigz->stream, 10, 2) != Z_OK)
                        return -EBADMSG;
        return run(pigz, Z_BLOCK);
}

static int next_block(struct pigz *pigz)
{
        bool independent = pigz->job.setting->parameters[INDEPENDENT];
        int r = fill_byte(pigz, independent);

        pigz->left = pigz->n_block;
        if (r < 0)
                return r;
        if (deflateReset(&pigz->stream) != Z_OK)
                return -EBADMSG;
        if (independent)
                return 0;
        r = deflateSetDictionary(&pigz->stream, pigz->window, (unsigned)pigz->n_window);
        return r == Z_OK ? 0 : -EBADMSG;
}

static void keep(struct pigz *pigz, const uint8_t *data, size_t n)
{
        size_t n_new = SWB_MIN(n, WINDOW_BYTES);
        size_t n_old = SWB_MIN(pigz->n_window, WINDOW_BYTES - n_new);

        memmove(pigz->window, pigz->window + pigz->n_window - n_old, n_old);
        memcpy(pigz->window + n_old, data + n - n_new, n_new);
        pigz->n_window = n_old + n_new;
}

static int put(void *state, const uint8_t *data, size_t n)
{
        struct pigz *pigz = state;
        int r = 0;

        while (n > 0 && r >= 0) {
                size_t part;

                if (pigz->left == 0)
                        r = next_block(pigz);
                if (r < 0)
                        return r;
                part = (size_t)SWB_MIN(SWB_MIN((uint64_t)n, pigz->left), (uint64_t)FEED_BYTES);
                pigz->stream.next_in = (z_const Bytef *)data;
                pigz->stream.avail_in = (unsigned)part;
                r = run(pigz, Z_NO_FLUSH);
                keep(pigz, data, part);
                pigz->left -= part;
                data += part;
                n -= part;
        }
        return r;
}

static int finish(void *state)
{
        struct pigz *pigz = state;

        pigz->stream.next_in = (z_const Bytef *)"";
        pigz->stream.avail_in = 0;
        return run(pigz, Z_FINISH);
}

const struct swb_encoder_ops *swb_pigz_encoder(void)
{
        static const struct swb_encoder_ops ops = {memory_of, open_closing, put, finish,
                                                   close_closing};

        return &ops;
}
