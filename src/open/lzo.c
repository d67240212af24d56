/* SPDX-License-Identifier: Apache-2.0 */
#include "open/lzo.h"

#include <lzo/lzo1x.h>
#include <string.h>

int swb_lzo_unpack(const uint8_t *in, size_t n_in, uint8_t *out, size_t n_room, size_t *ret_n)
{
        lzo_uint n = n_room;

        if (n_in > 2 * SWB_WHOLE_MAX_BYTES || n_room > SWB_WHOLE_MAX_BYTES)
                return -E2BIG;
        if (lzo1x_decompress_safe(in, n_in, out, &n, NULL) != LZO_E_OK)
                return -EBADMSG;
        *ret_n = n;
        return 0;
}

/* ---- opening what lzop(1) wrote */

struct opening {
        uint8_t head[SWB_LZOP_HEAD_BYTES];
        size_t n_head;             /* of these were taken */
        size_t n_encoded, n_taken; /* of the block */
        size_t n_opened, n_given;
        uint8_t encoded[SWB_LZOP_BLOCK_BYTES], opened[SWB_LZOP_BLOCK_BYTES];
};

static int open_unpacker(uint64_t max_memory_bytes, void **ret_state)
{
        struct opening *opening;

        if (sizeof(*opening) > max_memory_bytes)
                return -E2BIG;
        opening = calloc(1, sizeof(*opening));
        if (!opening)
                return -ENOMEM;
        *ret_state = opening;
        return 0;
}

/* As many bytes as there are of those that something wants. */
static void take(uint8_t *to, size_t n_want, size_t *n_taken, const uint8_t **in, size_t *n_in)
{
        size_t n = SWB_MIN(n_want - *n_taken, *n_in);

        memcpy(to + *n_taken, *in, n);
        *n_taken += n;
        *in += n;
        *n_in -= n;
}

/* Return: SWB_UNPACK_END behind the end mark; SWB_UNPACK_MORE; -EBADMSG. */
static int take_head(struct opening *opening, const uint8_t **in, size_t *n_in)
{
        take(opening->head, SWB_LZOP_SIZE_BYTES, &opening->n_head, in, n_in);
        if (opening->n_head < SWB_LZOP_SIZE_BYTES)
                return SWB_UNPACK_MORE;
        opening->n_opened = swb_get_be32(opening->head);
        if (opening->n_opened == 0)
                return SWB_UNPACK_END;
        take(opening->head, SWB_LZOP_HEAD_BYTES, &opening->n_head, in, n_in);
        if (opening->n_head < SWB_LZOP_HEAD_BYTES)
                return SWB_UNPACK_MORE;
        opening->n_encoded = swb_get_be32(opening->head + 4);
        opening->n_taken = opening->n_given = 0;
        return opening->n_opened > SWB_LZOP_BLOCK_BYTES || opening->n_encoded == 0 ||
                               opening->n_encoded > opening->n_opened
                       ? -EBADMSG
                       : SWB_UNPACK_MORE;
}

static int unpack_block(struct opening *opening)
{
        size_t n = opening->n_opened;
        int r = 0;

        if (opening->n_encoded == n)
                memcpy(opening->opened, opening->encoded, n);
        else
                r = swb_lzo_unpack(opening->encoded, opening->n_encoded, opening->opened,
                                   opening->n_opened, &n);
        if (r < 0)
                return r;
        return n == opening->n_opened &&
                               lzo_adler32(1, opening->opened, n) == swb_get_be32(opening->head + 8)
                       ? 0
                       : -EBADMSG;
}

/* What there is room for; behind the last byte the next block's head is expected. */
static void give_opened(struct opening *opening, uint8_t **out, size_t *n_out)
{
        size_t n = SWB_MIN(opening->n_opened - opening->n_given, *n_out);

        memcpy(*out, opening->opened + opening->n_given, n);
        opening->n_given += n;
        *out += n;
        *n_out -= n;
        if (opening->n_given == opening->n_opened)
                opening->n_head = 0;
}

static int step_unpacker(void *state, const uint8_t **in, size_t *n_in, uint8_t **out,
                         size_t *n_out)
{
        struct opening *opening = state;
        int r;

        if (opening->n_head < SWB_LZOP_HEAD_BYTES) {
                r = take_head(opening, in, n_in);
                if (r != SWB_UNPACK_MORE || opening->n_head < SWB_LZOP_HEAD_BYTES)
                        return r;
        }
        if (opening->n_taken < opening->n_encoded) {
                take(opening->encoded, opening->n_encoded, &opening->n_taken, in, n_in);
                if (opening->n_taken < opening->n_encoded)
                        return SWB_UNPACK_MORE;
                r = unpack_block(opening);
                if (r < 0)
                        return r;
        }
        give_opened(opening, out, n_out);
        return SWB_UNPACK_MORE;
}

const struct swb_unpacker_ops *swb_lzop_unpacker(void)
{
        static const struct swb_unpacker_ops ops = {open_unpacker, step_unpacker, free};

        return &ops;
}

/* ---- closing; parameter: which of the quick ones, or the level of LZO1X-999 */

struct closing {
        struct swb_encoder_job job;
        bool as_lzop;
        size_t n_block, n; /* bytes of a block, and of them those that are there */
        uint8_t *block, *made, *work;
};

