/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: one byte that picks what the rest is: 0: two bytes that say how long the source is, then
 * the source and a difference in the format SWD2, applied to it; else an effort, two bytes that say
 * how long the old version is, then the old and the new one. Checks: reads stay inside the source,
 * and a difference made gives the new version back.
 */
#include "fuzz.h"

#include "base/endian.h"
#include "base/error.h"
#include "codec/swd2.h"
#include "codec/swd2patch.h"

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

static void apply(const uint8_t *source, size_t n_source, const uint8_t *patch, size_t n_patch)
{
        struct memory memory = {source, n_source, SWB_BUF_INIT(TARGET_BYTES)};
        const struct swb_bspatch_io io = {&memory, read_source, write_target};
        int r = swb_swd2_patch(patch, n_patch, n_source, TARGET_BYTES, &io);

        swb_assert(r < 0 || memory.target.n_bytes == TARGET_BYTES);
        swb_buf_done(&memory.target);
}

/* In two parts, so that the second does not begin where the contents do. */
static void make_and_apply(enum swb_swd2_effort effort, const uint8_t *old, size_t n_old,
                           const uint8_t *new, size_t n_new)
{
        _cleanup_(swb_swd2_done) struct swb_swd2 swd2;
        _cleanup_(swb_buf_done) struct swb_buf patch = SWB_BUF_INIT(8 * VERSION_MAX_BYTES);
        struct memory memory = {old, n_old, SWB_BUF_INIT(VERSION_MAX_BYTES)};
        const struct swb_bspatch_io io = {&memory, read_source, write_target};
        size_t n_first = n_new - n_new / 4, base = n_old - n_old / 4;

        swb_swd2_init(&swd2, effort);
        swb_assert(swb_swd2_add(&swd2, old, base, 0, new, n_first) == 0);
        swb_assert(swb_swd2_add(&swd2, old + base, n_old - base, base, new + n_first,
                                n_new - n_first) == 0);
        swb_assert(swb_swd2_write(&swd2, &patch) == 0);
        swb_assert(swb_swd2_patch(patch.data, patch.n_bytes, n_old, n_new, &io) == 0);
        swb_assert(memory.target.n_bytes == n_new);
        swb_assert(n_new == 0 || memcmp(memory.target.data, new, n_new) == 0);
        swb_buf_done(&memory.target);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
        size_t n_old;

        if (n_bytes < 3)
                return 0;
        n_old = (size_t)data[1] << 8 | data[2];
        n_bytes = SWB_MIN(n_bytes, VERSION_MAX_BYTES);
        n_old = SWB_MIN(n_old, n_bytes - 3);
        if (data[0] == 0)
                apply(data + 3, n_old, data + 3 + n_old, n_bytes - 3 - n_old);
        else
                make_and_apply((enum swb_swd2_effort)(data[0] % (SWB_SWD2_EVERY + 1)), data + 3,
                               n_old, data + 3 + n_old, n_bytes - 3 - n_old);
        return 0;
}
