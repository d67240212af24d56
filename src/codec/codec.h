/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * codec/codec.h - the entropy coders behind one pair of calls
 *
 * Pure bytes to bytes: no I/O, no clock. Errors are errno only.
 * Decoding is by steps, with bounded memory whatever the stream claims; encoding is of whole
 * buffers, deterministic (same input and parameters, same bytes, whatever the number of threads).
 */
#include "base/buf.h"

enum swb_codec {
        SWB_CODEC_NONE, /* the bytes themselves */
        SWB_CODEC_BZ2,
        SWB_CODEC_XZ,   /* .xz container of one stream, check none or CRC32 */
        SWB_CODEC_ZSTD, /* one frame with its content size, window at most 8 MiB */
        SWB_CODEC_BROTLI,
        /* Our own, of payload.md section 14; the two differ in what readers give the decoder. */
        SWB_CODEC_MIXED,
        SWB_CODEC_MIXED_LARGE,
        _SWB_CODEC_MAX,
        _SWB_CODEC_INVALID = -EINVAL,
};

const char *swb_codec_to_string(enum swb_codec codec);

struct swb_decoder;

/* Enough memory for one decoder of anything that docs/spec/payload.md allows, and for
 * swb_bspatch(). */
#define SWB_DECODER_MEMORY_BYTES ((size_t)12 << 20)

/*
 * max_memory_bytes bounds what the decoder may allocate for itself (dictionary and tables); a
 * stream that wants more fails with -E2BIG at its header. Return: 0, -ENOMEM.
 */
int swb_decoder_new(enum swb_codec codec, size_t max_memory_bytes,
                    struct swb_decoder **ret) _warn_unused_;
struct swb_decoder *swb_decoder_free(struct swb_decoder *decoder);
SWB_DEFINE_CLEANUP(struct swb_decoder *, swb_decoder_free)

/*
 * Ready for another stream of the same codec, within the same bound. Cheaper than a new decoder:
 * what was allocated is used again. Return: 0; -ENOMEM, after which the decoder can only be freed
 * or reset.
 */
int swb_decoder_reset(struct swb_decoder *decoder) _warn_unused_;

enum { SWB_DECODER_MORE = 0, SWB_DECODER_END = 1 };

/*
 * Consumes from *in, produces into *out; moves the pointers and reduces the counts, as zlib does.
 * Return: SWB_DECODER_MORE (gives back when input is used up or output full; no progress with both
 * available means the stream was cut), SWB_DECODER_END at the stream's end (unused input stays;
 * never with SWB_CODEC_NONE, whose end only the caller knows), -EBADMSG for a damaged stream,
 * -E2BIG above the memory bound, -ENOMEM. An end or an error is answered again by every later call.
 */
int swb_decoder_step(struct swb_decoder *decoder, const uint8_t **in, size_t *n_in, uint8_t **out,
                     size_t *n_out) _warn_unused_;

/*
 * Decodes a whole stream to exactly n_out bytes. Return: 0; -EBADMSG damaged, cut, trailing bytes,
 * or not exactly n_out bytes; -E2BIG; -ENOMEM.
 */
int swb_decode(enum swb_codec codec, size_t max_memory_bytes, const void *in, size_t n_in,
               void *out, size_t n_out) _warn_unused_;

/*
 * Appends the encoding of a whole buffer. Level 0 = the codec's best useful level (bz2 9, or less
 * for an input that fits into a smaller block; xz 6
 * extreme off, zstd 19, brotli 11 with a window of 1 MiB). What comes out is what the decoder above
 * accepts. Return: 0, -EINVAL (level), -E2BIG (buf's ceiling), -ENOMEM. Build side: library
 * codec_make.
 */
int swb_encode(enum swb_codec codec, int level, const void *in, size_t n_in,
               struct swb_buf *buf) _warn_unused_;

/* What xz's encoder tries. */
enum swb_xz_way {
        SWB_XZ_USUAL,
        SWB_XZ_SPARSE,   /* of mostly zeros: the longest matches, but few are looked at */
        SWB_XZ_THOROUGH, /* two to five times as long, for much over long runs with something
                            between */
};

/* SWB_CODEC_XZ for a reader with less memory: the dictionary is not larger than this (which is one
 * of the sizes that xz has, 2^n or 2^n + 2^(n-1)). Return as swb_encode(). */
int swb_encode_xz(uint32_t max_dictionary_bytes, enum swb_xz_way way, const void *in, size_t n_in,
                  struct swb_buf *buf) _warn_unused_;
