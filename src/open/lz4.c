/* SPDX-License-Identifier: Apache-2.0 */
#include <lz4.h>
#include <lz4hc.h>

#include "open/libraries.h"

#define HC_STATE_BYTES ((uint64_t)LZ4_STREAMHC_MINSIZE)
#define FAST_STATE_BYTES ((uint64_t)LZ4_STREAM_MINSIZE)

static uint64_t gathered_bytes(uint64_t n_opened, uint64_t n_encoded)
{
        return n_opened + n_encoded + SWB_GATHERED_MARGIN;
}

/* Writes what was made; n <= 0: it did not fit, so it is not what was promised. */
static int give(const struct swb_gathered *gathered, const uint8_t *made, int n)
{
        uint8_t size[4];
        int r = 0;

        if (n <= 0)
                return -EBADMSG;
        if (gathered->job.setting->packing == SWB_PACKING_LZ4_SIZED) {
                swb_put_le32(size, (uint32_t)n);
                r = gathered->job.write(gathered->job.context, size, sizeof(size));
        }
        if (r < 0)
                return r;
        return gathered->job.write(gathered->job.context, made, (size_t)n);
}

static uint64_t fast_memory(const struct swb_setting *setting, uint64_t n_opened,
                            uint64_t n_encoded)
{
        (void)setting;
        return gathered_bytes(n_opened, n_encoded) + FAST_STATE_BYTES;
}

static int fast_finish(void *state)
{
        const struct swb_gathered *gathered = state;
        _cleanup_free_ void *table = malloc((size_t)LZ4_sizeofState());
        size_t n_room;
        _cleanup_free_ uint8_t *made = swb_gathered_room(gathered, &n_room);

        if (!made || !table)
                return -ENOMEM;
        return give(gathered, made,
                    LZ4_compress_fast_extState(table, (const char *)gathered->data, (char *)made,
                                               (int)gathered->n, (int)n_room,
                                               (int)gathered->job.setting->parameters[0]));
}

static const struct swb_encoder_ops fast = {
        .memory = fast_memory,
        .open = swb_gathered_open,
        .put = swb_gathered_put,
        .finish = fast_finish,
        .close = swb_gathered_close,
};

static uint64_t hc_memory(const struct swb_setting *setting, uint64_t n_opened, uint64_t n_encoded)
{
        (void)setting;
        return gathered_bytes(n_opened, n_encoded) + HC_STATE_BYTES;
}

static int hc_finish(void *state)
{
        const struct swb_gathered *gathered = state;
        _cleanup_free_ void *table = malloc((size_t)LZ4_sizeofStateHC());
        size_t n_room;
        _cleanup_free_ uint8_t *made = swb_gathered_room(gathered, &n_room);

        if (!made || !table)
                return -ENOMEM;
        return give(gathered, made,
                    LZ4_compress_HC_extStateHC(table, (const char *)gathered->data, (char *)made,
                                               (int)gathered->n, (int)n_room,
                                               (int)gathered->job.setting->parameters[0]));
}

static const struct swb_encoder_ops hc = {
        .memory = hc_memory,
        .open = swb_gathered_open,
        .put = swb_gathered_put,
        .finish = hc_finish,
        .close = swb_gathered_close,
};

const struct swb_encoder_ops *swb_lz4_encoder(void)
{
        return &fast;
}

const struct swb_encoder_ops *swb_lz4_hc_encoder(void)
{
        return &hc;
}

int swb_lz4_unpack(const uint8_t *in, size_t n_in, uint8_t *out, size_t n_room, size_t *ret_n)
{
        int n;

        if (n_in > 2 * SWB_WHOLE_MAX_BYTES || n_room > SWB_WHOLE_MAX_BYTES)
                return -E2BIG;
        n = LZ4_decompress_safe((const char *)in, (char *)out, (int)n_in, (int)n_room);
        if (n < 0)
                return -EBADMSG;
        *ret_n = (size_t)n;
        return 0;
}
