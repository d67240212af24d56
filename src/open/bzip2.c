/* SPDX-License-Identifier: Apache-2.0 */
#include <bzlib.h>
#include <limits.h>

#include "open/libraries.h"

#define BUFFER_BYTES ((size_t)64 << 10)
#define BLOCK_UNIT_BYTES ((uint64_t)100000)
/* What the library allocates beside what grows with the block. */
#define FIXED_BYTES ((uint64_t)448 << 10)
#define OPENING_BYTES (4 * 9 * BLOCK_UNIT_BYTES + FIXED_BYTES)

/* ---- opening */

static int open_unpacker(uint64_t max_memory_bytes, void **ret_state)
{
        _cleanup_free_ bz_stream *stream = NULL;

        if (OPENING_BYTES > max_memory_bytes)
                return -E2BIG;
        stream = calloc(1, sizeof(*stream));
        if (!stream || BZ2_bzDecompressInit(stream, 0, 0) != BZ_OK)
                return -ENOMEM;
        *ret_state = SWB_TAKE_PTR(stream);
        return 0;
}

static void close_unpacker(void *state)
{
        (void)BZ2_bzDecompressEnd(state); /* fails for a bad handle only */
        free(state);
}

static int step_unpacker(void *state, const uint8_t **in, size_t *n_in, uint8_t **out,
                         size_t *n_out)
{
        bz_stream *stream = state;
        unsigned had_in = (unsigned)SWB_MIN(*n_in, (size_t)UINT_MAX);
        unsigned had_out = (unsigned)SWB_MIN(*n_out, (size_t)UINT_MAX);
        int r;

        stream->next_in = (char *)(uintptr_t)*in; /* libbz2 does not write there */
        stream->avail_in = had_in;
        stream->next_out = (char *)*out;
        stream->avail_out = had_out;
        r = BZ2_bzDecompress(stream);
        *in += had_in - stream->avail_in;
        *n_in -= had_in - stream->avail_in;
        *out += had_out - stream->avail_out;
        *n_out -= had_out - stream->avail_out;
        if (r == BZ_OK)
                return SWB_UNPACK_MORE;
        if (r == BZ_STREAM_END)
                return SWB_UNPACK_END;
        return r == BZ_MEM_ERROR ? -ENOMEM : -EBADMSG;
}

const struct swb_unpacker_ops *swb_bzip2_unpacker(void)
{
        static const struct swb_unpacker_ops ops = {open_unpacker, step_unpacker, close_unpacker};

        return &ops;
}

uint64_t swb_bzip2_opening_bytes(void)
{
        return OPENING_BYTES;
}

/* ---- closing; parameter: level, which is a block's size in units of 100,000 bytes */

struct closing {
        struct swb_encoder_job job;
        bz_stream stream;
        char buffer[BUFFER_BYTES];
};

static uint64_t memory_of(const struct swb_setting *setting, uint64_t n_opened, uint64_t n_encoded)
{
        (void)n_opened, (void)n_encoded;
        return 8 * BLOCK_UNIT_BYTES * setting->parameters[0] + FIXED_BYTES + BUFFER_BYTES;
}

static void close_closing(void *state)
{
        struct closing *closing = state;

        (void)BZ2_bzCompressEnd(&closing->stream); /* fails for a bad handle only */
        free(closing);
}

static int open_closing(const struct swb_encoder_job *job, void **ret_state)
{
        _cleanup_free_ struct closing *closing = calloc(1, sizeof(*closing));
        int made;

        if (!closing)
                return -ENOMEM;
        closing->job = *job;
        made = BZ2_bzCompressInit(&closing->stream, (int)job->setting->parameters[0], 0, 0);
        if (made != BZ_OK)
                return made == BZ_MEM_ERROR ? -ENOMEM : -EINVAL;
        *ret_state = SWB_TAKE_PTR(closing);
        return 0;
}

/* BZ_RUN: until all input is taken; BZ_FINISH: until all is out. */
static int run(struct closing *closing, int action)
{
        bz_stream *stream = &closing->stream;
        int made = action == BZ_RUN ? BZ_RUN_OK : BZ_FINISH_OK, r;

        while (action == BZ_RUN ? stream->avail_in > 0 : made == BZ_FINISH_OK) {
                size_t n;

                stream->next_out = closing->buffer;
                stream->avail_out = BUFFER_BYTES;
                made = BZ2_bzCompress(stream, action);
                if (made < 0)
                        return -EBADMSG;
                n = BUFFER_BYTES - stream->avail_out;
                r = n > 0 ? closing->job.write(closing->job.context,
                                               (const uint8_t *)closing->buffer, n)
                          : 0;
                if (r < 0)
                        return r;
        }
        return 0;
}

static int put(void *state, const uint8_t *data, size_t n)
{
        struct closing *closing = state;
        int r = 0;

        while (n > 0 && r >= 0) {
                unsigned part = (unsigned)SWB_MIN(n, (size_t)UINT_MAX);

                closing->stream.next_in = (char *)(uintptr_t)data;
                closing->stream.avail_in = part;
                r = run(closing, BZ_RUN);
                data += part;
                n -= part;
        }
        return r;
}

static int finish(void *state)
{
        return run(state, BZ_FINISH);
}

const struct swb_encoder_ops *swb_bzip2_encoder(void)
{
        static const struct swb_encoder_ops ops = {memory_of, open_closing, put, finish,
                                                   close_closing};

        return &ops;
}
