/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/swd2_format.h"

#include <string.h>

/* A decoder takes so much for its tables, and for each byte of its stream so many halves, with the
 * last number beside for what is rounded up; but not more than the tables and the window. */
static const struct {
        size_t tables, halves, rounding;
        size_t most; /* beside the tables, whatever the window; 0: no other bound */
} decoders[_SWB_CODEC_MAX] = {
        [SWB_CODEC_BZ2] = {(size_t)128 << 10, 8, 400000},
        [SWB_CODEC_XZ] = {(size_t)128 << 10, 3, 4096},
        [SWB_CODEC_ZSTD] = {(size_t)256 << 10, 6, 4096},
        [SWB_CODEC_BROTLI] = {(size_t)256 << 10, 4, 4096},
        [SWB_CODEC_MIXED] = {(size_t)64 << 10, 16, 5120, (size_t)320 << 10},
        [SWB_CODEC_MIXED_LARGE] = {(size_t)64 << 10, 32, 5120},
};

size_t swb_swd2_decoder_bytes(enum swb_codec codec, uint64_t n_stream, size_t window_bytes)
{
        uint64_t wanted;

        if (codec == SWB_CODEC_NONE || n_stream == 0)
                return 0;
        wanted = n_stream * decoders[codec].halves / 2 + decoders[codec].rounding;
        if (decoders[codec].most > 0)
                wanted = SWB_MIN(wanted, (uint64_t)decoders[codec].most);
        return (size_t)SWB_MIN(wanted, (uint64_t)window_bytes) + decoders[codec].tables;
}

uint64_t swb_swd2_needs(uint64_t decoders_bytes, uint64_t n_entries, uint64_t predictor_bytes)
{
        uint64_t needs = decoders_bytes + n_entries * SWB_SWD2_ENTRY_BYTES + predictor_bytes +
                         SWB_SWD2_BESIDE_BYTES;

        return (needs + SWB_SWD2_UNIT_BYTES - 1) / SWB_SWD2_UNIT_BYTES * SWB_SWD2_UNIT_BYTES;
}

uint64_t swb_patch_needs(const uint8_t *patch, size_t n_patch)
{
        if (n_patch < 8 || memcmp(patch, SWB_SWD2_MAGIC, 4) != 0)
                return SWB_DECODER_MEMORY_BYTES;
        return ((uint64_t)patch[7] << 8 | patch[6]) * SWB_SWD2_UNIT_BYTES;
}
