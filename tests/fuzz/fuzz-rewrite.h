/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* tests/fuzz/fuzz-rewrite.h - what was read and written again says the same */
#include "base/buf.h"
#include "base/error.h"

/* rewrite: reads, checks, and writes again; false: it can't be read, or grows too large. */
static inline void check_rewrite(bool (*rewrite)(const void *body, size_t n_bytes,
                                                 struct swb_buf *out),
                                 size_t max_bytes, const uint8_t *data, size_t n_bytes)
{
        _cleanup_(swb_buf_done) struct swb_buf once = SWB_BUF_INIT(max_bytes);
        _cleanup_(swb_buf_done) struct swb_buf twice = SWB_BUF_INIT(max_bytes);

        if (!rewrite(data, n_bytes, &once))
                return;
        swb_assert(rewrite(once.data, once.n_bytes, &twice));
        swb_assert(once.n_bytes == twice.n_bytes);
        swb_assert(memcmp(once.data, twice.data, once.n_bytes) == 0);
}
