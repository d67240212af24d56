/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: one byte that picks the codec, one the sizes of the pieces, then the stream.
 * Checks: in pieces and at one go give the same bytes and the same answer.
 */
#include "fuzz.h"

#include "base/error.h"
#include "codec/codec.h"

#define OUTPUT_MAX_BYTES ((size_t)1 << 20)

/* Return: bytes written; the last step's answer through ret_result. */
static size_t decode(enum swb_codec codec, const uint8_t *in, size_t n_in, size_t piece,
                     uint8_t *out, int *ret_result)
{
        _cleanup_(swb_decoder_freep) struct swb_decoder *decoder = NULL;
        size_t n_out = OUTPUT_MAX_BYTES, before_in, before_out;
        int r;

        if (swb_decoder_new(codec, SWB_DECODER_MEMORY_BYTES, &decoder) < 0)
                abort();
        do {
                size_t piece_in = SWB_MIN(piece, n_in), piece_out = SWB_MIN(piece, n_out);

                before_in = piece_in;
                before_out = piece_out;
                r = swb_decoder_step(decoder, &in, &piece_in, &out, &piece_out);
                swb_assert(piece_in <= before_in && piece_out <= before_out);
                n_in -= before_in - piece_in;
                n_out -= before_out - piece_out;
                before_in -= piece_in;
                before_out -= piece_out;
        } while (r == SWB_DECODER_MORE && (before_in > 0 || before_out > 0));
        *ret_result = r;
        return OUTPUT_MAX_BYTES - n_out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
        _cleanup_free_ uint8_t *whole = malloc(OUTPUT_MAX_BYTES),
                               *pieces = malloc(OUTPUT_MAX_BYTES);
        size_t n_whole, n_pieces;
        enum swb_codec codec;
        int r_whole, r_pieces, r;

        if (!whole || !pieces || n_bytes < 2)
                return 0;
        codec = (enum swb_codec)(data[0] % _SWB_CODEC_MAX);
        n_whole = decode(codec, data + 2, n_bytes - 2, SIZE_MAX, whole, &r_whole);
        n_pieces = decode(codec, data + 2, n_bytes - 2, 1 + data[1], pieces, &r_pieces);
        if (r_whole < 0 || n_whole == OUTPUT_MAX_BYTES)
                return 0; /* how far it came before the damage depends on the pieces */
        swb_assert(r_pieces == r_whole);
        swb_assert(n_pieces == n_whole);
        swb_assert(memcmp(pieces, whole, n_whole) == 0);
        r = swb_decode(codec, SWB_DECODER_MEMORY_BYTES, data + 2, n_bytes - 2, pieces, n_whole);
        swb_assert(r == 0 || r == -EBADMSG);
        return 0;
}
