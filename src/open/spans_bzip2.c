/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "open/spans.h"

#define LEVEL_AT 3u
#define HEAD_BYTES 10u

/* "BZh", the level, and the mark of the first block. */
int64_t swb_spans_bzip2(const uint8_t *data, size_t n, size_t offset, struct swb_spans *spans)
{
        struct swb_span span = {.offset = offset, .packing = SWB_PACKING_BZIP2};
        const uint8_t *p = data + offset;

        if (n - offset < HEAD_BYTES || memcmp(p, "BZh", LEVEL_AT) != 0 || p[LEVEL_AT] < '1' ||
            p[LEVEL_AT] > '9' || memcmp(p + LEVEL_AT + 1, "1AY&SY", 6) != 0)
                return 0;
        span.group = spans->n_groups++;
        span.guess = (struct swb_setting){
                SWB_PACKING_BZIP2, SWB_ENCODER_BZIP2, {p[LEVEL_AT] - (uint32_t)'0'}};
        return swb_spans_add(spans, &span) < 0 ? -ENOMEM : (int64_t)(offset + HEAD_BYTES);
}
