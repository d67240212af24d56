/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: a byte for the length of the steps, then the body of an answer of several ranges; also
 * read as the text of a list of ranges.
 * Checks: what is handed on lies inside the file, and ranges that are read are written the same.
 */
#include "fuzz.h"

#include "base/ranges.h"
#include "os/multipart.h"

#define TOTAL 1000

static int check_place(void *context, uint64_t offset, const void *data, size_t n,
                       struct swb_error *err)
{
        uint64_t *sum = context;

        (void)err;
        swb_assert(n > 0 && offset < TOTAL && n <= TOTAL - offset);
        for (size_t i = 0; i < n; i++)
                *sum += ((const uint8_t *)data)[i];
        return 0;
}

static void read_body(const uint8_t *data, size_t n_bytes, size_t step)
{
        struct swb_multipart multipart;
        uint64_t sum = 0;
        int r;

        r = swb_multipart_init(&multipart, "multipart/byteranges; boundary=sep", TOTAL, NULL);
        swb_assert(r == 0);
        for (size_t i = 0; i < n_bytes && r >= 0; i += step)
                r = swb_multipart_feed(&multipart, data + i, SWB_MIN(step, n_bytes - i),
                                       check_place, &sum, NULL);
}

static void read_list(const uint8_t *data, size_t n_bytes)
{
        _cleanup_(swb_buf_done) struct swb_buf again = SWB_BUF_INIT(SWB_RANGES_TEXT_MAX);
        _cleanup_free_ char *text = strndup((const char *)data, n_bytes);
        struct swb_range ranges[SWB_RANGES_MAX];
        size_t n, n_back;
        struct swb_range back[SWB_RANGES_MAX];
        int r;

        if (!text)
                abort();
        if (swb_ranges_parse(text, ranges, SWB_RANGES_MAX, &n) < 0)
                return;
        swb_assert(n > 0);
        for (size_t i = 0; i < n; i++)
                swb_assert(ranges[i].start < ranges[i].end &&
                           (i == 0 || ranges[i - 1].end <= ranges[i].start));
        r = swb_ranges_put(&again, ranges, n);
        swb_assert(r == 0);
        r = swb_ranges_parse((const char *)again.data, back, SWB_RANGES_MAX, &n_back);
        swb_assert(r == 0 && n_back == n && memcmp(ranges, back, n * sizeof(*back)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
        if (n_bytes == 0)
                return 0;
        read_body(data + 1, n_bytes - 1, data[0] ? data[0] : 1);
        read_list(data + 1, n_bytes - 1);
        return 0;
}
