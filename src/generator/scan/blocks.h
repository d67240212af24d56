/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/scan/blocks.h - the identity of every block of an image
 *
 * A block's identity is the first half of its SHA-256: equal means equal, nothing is compared
 * again.
 */
#include "generator/pack/pool.h"
#include "generator/scan/image.h"
#include "os/hash.h"

struct swb_block_id {
        uint64_t words[2];
};

struct swb_blocks {
        struct swb_block_id *ids; /* one a block */
        uint64_t n;
        uint8_t image_hash[SWB_SHA256_BYTES]; /* SHA-256 of the whole image */
};

static inline bool swb_block_id_equal(const struct swb_block_id *a, const struct swb_block_id *b)
{
        return a->words[0] == b->words[0] && a->words[1] == b->words[1];
}

/* The identity of a block of zeros. */
struct swb_block_id swb_block_id_zero(void);

/* Reads and hashes each image once, over all threads of the pool; ret_blocks[i] belongs to
 * images[i]. Two passes over the bytes go side by side: by block, and the whole. */
int swb_blocks_hash(const struct swb_pool *pool, const struct swb_image *const *images,
                    size_t n_images, struct swb_blocks *ret_blocks,
                    struct swb_error *err) _warn_unused_;
void swb_blocks_done(struct swb_blocks *blocks);

/* Where a content lies in an image. */
struct swb_block_index {
        const struct swb_blocks *blocks; /* borrowed */
        uint32_t *slots;                 /* open addressing */
        uint64_t mask;
        uint32_t *next; /* the next block, in ascending order, with the same content */
};

#define SWB_BLOCK_NONE UINT32_MAX

/* Of the blocks of zeros only the first is listed. Return: 0, -ENOMEM. */
int swb_block_index_init(struct swb_block_index *index,
                         const struct swb_blocks *blocks) _warn_unused_;
void swb_block_index_done(struct swb_block_index *index);

/* The first block with this content, then the others; SWB_BLOCK_NONE at the end. */
uint32_t swb_block_index_first(const struct swb_block_index *index, const struct swb_block_id *id);
static inline uint32_t swb_block_index_next(const struct swb_block_index *index, uint32_t block)
{
        return index->next[block];
}
