/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * codec/decoder_ops.h - what each compressor's file gives to decoder.c; for this folder only
 */
#include "codec/codec.h"

struct swb_decoder_ops {
        /* 0 and a state of its own, or -ENOMEM. Required. */
        int (*open)(size_t max_memory_bytes, void **ret_state);
        /* Never called with NULL. Required. */
        void (*close)(void *state);
        /* As after open(), with the memory that is there. NULL: closed and opened instead. */
        void (*reset)(void *state);
        /* As swb_decoder_step(), but not called again after an end or an error. Required. */
        int (*step)(void *state, const uint8_t **in, size_t *n_in, uint8_t **out, size_t *n_out);
        /* As swb_decode(), in another way that is quicker. NULL: there is none. */
        int (*whole)(size_t max_memory_bytes, const uint8_t *in, size_t n_in, uint8_t *out,
                     size_t n_out);
};

extern const struct swb_decoder_ops swb_bz2_decoder;
extern const struct swb_decoder_ops swb_xz_decoder;
extern const struct swb_decoder_ops swb_zstd_decoder;
extern const struct swb_decoder_ops swb_brotli_decoder;
extern const struct swb_decoder_ops swb_mixed_decoder;
