/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What xz(1) makes with threads, by one: the sizes in a block's head are written when the block is
 * there, into the room that the largest ones would take.
 */
#include "open/xz_filters.h"

/* Two numbers. */
#define INDEX_RECORD_BYTES ((uint64_t)2 * LZMA_VLI_BYTES_MAX)
#define INDEX_REST_BYTES ((uint64_t)64)

struct swb_xz_blocks {
        struct swb_encoder_job job;
        lzma_filter *chain;
        lzma_stream stream;
        lzma_block block;
        lzma_index *index;
        uint8_t *made;             /* of one block */
        size_t n_room, n_block, n; /* n: bytes that the block has taken */
};

static size_t room_of(const struct swb_setting *setting, uint64_t n_opened)
{
        return lzma_block_buffer_bound(
                (size_t)SWB_MIN((uint64_t)setting->parameters[SWB_XZ_WAY], n_opened));
}

uint64_t swb_xz_blocks_memory(const struct swb_setting *setting, uint64_t n_opened)
{
        uint64_t n_blocks = n_opened / setting->parameters[SWB_XZ_WAY] + 1;

        return room_of(setting, n_opened) + sizeof(struct swb_xz_blocks) +
               lzma_index_memusage(1, n_blocks) + n_blocks * INDEX_RECORD_BYTES + INDEX_REST_BYTES;
}

static int error_of(lzma_ret r)
{
        if (r == LZMA_OK || r == LZMA_STREAM_END)
                return 0;
        return r == LZMA_MEM_ERROR ? -ENOMEM : -EBADMSG;
}

static lzma_stream_flags flags_of(const struct swb_xz_blocks *blocks)
{
        return (lzma_stream_flags){
                .check = (lzma_check)blocks->job.setting->parameters[SWB_XZ_CHECK]};
}

static int write_head(const struct swb_xz_blocks *blocks)
{
        const lzma_stream_flags flags = flags_of(blocks);
        uint8_t head[LZMA_STREAM_HEADER_SIZE];

        if (lzma_stream_header_encode(&flags, head) != LZMA_OK)
                return -EINVAL;
        return blocks->job.write(blocks->job.context, head, sizeof(head));
}

int swb_xz_blocks_new(const struct swb_encoder_job *job, lzma_filter *chain,
                      struct swb_xz_blocks **ret)
{
        _cleanup_(swb_xz_blocks_freep) struct swb_xz_blocks *blocks = calloc(1, sizeof(*blocks));
        int r;

        if (!blocks)
                return -ENOMEM;
        blocks->job = *job;
        blocks->chain = chain;
        blocks->stream = (lzma_stream)LZMA_STREAM_INIT;
        blocks->n_block = job->setting->parameters[SWB_XZ_WAY];
        blocks->n_room = room_of(job->setting, job->n_opened);
        blocks->made = malloc(blocks->n_room + 1);
        blocks->index = lzma_index_init(NULL);
        if (!blocks->made || !blocks->index)
                return -ENOMEM;
        r = write_head(blocks);
        if (r < 0)
                return r;
        *ret = SWB_TAKE_PTR(blocks);
        return 0;
}

struct swb_xz_blocks *swb_xz_blocks_free(struct swb_xz_blocks *blocks)
{
        if (!blocks)
                return NULL;
        lzma_end(&blocks->stream);
        lzma_index_end(blocks->index, NULL);
        free(blocks->made);
        free(blocks);
        return NULL;
}

/* The head's size is that of one with the largest sizes. */
static int begin_block(struct swb_xz_blocks *blocks)
{
        lzma_block *block = &blocks->block;
        lzma_ret r;

        *block = (lzma_block){
                .check = flags_of(blocks).check,
                .compressed_size = lzma_block_buffer_bound(blocks->n_block),
                .uncompressed_size = blocks->n_block,
                .filters = blocks->chain,
        };
        r = lzma_block_header_size(block);
        if (r == LZMA_OK)
                r = lzma_block_encoder(&blocks->stream, block);
        if (r != LZMA_OK || block->header_size > blocks->n_room)
                return r == LZMA_MEM_ERROR ? -ENOMEM : -EINVAL;
        blocks->stream.next_out = blocks->made + block->header_size;
        blocks->stream.avail_out = blocks->n_room - block->header_size;
        return 0;
}

/* What does not fit would be stored: that is not done here. */
static int code(struct swb_xz_blocks *blocks, const uint8_t *data, size_t n, lzma_action action)
{
        lzma_ret r;

        blocks->stream.next_in = data;
        blocks->stream.avail_in = n;
        do {
                r = lzma_code(&blocks->stream, action);
        } while (r == LZMA_OK && blocks->stream.avail_out > 0 &&
                 (action == LZMA_FINISH || blocks->stream.avail_in > 0));
        if (r == LZMA_OK && blocks->stream.avail_out == 0)
                return -EBADMSG;
        return error_of(r);
}

static int end_block(struct swb_xz_blocks *blocks)
{
        int r = code(blocks, NULL, 0, LZMA_FINISH);

        blocks->n = 0;
        if (r >= 0)
                r = error_of(lzma_block_header_encode(&blocks->block, blocks->made));
        if (r >= 0)
                r = error_of(lzma_index_append(blocks->index, NULL,
                                               lzma_block_unpadded_size(&blocks->block),
                                               blocks->block.uncompressed_size));
        if (r < 0)
                return r;
        return blocks->job.write(blocks->job.context, blocks->made,
                                 blocks->n_room - blocks->stream.avail_out);
}

int swb_xz_blocks_put(struct swb_xz_blocks *blocks, const uint8_t *data, size_t n)
{
        int r = 0;

        while (n > 0 && r >= 0) {
                size_t part = SWB_MIN(n, blocks->n_block - blocks->n);

                if (blocks->n == 0)
                        r = begin_block(blocks);
                if (r >= 0)
                        r = code(blocks, data, part, LZMA_RUN);
                blocks->n += part;
                data += part;
                n -= part;
                if (r >= 0 && blocks->n == blocks->n_block)
                        r = end_block(blocks);
        }
        return r;
}

int swb_xz_blocks_finish(struct swb_xz_blocks *blocks)
{
        lzma_stream_flags flags = flags_of(blocks);
        uint8_t foot[LZMA_STREAM_HEADER_SIZE];
        _cleanup_free_ uint8_t *index = NULL;
        size_t n_index, n = 0;
        int r = blocks->n > 0 ? end_block(blocks) : 0;

        if (r < 0)
                return r;
        flags.backward_size = lzma_index_size(blocks->index);
        n_index = (size_t)flags.backward_size;
        index = malloc(n_index);
        if (!index)
                return -ENOMEM;
        r = error_of(lzma_index_buffer_encode(blocks->index, index, &n, n_index));
        if (r >= 0)
                r = error_of(lzma_stream_footer_encode(&flags, foot));
        if (r >= 0)
                r = blocks->job.write(blocks->job.context, index, n);
        return r < 0 ? r : blocks->job.write(blocks->job.context, foot, sizeof(foot));
}
