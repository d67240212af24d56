/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/explain/shares.h"

/* Nanoseconds a byte, of one program of 2.7 MB on an x86-64 build host that was busy; those of a
 * field and of a byte written are guesses. Only the proportions matter, and those roughly. */
#define DECODING_NS 19.0 /* xz */
#define FIELD_NS 100.0
#define WRITING_NS 1.0

static const double unpacking_ns[_SWB_PACKING_MAX] = {
        [SWB_PACKING_LZ4] = 1,       [SWB_PACKING_DEFLATE] = 4, [SWB_PACKING_ZLIB] = 4,
        [SWB_PACKING_XZ] = 19,       [SWB_PACKING_ZSTD] = 2,    [SWB_PACKING_LZ4_SIZED] = 1,
        [SWB_PACKING_EROFS_LZ4] = 1, [SWB_PACKING_BZIP2] = 40,  [SWB_PACKING_LZMA] = 19,
        [SWB_PACKING_LZO] = 2,       [SWB_PACKING_LZOP] = 2,
};

static const double encoding_ns[_SWB_ENCODER_MAX] = {
        [SWB_ENCODER_LZ4] = 3,       [SWB_ENCODER_LZ4_HC] = 33,       [SWB_ENCODER_ZLIB] = 160,
        [SWB_ENCODER_GZIP] = 160,    [SWB_ENCODER_XZ] = 385,          [SWB_ENCODER_ZSTD] = 310,
        [SWB_ENCODER_EROFS_LZ4] = 5, [SWB_ENCODER_EROFS_LZ4_HC] = 40, [SWB_ENCODER_PIGZ] = 160,
        [SWB_ENCODER_BZIP2] = 90,    [SWB_ENCODER_LZMA] = 385,        [SWB_ENCODER_LZO] = 4,
        [SWB_ENCODER_LZO_999] = 150,
};

double swb_device_cost_work(const struct swb_device_cost *cost)
{
        double work = DECODING_NS * (double)cost->decoded + FIELD_NS * (double)cost->fields +
                      WRITING_NS * (double)cost->written;

        for (size_t i = 0; i < _SWB_PACKING_MAX; i++)
                work += unpacking_ns[i] * (double)cost->unpacked[i];
        for (size_t i = 0; i < _SWB_ENCODER_MAX; i++)
                work += encoding_ns[i] * (double)cost->encoded[i];
        return work;
}

void swb_device_cost_add(struct swb_device_cost *sum, const struct swb_device_cost *cost)
{
        sum->decoder_bytes = SWB_MAX(sum->decoder_bytes, cost->decoder_bytes);
        sum->predictor_bytes = SWB_MAX(sum->predictor_bytes, cost->predictor_bytes);
        sum->entry_bytes = SWB_MAX(sum->entry_bytes, cost->entry_bytes);
        sum->opening_bytes = SWB_MAX(sum->opening_bytes, cost->opening_bytes);
        sum->scratch_bytes = SWB_MAX(sum->scratch_bytes, cost->scratch_bytes);
        sum->total_bytes = SWB_MAX(sum->total_bytes, cost->total_bytes);
        sum->n_small_windows += cost->n_small_windows;
        sum->n_opened_first += cost->n_opened_first;
        sum->decoded += cost->decoded;
        sum->fields += cost->fields;
        sum->written += cost->written;
        for (size_t i = 0; i < _SWB_PACKING_MAX; i++)
                sum->unpacked[i] += cost->unpacked[i];
        for (size_t i = 0; i < _SWB_ENCODER_MAX; i++)
                sum->encoded[i] += cost->encoded[i];
}
