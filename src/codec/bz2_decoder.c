/* SPDX-License-Identifier: Apache-2.0 */
#include <bzlib.h>
#include <limits.h>

#include "codec/bounded_memory.h"
#include "codec/decoder_ops.h"

struct bz2_state {
        bz_stream stream;
        struct swb_bounded_memory memory;
};

static void *bz2_alloc(void *opaque, int items, int size)
{
        return swb_bounded_alloc(opaque, (size_t)items * (size_t)size);
}

static void bz2_free(void *opaque, void *block)
{
        swb_bounded_free(opaque, block);
}

static int bz2_open(size_t max_memory_bytes, void **ret_state)
{
        _cleanup_free_ struct bz2_state *state = calloc(1, sizeof(*state));

        if (!state)
                return -ENOMEM;
        state->memory.left_bytes = max_memory_bytes;
        state->stream.bzalloc = bz2_alloc;
        state->stream.bzfree = bz2_free;
        state->stream.opaque = &state->memory;
        if (BZ2_bzDecompressInit(&state->stream, 0, 0) != BZ_OK)
                return swb_bounded_error(&state->memory);
        *ret_state = SWB_TAKE_PTR(state);
        return 0;
}

static void bz2_close(void *opaque)
{
        struct bz2_state *state = opaque;

        (void)BZ2_bzDecompressEnd(&state->stream); /* fails for a bad handle only */
        free(state);
}

static int bz2_step(void *opaque, const uint8_t **in, size_t *n_in, uint8_t **out, size_t *n_out)
{
        struct bz2_state *state = opaque;
        bz_stream *stream = &state->stream;
        unsigned had_in = (unsigned)SWB_MIN(*n_in, (size_t)UINT_MAX);
        unsigned had_out = (unsigned)SWB_MIN(*n_out, (size_t)UINT_MAX);
        int r;

        stream->next_in = (char *)*in; /* libbz2 does not write there */
        stream->avail_in = had_in;
        stream->next_out = (char *)*out;
        stream->avail_out = had_out;
        r = BZ2_bzDecompress(stream);
        *in += had_in - stream->avail_in;
        *n_in -= had_in - stream->avail_in;
        *out += had_out - stream->avail_out;
        *n_out -= had_out - stream->avail_out;
        if (r == BZ_OK)
                return SWB_DECODER_MORE;
        if (r == BZ_STREAM_END)
                return SWB_DECODER_END;
        return r == BZ_MEM_ERROR ? swb_bounded_error(&state->memory) : -EBADMSG;
}

const struct swb_decoder_ops swb_bz2_decoder = {
        .open = bz2_open,
        .close = bz2_close,
        .step = bz2_step,
};
