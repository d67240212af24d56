/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: one byte that picks what the rest is: even: a patch, applied to a fixed source; odd: two
 * bytes that say how long the old version is, then the old and the new one. Checks: a patch made is
 * a patch that gives the new version back, to the byte.
 */
#include "fuzz.h"

#include "base/endian.h"
#include "codec/bsdiff.h"
#include "fuzz-memory.h"

#define TARGET_MAX_BYTES ((size_t)1 << 20)

static void apply(const uint8_t *patch, size_t n_patch)
{
        static const uint8_t source[5000] = "the source";
        struct memory memory = {source, sizeof(source), SWB_BUF_INIT(TARGET_MAX_BYTES)};
        const struct swb_bspatch_io io = memory_io(&memory);
        uint64_t n_target = n_patch >= 32 ? swb_get_le64(patch + 24) : 0;
        int r;

        r = swb_bspatch(patch, n_patch, sizeof(source), SWB_MIN(n_target, TARGET_MAX_BYTES),
                        SWB_DECODER_MEMORY_BYTES, &io);
        swb_assert(r < 0 || memory.target.n_bytes == n_target);
        swb_buf_done(&memory.target);
}

static void make_and_apply(const struct versions *v, enum swb_bsdiff_format format)
{
        _cleanup_(swb_buf_done) struct swb_buf patch = SWB_BUF_INIT(TARGET_MAX_BYTES);
        struct memory memory = {v->old, v->n_old, SWB_BUF_INIT(TARGET_MAX_BYTES)};
        const struct swb_bspatch_io io = memory_io(&memory);
        int r;

        r = swb_bsdiff(v->old, v->n_old, v->new, v->n_new, format, &patch);
        swb_assert(r == 0);
        r = swb_bspatch(patch.data, patch.n_bytes, v->n_old, v->n_new, SWB_DECODER_MEMORY_BYTES,
                        &io);
        swb_assert(r == 0);
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
        make_and_apply(&versions, data[0] & 2 ? SWB_BSDIFF40 : SWB_BSDF2);
        return 0;
}
