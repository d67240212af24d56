/* SPDX-License-Identifier: Apache-2.0 */
#include <lzma.h>

#include "codec/decoder_ops.h"

static int xz_open(size_t max_memory_bytes, void **ret_state)
{
        _cleanup_free_ lzma_stream *stream = calloc(1, sizeof(*stream));

        if (!stream)
                return -ENOMEM;
        *stream = (lzma_stream)LZMA_STREAM_INIT;
        /* One stream, no padding; the type of check is looked at before any data. */
        if (lzma_stream_decoder(stream, max_memory_bytes, LZMA_TELL_ANY_CHECK) != LZMA_OK)
                return -ENOMEM;
        *ret_state = SWB_TAKE_PTR(stream);
        return 0;
}

static void xz_close(void *opaque)
{
        lzma_stream *stream = opaque;

        lzma_end(stream);
        free(stream);
}

/* The decoder of other clients is built with these two checks only. */
static bool check_allowed(const lzma_stream *stream)
{
        lzma_check check = lzma_get_check(stream);

        return check == LZMA_CHECK_NONE || check == LZMA_CHECK_CRC32;
}

static int xz_step(void *opaque, const uint8_t **in, size_t *n_in, uint8_t **out, size_t *n_out)
{
        lzma_stream *stream = opaque;
        lzma_ret r;

        stream->next_in = *in;
        stream->avail_in = *n_in;
        stream->next_out = *out;
        stream->avail_out = *n_out;
        do
                r = lzma_code(stream, LZMA_RUN);
        while (r == LZMA_GET_CHECK && check_allowed(stream));
        *in = stream->next_in;
        *n_in = stream->avail_in;
        *out = stream->next_out;
        *n_out = stream->avail_out;
        if (r == LZMA_OK || r == LZMA_BUF_ERROR) /* the latter: no progress without more room */
                return SWB_DECODER_MORE;
        if (r == LZMA_STREAM_END)
                return SWB_DECODER_END;
        if (r == LZMA_MEM_ERROR)
                return -ENOMEM;
        return r == LZMA_MEMLIMIT_ERROR ? -E2BIG : -EBADMSG;
}

const struct swb_decoder_ops swb_xz_decoder = {
        .open = xz_open,
        .close = xz_close,
        .step = xz_step,
};
