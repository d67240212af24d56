/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* codec/test-memory.h - source and target of a patch in memory: for unit tests and fuzzing */
#include "base/buf.h"
#include "base/error.h"
#include "codec/bspatch.h"

struct memory {
        const uint8_t *source;
        size_t n_source;
        struct swb_buf target;
};

/* Reads stay inside the source. */
static inline int memory_read(void *context, uint64_t offset, uint8_t *data, size_t n)
{
        const struct memory *memory = context;

        swb_assert(offset <= memory->n_source && n <= memory->n_source - offset);
        memcpy(data, memory->source + offset, n);
        return 0;
}

static inline int memory_write(void *context, const uint8_t *data, size_t n)
{
        struct memory *memory = context;

        return swb_buf_append(&memory->target, data, n);
}

static inline struct swb_bspatch_io memory_io(struct memory *memory)
{
        return (struct swb_bspatch_io){memory, memory_read, memory_write};
}