static size_t work_bytes(const struct swb_setting *setting)
{
        static const size_t quick[] = {LZO1X_1_MEM_COMPRESS, LZO1X_1_11_MEM_COMPRESS,
                                       LZO1X_1_12_MEM_COMPRESS, LZO1X_1_15_MEM_COMPRESS};

        return setting->encoder == SWB_ENCODER_LZO_999 ? LZO1X_999_MEM_COMPRESS
                                                       : quick[setting->parameters[0]];
}

static size_t block_bytes(const struct swb_setting *setting, uint64_t n_opened)
{
        return setting->packing == SWB_PACKING_LZOP ? SWB_LZOP_BLOCK_BYTES : (size_t)n_opened;
}

static uint64_t memory_of(const struct swb_setting *setting, uint64_t n_opened, uint64_t n_encoded)
{
        size_t n = block_bytes(setting, n_opened);

        (void)n_encoded;
        return n + swb_lzo_room(n) + work_bytes(setting) + sizeof(struct closing);
}

static void close_closing(void *state)
{
        struct closing *closing = state;

        free(closing->block);
        free(closing->made);
        free(closing->work);
        free(closing);
}

static int open_closing(const struct swb_encoder_job *job, void **ret_state)
{
        bool as_lzop = job->setting->packing == SWB_PACKING_LZOP;
        struct closing *closing;

        if (!as_lzop && job->n_opened > SWB_WHOLE_MAX_BYTES)
                return -E2BIG;
        closing = calloc(1, sizeof(*closing));
        if (!closing)
                return -ENOMEM;
        closing->job = *job;
        closing->as_lzop = as_lzop;
        closing->n_block = block_bytes(job->setting, job->n_opened);
        closing->block = malloc(closing->n_block + 1);
        closing->made = malloc(swb_lzo_room(closing->n_block));
        closing->work = malloc(work_bytes(job->setting));
        if (!closing->block || !closing->made || !closing->work) {
                close_closing(closing);
                return -ENOMEM;
        }
        *ret_state = closing;
        return 0;
}

typedef int (*compressor)(const lzo_bytep in, lzo_uint n_in, lzo_bytep out, lzo_uintp n_out,
                          lzo_voidp work);

/* The optimizer, which both lzop(1) and mksquashfs(1) call, needs the block's own room. */
static int compress_well(struct closing *closing, uint32_t level, lzo_uint *n)
{
        lzo_uint n_opened = closing->n;

        if (lzo1x_999_compress_level(closing->block, closing->n, closing->made, n, closing->work,
                                     NULL, 0, NULL, (int)level) != LZO_E_OK)
                return -EBADMSG;
        if (closing->as_lzop && *n >= closing->n)
                return 0; /* is stored */
        return lzo1x_optimize(closing->made, *n, closing->block, &n_opened, NULL) == LZO_E_OK
                       ? 0
                       : -EBADMSG;
}

static int compress(struct closing *closing, lzo_uint *n)
{
        static const compressor quick[] = {lzo1x_1_compress, lzo1x_1_11_compress,
                                           lzo1x_1_12_compress, lzo1x_1_15_compress};
        const struct swb_setting *setting = closing->job.setting;

        if (setting->encoder == SWB_ENCODER_LZO_999)
                return compress_well(closing, setting->parameters[0], n);
        return quick[setting->parameters[0]](closing->block, closing->n, closing->made, n,
                                             closing->work) == LZO_E_OK
                       ? 0
                       : -EBADMSG;
}

static int end_block(struct closing *closing)
{
        uint32_t sum = lzo_adler32(1, closing->block, closing->n);
        uint8_t head[SWB_LZOP_HEAD_BYTES];
        const uint8_t *data = closing->made;
        lzo_uint n = 0;
        int r = compress(closing, &n);

        if (r >= 0 && closing->as_lzop) {
                if (n >= closing->n) {
                        n = closing->n;
                        data = closing->block;
                }
                swb_put_be32(head, (uint32_t)closing->n);
                swb_put_be32(head + 4, (uint32_t)n);
                swb_put_be32(head + 8, sum);
                r = closing->job.write(closing->job.context, head, sizeof(head));
        }
        closing->n = 0;
        return r < 0 ? r : closing->job.write(closing->job.context, data, n);
}

static int put(void *state, const uint8_t *data, size_t n)
{
        struct closing *closing = state;

        while (n > 0) {
                size_t part = SWB_MIN(n, closing->n_block - closing->n);
                int r;

                if (part == 0)
                        return -EBADMSG;
                memcpy(closing->block + closing->n, data, part);
                closing->n += part;
                data += part;
                n -= part;
                r = closing->n == closing->n_block ? end_block(closing) : 0;
                if (r < 0)
                        return r;
        }
        return 0;
}

static int finish(void *state)
{
        static const uint8_t end[SWB_LZOP_SIZE_BYTES] = {0};
        struct closing *closing = state;
        int r = closing->n > 0 ? end_block(closing) : 0;

        return r < 0 || !closing->as_lzop
                       ? r
                       : closing->job.write(closing->job.context, end, sizeof(end));
}

const struct swb_encoder_ops *swb_lzo_encoder(void)
{
        static const struct swb_encoder_ops ops = {memory_of, open_closing, put, finish,
                                                   close_closing};

        return &ops;
}
