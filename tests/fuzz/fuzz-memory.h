/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* tests/fuzz/fuzz-memory.h - what targets share that make and apply patches */
#include "codec/test-memory.h"

/* The target is this, to the byte; releases it. */
static inline void memory_check(struct memory *memory, const uint8_t *data, size_t n)
{
        swb_assert(memory->target.n_bytes == n);
        swb_assert(n == 0 || memcmp(memory->target.data, data, n) == 0);
        swb_buf_done(&memory->target);
}

#define VERSION_MAX_BYTES ((size_t)1 << 16)

/* Two versions in one input: two bytes with the old one's size, the old one, the new one. */
struct versions {
        const uint8_t *old, *new;
        size_t n_old, n_new;
};

/* n_bytes: at least 2. */
static inline struct versions versions_of(const uint8_t *data, size_t n_bytes)
{
        size_t n_old = (size_t)data[0] << 8 | data[1];
        size_t n = SWB_MIN(n_bytes - 2, VERSION_MAX_BYTES);

        n_old = SWB_MIN(n_old, n);
        return (struct versions){
                .old = data + 2, .n_old = n_old, .new = data + 2 + n_old, .n_new = n - n_old};
}
