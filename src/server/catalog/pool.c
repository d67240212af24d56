/* SPDX-License-Identifier: Apache-2.0 */
#include "server/catalog/pool.h"

#include <stdalign.h>
#include <stdint.h>

#define BLOCK_BYTES (64u << 10)

struct block {
        struct block *next;
        size_t n_used, n_bytes;
        alignas(max_align_t) char data[];
};

struct swb_pool {
        struct block *blocks; /* the first one is being filled */
};

struct swb_pool *swb_pool_new(void)
{
        return calloc(1, sizeof(struct swb_pool));
}

struct swb_pool *swb_pool_free(struct swb_pool *pool)
{
        if (!pool)
                return NULL;
        while (pool->blocks) {
                struct block *next = pool->blocks->next;

                free(pool->blocks);
                pool->blocks = next;
        }
        free(pool);
        return NULL;
}

static struct block *add_block(struct swb_pool *pool, size_t n_wanted)
{
        size_t n_bytes = SWB_MAX(n_wanted, BLOCK_BYTES);
        struct block *block = calloc(1, sizeof(*block) + n_bytes);

        if (!block)
                return NULL;
        block->n_bytes = n_bytes;
        block->next = pool->blocks;
        pool->blocks = block;
        return block;
}

void *swb_pool_alloc(struct swb_pool *pool, size_t n, size_t size)
{
        struct block *block = pool->blocks;
        size_t n_bytes;
        void *p;

        if (__builtin_mul_overflow(n, size, &n_bytes) || n_bytes > SIZE_MAX / 2)
                return NULL;
        n_bytes = (n_bytes + alignof(max_align_t)) & ~(alignof(max_align_t) - 1);
        if (!block || block->n_bytes - block->n_used < n_bytes)
                block = add_block(pool, n_bytes);
        if (!block)
                return NULL;
        p = block->data + block->n_used;
        block->n_used += n_bytes;
        return p;
}

const char *swb_pool_text(struct swb_pool *pool, const char *text)
{
        size_t n = strlen(text) + 1;
        char *copy = swb_pool_alloc(pool, n, 1);

        if (copy)
                memcpy(copy, text, n);
        return copy;
}
