/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/bounded_memory.h"

#include <stdint.h>

/* Keeps the block's size in front of it, without spoiling its alignment. */
union block_head {
        size_t n_bytes;
        max_align_t align;
};

void *swb_bounded_alloc(struct swb_bounded_memory *memory, size_t n_bytes)
{
        union block_head *head;

        if (n_bytes > memory->left_bytes || n_bytes > SIZE_MAX - sizeof(*head)) {
                memory->refused = true;
                return NULL;
        }
        head = malloc(sizeof(*head) + n_bytes);
        if (!head)
                return NULL;
        head->n_bytes = n_bytes;
        memory->left_bytes -= n_bytes;
        return head + 1;
}

void swb_bounded_free(struct swb_bounded_memory *memory, void *block)
{
        union block_head *head = block;

        if (!head)
                return;
        head--;
        memory->left_bytes += head->n_bytes;
        free(head);
}
