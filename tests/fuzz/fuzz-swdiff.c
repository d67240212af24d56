/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: one byte that picks what the rest is: even: a difference in the format SWD1, applied to a
 * fixed source; odd: two bytes that say how long the old version is, then the old and the new one.
 * Checks: reads stay inside the source, and a difference made gives the new version back.
 */
#include "fuzz.h"

#include "base/endian.h"
#include "codec/swdiff.h"
#include "codec/swpatch.h"
#include "fuzz-memory.h"

#define TARGET_BYTES 8192

static void apply(const uint8_t *patch, size_t n_patch)
{
        static const uint8_t source[5000] = "the source";
        struct memory memory = {source, sizeof(source), SWB_BUF_INIT(TARGET_BYTES)};
        const struct swb_bspatch_io io = memory_io(&memory);
        int r = swb_swpatch(patch, n_patch, sizeof(source), TARGET_BYTES, SWB_DECODER_MEMORY_BYTES,
                            &io);

        swb_assert(r < 0 || memory.target.n_bytes == TARGET_BYTES);
        swb_buf_done(&memory.target);
}

/* As two contents, so that the second has another source than the first. */
static void make_and_apply(const struct versions *v)
{
        _cleanup_(swb_difference_done) struct swb_difference d = SWB_DIFFERENCE_INIT;
        _cleanup_(swb_buf_done) struct swb_buf patch = SWB_BUF_INIT(4 * VERSION_MAX_BYTES);
        struct memory memory = {v->old, v->n_old, SWB_BUF_INIT(VERSION_MAX_BYTES)};
        const struct swb_bspatch_io io = memory_io(&memory);
        size_t n_half = v->n_new / 2, base = v->n_old / 3;

        swb_assert(swb_difference_add(&d, v->old + base, v->n_old - base, base, v->new, n_half) ==
                   0);
        swb_assert(swb_difference_add(&d, v->old, v->n_old, 0, v->new + n_half,
                                      v->n_new - n_half) == 0);
        swb_assert(swb_swdiff_write(&d, true, &patch) == 0);
        swb_assert(swb_swpatch(patch.data, patch.n_bytes, v->n_old, v->n_new,
                               SWB_DECODER_MEMORY_BYTES, &io) == 0);
        memory_check(&memory, v->new, v->n_new);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
        struct versions versions;

        if (n_bytes < 3)
                return 0;
        if (data[0] % 2 == 0) {
                apply(data + 1, n_bytes - 1);
                return 0;
        }
        versions = versions_of(data + 1, n_bytes - 1);
        make_and_apply(&versions);
        return 0;
}
