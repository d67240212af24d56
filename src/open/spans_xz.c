/* SPDX-License-Identifier: Apache-2.0 */
#include <lzma.h>
#include <string.h>

#include "open/spans.h"

#define HEADER_BYTES LZMA_STREAM_HEADER_SIZE
#define PRESET_USUAL 6u

static void free_filters(lzma_filter (*filters)[LZMA_FILTERS_MAX + 1])
{
        lzma_filters_free(*filters, NULL);
}

/* The head of the first block, with its filters. */
static bool read_block(const uint8_t *data, size_t n, lzma_block *block)
{
        lzma_stream_flags flags;

        if (n <= HEADER_BYTES || lzma_stream_header_decode(&flags, data) != LZMA_OK ||
            data[HEADER_BYTES] == 0)
                return false;
        block->check = flags.check;
        block->header_size = lzma_block_header_size_decode(data[HEADER_BYTES]);
        return block->header_size <= n - HEADER_BYTES &&
               lzma_block_header_decode(block, NULL, data + HEADER_BYTES) == LZMA_OK;
}

/* Preset 6 with the dictionary that the head names; prove.c tries the other presets. */
bool swb_spans_guess_xz(const uint8_t *data, size_t n, struct swb_setting *ret)
{
        _cleanup_(free_filters)
                lzma_filter filters[LZMA_FILTERS_MAX + 1] = {{.id = LZMA_VLI_UNKNOWN}};
        lzma_block block = {.version = 1, .filters = filters};
        const lzma_options_lzma *options;
        size_t last = 0;

        if (!read_block(data, n, &block))
                return false;
        while (last < LZMA_FILTERS_MAX && filters[last + 1].id != LZMA_VLI_UNKNOWN)
                last++;
        if (filters[last].id != LZMA_FILTER_LZMA2 || last > 1 || !filters[last].options)
                return false;
        options = filters[last].options;
        *ret = (struct swb_setting){SWB_PACKING_XZ,
                                    SWB_ENCODER_XZ,
                                    {PRESET_USUAL, options->dict_size, (uint32_t)block.check,
                                     last == 1 ? (uint32_t)filters[0].id : 0,
                                     block.uncompressed_size != LZMA_VLI_UNKNOWN}};
        return true;
}

uint64_t swb_spans_xz_block(const uint8_t *data, size_t n)
{
        _cleanup_(free_filters)
                lzma_filter filters[LZMA_FILTERS_MAX + 1] = {{.id = LZMA_VLI_UNKNOWN}};
        lzma_block block = {.version = 1, .filters = filters};

        return read_block(data, n, &block) && block.uncompressed_size != LZMA_VLI_UNKNOWN
                       ? block.uncompressed_size
                       : 0;
}

int64_t swb_spans_xz(const uint8_t *data, size_t n, size_t offset, struct swb_spans *spans)
{
        struct swb_span span = {.offset = offset, .packing = SWB_PACKING_XZ};

        if (!swb_spans_guess_xz(data + offset, n - offset, &span.guess))
                return 0;
        span.group = spans->n_groups++;
        return swb_spans_add(spans, &span) < 0 ? -ENOMEM : (int64_t)(offset + HEADER_BYTES);
}
