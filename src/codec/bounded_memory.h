/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * codec/bounded_memory.h - allocator with a ceiling, for libraries that take one
 *
 * A hostile stream asks for as much as its header can say; the answer is NULL and `refused`.
 */
#include "base/cleanup.h"

struct swb_bounded_memory {
        size_t left_bytes;
        bool refused; /* the ceiling, not the system, said no */
};

/* NULL above the ceiling or when out of memory. */
void *swb_bounded_alloc(struct swb_bounded_memory *memory, size_t n_bytes);
void swb_bounded_free(struct swb_bounded_memory *memory, void *block);

/* -E2BIG or -ENOMEM, after the library has reported that it got no memory. */
static inline int swb_bounded_error(const struct swb_bounded_memory *memory)
{
        return memory->refused ? -E2BIG : -ENOMEM;
}
