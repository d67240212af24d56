/* SPDX-License-Identifier: Apache-2.0 */
#include <brotli/decode.h>

#include "codec/bounded_memory.h"
#include "codec/decoder_ops.h"

struct brotli_state {
        BrotliDecoderState *decoder;
        struct swb_bounded_memory memory;
};

static void *brotli_alloc(void *opaque, size_t n_bytes)
{
        return swb_bounded_alloc(opaque, n_bytes);
}

static void brotli_free(void *opaque, void *block)
{
        swb_bounded_free(opaque, block);
}

static int brotli_open(size_t max_memory_bytes, void **ret_state)
{
        _cleanup_free_ struct brotli_state *state = calloc(1, sizeof(*state));

        if (!state)
                return -ENOMEM;
        state->memory.left_bytes = max_memory_bytes;
        state->decoder = BrotliDecoderCreateInstance(brotli_alloc, brotli_free, &state->memory);
        if (!state->decoder)
                return swb_bounded_error(&state->memory);
        *ret_state = SWB_TAKE_PTR(state);
        return 0;
}

static void brotli_close(void *opaque)
{
        struct brotli_state *state = opaque;

        BrotliDecoderDestroyInstance(state->decoder);
        free(state);
}

static bool is_allocation_error(BrotliDecoderErrorCode code)
{
        return code <= BROTLI_DECODER_ERROR_ALLOC_CONTEXT_MODES &&
               code >= BROTLI_DECODER_ERROR_ALLOC_BLOCK_TYPE_TREES;
}

static int brotli_step(void *opaque, const uint8_t **in, size_t *n_in, uint8_t **out, size_t *n_out)
{
        struct brotli_state *state = opaque;

        switch (BrotliDecoderDecompressStream(state->decoder, n_in, in, n_out, out, NULL)) {
        case BROTLI_DECODER_RESULT_SUCCESS:
                return SWB_DECODER_END;
        case BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT:
        case BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT:
                return SWB_DECODER_MORE;
        case BROTLI_DECODER_RESULT_ERROR:
        default:
                break;
        }
        if (is_allocation_error(BrotliDecoderGetErrorCode(state->decoder)))
                return swb_bounded_error(&state->memory);
        return -EBADMSG;
}

const struct swb_decoder_ops swb_brotli_decoder = {
        .open = brotli_open,
        .close = brotli_close,
        .step = brotli_step,
};
