/* SPDX-License-Identifier: Apache-2.0 */
#include "open/unpack.h"

#include "open/erofs.h"
#include "open/libraries.h"

#define SIZE_BYTES 4u /* before a block of LZ4 */

struct swb_unpacker {
        const struct swb_unpacker_ops *ops;
        void *state;
        int last; /* sticky unless SWB_UNPACK_MORE */
};

/* Beside the window. */
#define BESIDE_WINDOW_BYTES ((uint64_t)2 << 20)
/* Where the window stands among the parameters of SWB_ENCODER_XZ and _LZMA, and of _ZSTD
 * (PF-134). */
enum { DICTIONARY = 1, ZSTD_WINDOW_LOG = 3 };

uint64_t swb_unpack_memory(const struct swb_setting *setting)
{
        uint64_t window = 0;

        if (setting->encoder == SWB_ENCODER_XZ || setting->encoder == SWB_ENCODER_LZMA)
                window = setting->parameters[DICTIONARY];
        else if (setting->encoder == SWB_ENCODER_ZSTD)
                window = (uint64_t)1 << setting->parameters[ZSTD_WINDOW_LOG];
        return SWB_MAX(SWB_UNPACK_MEMORY_BYTES, window + BESIDE_WINDOW_BYTES);
}

static const struct swb_unpacker_ops *ops_of(enum swb_packing packing)
{
        switch (packing) {
        case SWB_PACKING_DEFLATE:
                return swb_deflate_unpacker();
        case SWB_PACKING_ZLIB:
                return swb_zlib_unpacker();
        case SWB_PACKING_XZ:
                return swb_xz_unpacker();
        case SWB_PACKING_ZSTD:
                return swb_zstd_unpacker();
        case SWB_PACKING_BZIP2:
                return swb_bzip2_unpacker();
        case SWB_PACKING_LZMA:
                return swb_lzma_unpacker();
        case SWB_PACKING_LZOP:
                return swb_lzop_unpacker();
        case SWB_PACKING_PLAIN:
        case SWB_PACKING_LZ4:
        case SWB_PACKING_LZ4_SIZED:
        case SWB_PACKING_EROFS_LZ4:
        case SWB_PACKING_LZO:
        case _SWB_PACKING_MAX:
        case _SWB_PACKING_INVALID:
        default:
                return NULL;
        }
}

int swb_unpacker_new(enum swb_packing packing, uint64_t max_memory_bytes, struct swb_unpacker **ret)
{
        const struct swb_unpacker_ops *ops = ops_of(packing);
        struct swb_unpacker *unpacker;
        int r;

        if (!ops)
                return -EPROTONOSUPPORT;
        unpacker = calloc(1, sizeof(*unpacker));
        if (!unpacker)
                return -ENOMEM;
        unpacker->ops = ops;
        r = ops->open(max_memory_bytes, &unpacker->state);
        if (r < 0) {
                free(unpacker);
                return r;
        }
        *ret = unpacker;
        return 0;
}

struct swb_unpacker *swb_unpacker_free(struct swb_unpacker *unpacker)
{
        if (!unpacker)
                return NULL;
        unpacker->ops->close(unpacker->state);
        free(unpacker);
        return NULL;
}

int swb_unpacker_step(struct swb_unpacker *unpacker, const uint8_t **in, size_t *n_in,
                      uint8_t **out, size_t *n_out)
{
        if (unpacker->last == SWB_UNPACK_MORE)
                unpacker->last = unpacker->ops->step(unpacker->state, in, n_in, out, n_out);
        return unpacker->last;
}

int swb_unpack_whole_up_to(enum swb_packing packing, const uint8_t *in, size_t n_in, uint8_t *out,
                           size_t n_room, size_t *ret_n)
{
        if (!swb_packing_is_whole(packing))
                return -EPROTONOSUPPORT;
        if (packing == SWB_PACKING_EROFS_LZ4)
                return swb_erofs_unpack(in, n_in, out, n_room, ret_n);
        if (packing == SWB_PACKING_LZO)
                return swb_lzo_unpack(in, n_in, out, n_room, ret_n);
        if (packing == SWB_PACKING_LZ4_SIZED) {
                if (n_in < SIZE_BYTES || swb_get_le32(in) != n_in - SIZE_BYTES)
                        return -EBADMSG;
                in += SIZE_BYTES;
                n_in -= SIZE_BYTES;
        }
        return swb_lz4_unpack(in, n_in, out, n_room, ret_n);
}

int swb_unpack_whole(enum swb_packing packing, const uint8_t *in, size_t n_in, uint8_t *out,
                     size_t n_out)
{
        size_t n;
        int r = swb_unpack_whole_up_to(packing, in, n_in, out, n_out, &n);

        if (r < 0)
                return r;
        return n == n_out ? 0 : -EBADMSG;
}

int swb_unpack_up_to(enum swb_packing packing, const uint8_t *in, size_t n_in, uint8_t *out,
                     size_t n_room, size_t *ret_n)
{
        _cleanup_(swb_unpacker_freep) struct swb_unpacker *unpacker = NULL;
        size_t n_left = n_room;
        int r;

        if (swb_packing_is_whole(packing))
                return swb_unpack_whole_up_to(packing, in, n_in, out, n_room, ret_n);
        r = swb_unpacker_new(packing, SWB_UNPACK_MEMORY_BYTES, &unpacker);
        while (r == SWB_UNPACK_MORE) {
                size_t had_in = n_in, had_left = n_left;

                r = swb_unpacker_step(unpacker, &in, &n_in, &out, &n_left);
                if (r == SWB_UNPACK_MORE && had_in == n_in && had_left == n_left)
                        return -EBADMSG;
        }
        if (r < 0)
                return r;
        *ret_n = n_room - n_left;
        return n_in == 0 ? 0 : -EBADMSG;
}
