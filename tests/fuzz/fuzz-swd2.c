/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: two bytes, of which the first picks what the rest is. 0: the second is the target's size
 * in blocks; two bytes that say how long the source is, then the source and a difference in one of
 * the formats that SWDIFF has, applied to it. Else an effort, from 128 on with all in one part; two
 * bytes that say how long the old version is, then the old and the new one. Checks: reads stay
 * inside the source, and a difference made gives the new version back.
 */
#include "fuzz.h"

#include "codec/swd2.h"
#include "codec/swd2patch.h"
#include "codec/swpatch.h"
#include "fuzz-memory.h"

#define BLOCK_BYTES 4096u
#define ONE_PART 128u

/* Here the old version is the source, the new one the patch. */
static void apply(const struct versions *v, size_t n_target)
{
        struct memory memory = {v->old, v->n_old, SWB_BUF_INIT(n_target)};
        const struct swb_bspatch_io io = memory_io(&memory);
        int r = swb_swpatch(v->new, v->n_new, v->n_old, n_target, SWB_DECODER_MEMORY_BYTES, &io);

        swb_assert(r < 0 || memory.target.n_bytes == n_target);
        swb_buf_done(&memory.target);
}

/* In two parts the second does not begin where the contents do; in one a program is whole. */
static void make_and_apply(enum swb_swd2_effort effort, bool one_part, const struct versions *v)
{
        _cleanup_(swb_swd2_done) struct swb_swd2 swd2;
        _cleanup_(swb_buf_done) struct swb_buf patch = SWB_BUF_INIT(8 * VERSION_MAX_BYTES);
        struct memory memory = {v->old, v->n_old, SWB_BUF_INIT(VERSION_MAX_BYTES)};
        const struct swb_bspatch_io io = memory_io(&memory);
        size_t n_first = v->n_new - (one_part ? 0 : v->n_new / 4);
        size_t base = v->n_old - (one_part ? 0 : v->n_old / 4);

        swb_swd2_init(&swd2, effort, SWB_PATCH_MEMORY_BYTES);
        swb_assert(swb_swd2_add(&swd2, v->old, base, 0, v->new, n_first) == 0);
        swb_assert(one_part || swb_swd2_add(&swd2, v->old + base, v->n_old - base, base,
                                            v->new + n_first, v->n_new - n_first) == 0);
        swb_assert(swb_swd2_write(&swd2, &patch) == 0);
        swb_assert(swb_swd2_patch(patch.data, patch.n_bytes, v->n_old, v->n_new, &io) == 0);
        memory_check(&memory, v->new, v->n_new);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
        struct versions versions;

        if (n_bytes < 4)
                return 0;
        versions = versions_of(data + 2, n_bytes - 2);
        if (data[0] == 0)
                apply(&versions, data[1] * BLOCK_BYTES);
        else
                make_and_apply((enum swb_swd2_effort)(data[0] % ONE_PART % (SWB_SWD2_EVERY + 1)),
                               data[0] >= ONE_PART, &versions);
        return 0;
}
