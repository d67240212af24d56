/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: one byte that picks what the rest is: even: a blob in the format SWS1; odd: pairs of a
 * kind and a length that say what the content behind them is. Checks: a blob never makes more than
 * it may, and what was sorted comes back.
 */
#include "fuzz.h"

#include "base/error.h"
#include "codec/split.h"

#define TARGET_BYTES 8192u
#define REGIONS 6u

static int take(void *context, const uint8_t *data, size_t n)
{
        struct swb_buf *target = context;

        return swb_buf_append(target, data, n);
}

static void unsplit(const uint8_t *blob, size_t n_blob, size_t n_target)
{
        _cleanup_(swb_buf_done) struct swb_buf target = SWB_BUF_INIT(n_target);
        _cleanup_(swb_buf_done) struct swb_buf work = SWB_BUF_INIT(SWB_SPLIT_WORK_BYTES);
        int r = swb_unsplit(blob, n_blob, n_target, &work, take, &target);

        swb_assert(r < 0 || target.n_bytes == n_target);
}

static struct swb_split_region region_of(uint8_t kind, size_t n)
{
        static const struct swb_split_region regions[] = {
                {.kind = SWB_SPLIT_PLAIN, .stream = SWB_STREAM_DATA},
                {.kind = SWB_SPLIT_X86, .stream = SWB_STREAM_CODE},
                {.kind = SWB_SPLIT_LZ4, .stream = SWB_STREAM_LZ4},
                {.kind = SWB_SPLIT_RECORDS,
                 .stream = SWB_STREAM_SYMBOLS,
                 .fields = {4, 1, 1, 2, 8}},
        };
        struct swb_split_region region = regions[kind % SWB_ELEMENTS(regions)];

        region.n_bytes = region.kind == SWB_SPLIT_RECORDS ? n - n % 16 : n;
        return region;
}

static void sort_and_unsplit(const uint8_t *data, size_t n)
{
        struct swb_split_region regions[REGIONS + 1];
        _cleanup_(swb_buf_done) struct swb_buf blob = SWB_BUF_INIT((size_t)1 << 20);
        _cleanup_(swb_buf_done) struct swb_buf target = SWB_BUF_INIT(n);
        _cleanup_(swb_buf_done) struct swb_buf work = SWB_BUF_INIT(SWB_SPLIT_WORK_BYTES);
        const uint8_t *content = data + REGIONS * 2;
        size_t left = n - REGIONS * 2, n_regions = 0;

        for (size_t i = 0; i < REGIONS && left > 0; i++) {
                struct swb_split_region region =
                        region_of(data[2 * i], SWB_MIN((size_t)data[2 * i + 1] * 4, left));

                left -= region.n_bytes;
                if (region.n_bytes > 0)
                        regions[n_regions++] = region;
        }
        if (left > 0)
                regions[n_regions++] = region_of(0, left);
        swb_assert(swb_split(content, regions, n_regions, &blob) == 0);
        swb_assert(swb_unsplit(blob.data, blob.n_bytes, n - REGIONS * 2, &work, take, &target) ==
                   0);
        swb_assert(target.n_bytes == n - REGIONS * 2);
        swb_assert(memcmp(target.data, content, target.n_bytes) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
        if (n_bytes < 2)
                return 0;
        if (data[0] % 2 == 0)
                unsplit(data + 1, n_bytes - 1, TARGET_BYTES);
        else if (n_bytes > REGIONS * 2 + 1 && n_bytes <= TARGET_BYTES)
                sort_and_unsplit(data + 1, n_bytes - 1);
        return 0;
}
