/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "open/spans.h"

#define HEAD_BYTES 13u
#define PRESET_BEST 9u /* of kernels */

/* A power of two, or half as much more: what lzma(1) writes. */
static bool is_dictionary(uint32_t n)
{
        uint32_t high = n & ~(n >> 1);

        return n >= 4096 && (high & (high - 1)) == 0 && (n == high || n == high + high / 2);
}

/* The usual properties, the dictionary, an unknown size: the stream has an end mark. Then comes the
 * range coder, whose first byte is 0. */
int64_t swb_spans_lzma(const uint8_t *data, size_t n, size_t offset, struct swb_spans *spans)
{
        struct swb_span span = {.offset = offset, .packing = SWB_PACKING_LZMA};
        const uint8_t *p = data + offset;
        uint32_t dictionary;

        if (n - offset <= HEAD_BYTES || memcmp(p + 5, "\xff\xff\xff\xff\xff\xff\xff\xff", 9) != 0)
                return 0;
        dictionary = swb_get_le32(p + 1);
        if (!is_dictionary(dictionary))
                return 0;
        span.group = spans->n_groups++;
        span.guess =
                (struct swb_setting){SWB_PACKING_LZMA, SWB_ENCODER_LZMA, {PRESET_BEST, dictionary}};
        return swb_spans_add(spans, &span) < 0 ? -ENOMEM : (int64_t)(offset + HEAD_BYTES);
}
