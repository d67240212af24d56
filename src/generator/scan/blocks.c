/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/scan/blocks.h"

#define RANGE_BLOCKS 4096u /* of one job: 16 MiB */
#define READ_BLOCKS 64u
#define READ_BYTES ((size_t)READ_BLOCKS * SWB_BLOCK_BYTES)

/* A part of an image, or (ids == NULL) the whole for its one hash. */
struct range {
        const struct swb_image *image;
        uint64_t start, n;
        struct swb_block_id *ids;
        uint8_t *image_hash;
};

static struct swb_block_id identify(const uint8_t *block)
{
        uint8_t digest[SWB_SHA256_BYTES];
        struct swb_block_id id;

        swb_sha256(block, SWB_BLOCK_BYTES, digest);
        memcpy(&id, digest, sizeof(id));
        return id;
}

struct swb_block_id swb_block_id_zero(void)
{
        static const uint8_t zeros[SWB_BLOCK_BYTES];

        return identify(zeros);
}

static int hash_range(void *object, struct swb_error *err)
{
        struct range *range = object;
        _cleanup_free_ uint8_t *data = malloc(READ_BYTES);
        struct swb_sha256 whole;

        if (!data)
                return swb_oom(err);
        swb_sha256_init(&whole);
        for (uint64_t done = 0; done < range->n;) {
                uint64_t n = SWB_MIN(range->n - done, (uint64_t)READ_BLOCKS);
                int r = swb_image_read(range->image, range->start + done, n, data, err);

                if (r < 0)
                        return r;
                if (range->image_hash)
                        swb_sha256_update(&whole, data, (size_t)n * SWB_BLOCK_BYTES);
                for (uint64_t i = 0; range->ids && i < n; i++)
                        range->ids[done + i] = identify(data + i * SWB_BLOCK_BYTES);
                done += n;
        }
        if (range->image_hash)
                swb_sha256_final(&whole, range->image_hash);
        return 0;
}

static size_t count_ranges(const struct swb_image *image)
{
        return (size_t)((image->n_blocks + RANGE_BLOCKS - 1) / RANGE_BLOCKS) + 1;
}

/* Appends the ranges of one image. */
static size_t add_ranges(const struct swb_image *image, struct swb_blocks *blocks,
                         struct range *ranges)
{
        size_t n = 0;

        ranges[n++] = (struct range){
                .image = image, .n = image->n_blocks, .image_hash = blocks->image_hash};
        for (uint64_t start = 0; start < image->n_blocks; start += RANGE_BLOCKS)
                ranges[n++] = (struct range){
                        .image = image,
                        .start = start,
                        .n = SWB_MIN((uint64_t)RANGE_BLOCKS, image->n_blocks - start),
                        .ids = blocks->ids + start};
        return n;
}

static int run_ranges(const struct swb_pool *pool, struct range *ranges, size_t n,
                      struct swb_error *err)
{
        _cleanup_free_ struct swb_job *jobs = calloc(n, sizeof(*jobs));

        if (!jobs)
                return swb_oom(err);
        for (size_t i = 0; i < n; i++)
                jobs[i] = (struct swb_job){.run = hash_range,
                                           .object = &ranges[i],
                                           .memory_bytes = READ_BYTES,
                                           .work = ranges[i].n};
        return swb_pool_run(pool, "hash", jobs, n, err);
}

int swb_blocks_hash(const struct swb_pool *pool, const struct swb_image *const *images,
                    size_t n_images, struct swb_blocks *ret_blocks, struct swb_error *err)
{
        _cleanup_free_ struct range *ranges = NULL;
        size_t n = 0;
        int r;

        for (size_t i = 0; i < n_images; i++)
                n += count_ranges(images[i]);
        ranges = calloc(n, sizeof(*ranges));
        if (!ranges)
                return swb_oom(err);
        n = 0;
        for (size_t i = 0; i < n_images; i++) {
                ret_blocks[i] = (struct swb_blocks){.n = images[i]->n_blocks};
                ret_blocks[i].ids = calloc(images[i]->n_blocks, sizeof(struct swb_block_id));
        }
        for (size_t i = 0; i < n_images; i++)
                if (ret_blocks[i].ids)
                        n += add_ranges(images[i], &ret_blocks[i], ranges + n);
        r = run_ranges(pool, ranges, n, err);
        for (size_t i = 0; i < n_images; i++)
                if (!ret_blocks[i].ids && r == 0)
                        r = swb_oom(err);
        for (size_t i = 0; i < n_images && r < 0; i++)
                swb_blocks_done(&ret_blocks[i]);
        return r;
}

void swb_blocks_done(struct swb_blocks *blocks)
{
        free(blocks->ids);
        *blocks = (struct swb_blocks){0};
}

/* The slot that holds this content, or the empty one where it belongs. */
static uint64_t find_slot(const struct swb_block_index *index, const struct swb_block_id *id)
{
        uint64_t slot = id->words[0] & index->mask;

        while (index->slots[slot] != SWB_BLOCK_NONE &&
               !swb_block_id_equal(&index->blocks->ids[index->slots[slot]], id))
                slot = (slot + 1) & index->mask;
        return slot;
}

int swb_block_index_init(struct swb_block_index *index, const struct swb_blocks *blocks)
{
        struct swb_block_id zero = swb_block_id_zero();
        uint64_t n_slots = 1024;

        while (n_slots < blocks->n * 2)
                n_slots *= 2;
        *index = (struct swb_block_index){.blocks = blocks, .mask = n_slots - 1};
        index->slots = malloc(n_slots * sizeof(*index->slots));
        index->next = malloc(blocks->n * sizeof(*index->next));
        if (!index->slots || !index->next) {
                swb_block_index_done(index);
                return -ENOMEM;
        }
        memset(index->slots, 0xff, n_slots * sizeof(*index->slots));
        /* from the end, so that each chain ascends */
        for (uint64_t i = blocks->n; i-- > 0;) {
                uint64_t slot = find_slot(index, &blocks->ids[i]);
                bool is_zero = swb_block_id_equal(&blocks->ids[i], &zero);

                index->next[i] = is_zero ? SWB_BLOCK_NONE : index->slots[slot];
                index->slots[slot] = (uint32_t)i;
        }
        return 0;
}

void swb_block_index_done(struct swb_block_index *index)
{
        free(index->slots);
        free(index->next);
        *index = (struct swb_block_index){0};
}

uint32_t swb_block_index_first(const struct swb_block_index *index, const struct swb_block_id *id)
{
        return index->slots[find_slot(index, id)];
}
