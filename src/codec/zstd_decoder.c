/* SPDX-License-Identifier: Apache-2.0 */
#include <zstd.h>
#include <zstd_errors.h>

#include "base/error.h"
#include "codec/decoder_ops.h"

/* PF-43: the window of a REPLACE_ZSTD frame is at most 8 MiB. */
#define WINDOW_MAX_BYTES ((uint64_t)8 << 20)
#define WINDOW_LOG_MAX 23
/* What the library allocates beside the window: its tables and three blocks of 128 KiB. */
#define BESIDE_WINDOW_BYTES ((size_t)1 << 20)
/* With a window that is smaller than a block: its tables, and three times the window. */
#define TABLES_BYTES ((size_t)256 << 10)
#define SMALL_WINDOW_BYTES ((size_t)128 << 10)

#define MAGIC_BYTES 4
#define DESCRIPTOR_AT MAGIC_BYTES
#define HEAD_MAX_BYTES 18

struct zstd_state {
        ZSTD_DStream *stream;
        uint64_t max_window_bytes;
        uint8_t head[HEAD_MAX_BYTES]; /* the frame header */
        size_t n_head;                /* bytes of it that were seen */
        bool head_done;
};

static uint64_t window_for(size_t max_memory_bytes)
{
        size_t small = max_memory_bytes - SWB_MIN(TABLES_BYTES, max_memory_bytes);
        size_t large = max_memory_bytes - SWB_MIN(BESIDE_WINDOW_BYTES, max_memory_bytes);

        small = SWB_MIN(SMALL_WINDOW_BYTES, small / 3);
        return SWB_MIN(WINDOW_MAX_BYTES, (uint64_t)SWB_MAX(small, large));
}

