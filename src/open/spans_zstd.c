/* SPDX-License-Identifier: Apache-2.0 */
#include "open/spans.h"

#define MAGIC 0xfd2fb528u
#define HEAD_MIN_BYTES 6u

int64_t swb_spans_zstd(const uint8_t *data, size_t n, size_t offset, struct swb_spans *spans)
{
        struct swb_span span = {.offset = offset, .packing = SWB_PACKING_ZSTD};

        if (n - offset < HEAD_MIN_BYTES || swb_get_le32(data + offset) != MAGIC)
                return 0;
        span.group = spans->n_groups++;
        return swb_spans_add(spans, &span) < 0 ? -ENOMEM : (int64_t)(offset + HEAD_MIN_BYTES);
}
