/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "open/spans.h"

#define MAGIC "\x89LZO\0\r\n\x1a\n"
#define MAGIC_BYTES 9u
#define METHOD_AT 15u
#define LEVEL_AT 16u
#define FLAGS_AT 17u
/* Mode and two halves of the time are behind the flags, then a name, its length before it; and a
 * sum of all that. */
#define NAME_AT (FLAGS_AT + 4u + 12u)
#define SUM_BYTES 4u
#define FLAG_SUM 0x01u
/* Other sums, an extra field, several parts, a filter. */
#define FLAGS_OTHER 0x00000f42u
#define BLOCK_HEAD_BYTES 12u

static bool guess(uint8_t method, uint8_t level, struct swb_setting *ret)
{
        *ret = (struct swb_setting){SWB_PACKING_LZOP, SWB_ENCODER_LZO, {method == 2 ? 3 : 0}};
        if (method == 3)
                *ret = (struct swb_setting){SWB_PACKING_LZOP, SWB_ENCODER_LZO_999, {level}};
        return method >= 1 && method <= 3;
}

int64_t swb_spans_lzop(const uint8_t *data, size_t n, size_t offset, struct swb_spans *spans)
{
        struct swb_span span = {.packing = SWB_PACKING_LZOP};
        const uint8_t *p = data + offset;
        size_t n_head;
        uint32_t flags;

        if (n - offset < NAME_AT + 1 || memcmp(p, MAGIC, MAGIC_BYTES) != 0 ||
            !guess(p[METHOD_AT], p[LEVEL_AT], &span.guess))
                return 0;
        flags = swb_get_be32(p + FLAGS_AT);
        n_head = NAME_AT + 1 + p[NAME_AT] + SUM_BYTES;
        if (!(flags & FLAG_SUM) || flags & FLAGS_OTHER || n - offset < n_head + BLOCK_HEAD_BYTES)
                return 0;
        span.offset = offset + n_head;
        span.group = spans->n_groups++;
        return swb_spans_add(spans, &span) < 0 ? -ENOMEM : (int64_t)span.offset;
}