static int zstd_open(size_t max_memory_bytes, void **ret_state)
{
        struct zstd_state *state = calloc(1, sizeof(*state));
        size_t r;

        if (!state)
                return -ENOMEM;
        state->max_window_bytes = window_for(max_memory_bytes);
        state->stream = ZSTD_createDStream();
        if (!state->stream) {
                free(state);
                return -ENOMEM;
        }
        r = ZSTD_DCtx_setParameter(state->stream, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
        swb_assert(!ZSTD_isError(r));
        *ret_state = state;
        return 0;
}

static void zstd_close(void *opaque)
{
        struct zstd_state *state = opaque;

        (void)ZSTD_freeDStream(state->stream); /* always 0 */
        free(state);
}

static void zstd_reset(void *opaque)
{
        struct zstd_state *state = opaque;
        size_t r = ZSTD_DCtx_reset(state->stream, ZSTD_reset_session_only);

        swb_assert(!ZSTD_isError(r));
        state->n_head = 0;
        state->head_done = false;
}

/* RFC 8878 section 3.1.1.1: the three fields that the descriptor gives a size. */
struct head_layout {
        bool single_segment; /* no window byte: the window is the content */
        size_t n_dictionary_id, n_content_size;
        size_t n_bytes; /* of the whole header, magic included */
};

static struct head_layout layout_of(uint8_t descriptor)
{
        static const uint8_t dictionary_id[4] = {0, 1, 2, 4}, content_size[4] = {0, 2, 4, 8};
        struct head_layout layout = {
                .single_segment = descriptor >> 5 & 1,
                .n_dictionary_id = dictionary_id[descriptor & 3],
                .n_content_size = content_size[descriptor >> 6],
        };

        if (layout.single_segment && layout.n_content_size == 0)
                layout.n_content_size = 1;
        layout.n_bytes = MAGIC_BYTES + 1 + !layout.single_segment + layout.n_dictionary_id +
                         layout.n_content_size;
        return layout;
}

static uint64_t window_of(const uint8_t *head, const struct head_layout *layout)
{
        uint64_t base, value = 0;

        if (!layout->single_segment) {
                base = (uint64_t)1 << (10 + (head[DESCRIPTOR_AT + 1] >> 3));
                return base + base / 8 * (head[DESCRIPTOR_AT + 1] & 7);
        }
        for (size_t i = 0; i < layout->n_content_size; i++)
                value |= (uint64_t)head[layout->n_bytes - layout->n_content_size + i] << 8 * i;
        return layout->n_content_size == 2 ? value + 256 : value;
}

static int check_complete_head(struct zstd_state *state, const struct head_layout *layout)
{
        if (layout->n_content_size == 0 || layout->n_dictionary_id != 0)
                return -EBADMSG;
        if (window_of(state->head, layout) > state->max_window_bytes)
                return -E2BIG;
        state->head_done = true;
        return 0;
}

/*
 * The library also takes skippable frames and frames that do not tell their size: PF-43 does not.
 * ret_n: how many bytes of `in` belong to the header.
 */
static int check_head(struct zstd_state *state, const uint8_t *in, size_t n_in, size_t *ret_n)
{
        static const uint8_t magic[MAGIC_BYTES] = {0x28, 0xb5, 0x2f, 0xfd};
        size_t n = 0;

        while (n < n_in && !state->head_done) {
                struct head_layout layout;
                int r;

                if (state->n_head < MAGIC_BYTES && in[n] != magic[state->n_head])
                        return -EBADMSG;
                state->head[state->n_head++] = in[n++];
                if (state->n_head <= DESCRIPTOR_AT)
                        continue;
                layout = layout_of(state->head[DESCRIPTOR_AT]);
                if (state->n_head < layout.n_bytes)
                        continue;
                r = check_complete_head(state, &layout);
                if (r < 0)
                        return r;
        }
        *ret_n = n;
        return 0;
}

static int zstd_error(size_t r)
{
        ZSTD_ErrorCode code = ZSTD_getErrorCode(r);

        if (code == ZSTD_error_frameParameter_windowTooLarge)
                return -E2BIG;
        return code == ZSTD_error_memory_allocation ? -ENOMEM : -EBADMSG;
}

/*
 * The header goes in alone. Otherwise the library decodes a frame that it sees whole in another way
 * than one that comes in pieces, and the two do not refuse the same frames.
 */
static int zstd_step(void *opaque, const uint8_t **in, size_t *n_in, uint8_t **out, size_t *n_out)
{
        struct zstd_state *state = opaque;
        ZSTD_inBuffer input = {.src = *in};
        ZSTD_outBuffer output = {.dst = *out, .size = *n_out};
        size_t left = 1;
        int r;

        r = check_head(state, *in, *n_in, &input.size);
        if (r < 0)
                return r;
        if (input.size > 0)
                left = ZSTD_decompressStream(state->stream, &output, &input);
        if (state->head_done && !ZSTD_isError(left)) {
                input.size = *n_in;
                left = ZSTD_decompressStream(state->stream, &output, &input);
        }
        *in += input.pos;
        *n_in -= input.pos;
        *out += output.pos;
        *n_out -= output.pos;
        if (ZSTD_isError(left))
                return zstd_error(left);
        return left == 0 ? SWB_DECODER_END : SWB_DECODER_MORE;
}

/* Straight to where it belongs: no window, from which everything would be copied once more. */
static int zstd_whole(size_t max_memory_bytes, const uint8_t *in, size_t n_in, uint8_t *out,
                      size_t n_out)
{
        struct zstd_state state = {.max_window_bytes = window_for(max_memory_bytes)};
        size_t n_head, n;
        int r = check_head(&state, in, n_in, &n_head);

        if (r < 0)
                return r;
        if (!state.head_done || ZSTD_getFrameContentSize(in, n_in) != n_out ||
            ZSTD_findFrameCompressedSize(in, n_in) != n_in)
                return -EBADMSG;
        n = ZSTD_decompress(out, n_out, in, n_in);
        if (ZSTD_isError(n))
                return zstd_error(n);
        return n == n_out ? 0 : -EBADMSG;
}

const struct swb_decoder_ops swb_zstd_decoder = {
        .open = zstd_open,
        .close = zstd_close,
        .reset = zstd_reset,
        .step = zstd_step,
        .whole = zstd_whole,
};
