/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: one byte that picks what the rest is: even: a difference in the format SWD1, applied to a
 * fixed source; odd: two bytes that say how long the old version is, then the old and the new one.
 * Checks: reads stay inside the source, and a difference made gives the new version back.
 */
#include "fuzz.h"

#include "base/endian.h"
#include "base/error.h"
#include "codec/swdiff.h"
#include "codec/swpatch.h"

#define TARGET_BYTES 8192
#define VERSION_MAX_BYTES ((size_t)1 << 16)

struct memory {
        const uint8_t *source;
        size_t n_source;
        struct swb_buf target;
};

static int read_source(void *context, uint64_t offset, uint8_t *data, size_t n)
{
        const struct memory *memory = context;

        swb_assert(offset <= memory->n_source && n <= memory->n_source - offset);
        memcpy(data, memory->source + offset, n);
        return 0;
}

static int write_target(void *context, const uint8_t *data, size_t n)
{
        struct memory *memory = context;

        return swb_buf_append(&memory->target, data, n);
}

static void apply(const uint8_t *patch, size_t n_patch)
{
        static const uint8_t source[5000] = "the source";
        struct memory memory = {source, sizeof(source), SWB_BUF_INIT(TARGET_BYTES)};
        const struct swb_bspatch_io io = {&memory, read_source, write_target};
        int r = swb_swpatch(patch, n_patch, sizeof(source), TARGET_BYTES, SWB_DECODER_MEMORY_BYTES,
                            &io);

        swb_assert(r < 0 || memory.target.n_bytes == TARGET_BYTES);
        swb_buf_done(&memory.target);
}

/* As two contents, so that the second has another source than the first. */
static void make_and_apply(const uint8_t *old, size_t n_old, const uint8_t *new, size_t n_new)
{
        _cleanup_(swb_difference_done) struct swb_difference d = SWB_DIFFERENCE_INIT;
        _cleanup_(swb_buf_done) struct swb_buf patch = SWB_BUF_INIT(4 * VERSION_MAX_BYTES);
        struct memory memory = {old, n_old, SWB_BUF_INIT(VERSION_MAX_BYTES)};
        const struct swb_bspatch_io io = {&memory, read_source, write_target};
        size_t n_half = n_new / 2, base = n_old / 3;

        swb_assert(swb_difference_add(&d, old + base, n_old - base, base, new, n_half) == 0);
        swb_assert(swb_difference_add(&d, old, n_old, 0, new + n_half, n_new - n_half) == 0);
        swb_assert(swb_swdiff_write(&d, true, &patch) == 0);
        swb_assert(swb_swpatch(patch.data, patch.n_bytes, n_old, n_new, SWB_DECODER_MEMORY_BYTES,
                               &io) == 0);
        swb_assert(memory.target.n_bytes == n_new);
        swb_assert(n_new == 0 || memcmp(memory.target.data, new, n_new) == 0);
        swb_buf_done(&memory.target);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
        size_t n_old;

        if (n_bytes < 3)
                return 0;
        if (data[0] % 2 == 0) {
                apply(data + 1, n_bytes - 1);
                return 0;
        }
        n_old = (size_t)data[1] << 8 | data[2];
        n_bytes = SWB_MIN(n_bytes - 3, VERSION_MAX_BYTES);
        n_old = SWB_MIN(n_old, n_bytes);
        make_and_apply(data + 3, n_old, data + 3 + n_old, n_bytes - n_old);
        return 0;
}
