/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * open/libraries.h - one file a library: what each of them gives; for this folder only
 *
 * A library that is not built in gives NULL (…_absent.c).
 */
#include "open/encoder.h"
#include "open/unpack.h"

/* NULL: not built in. */
const struct swb_encoder_ops *swb_encoder_ops_of(enum swb_encoder_id id);

const struct swb_encoder_ops *swb_lz4_encoder(void);
const struct swb_encoder_ops *swb_lz4_hc_encoder(void);
/* 0, -EBADMSG, -EPROTONOSUPPORT. */
int swb_lz4_unpack(const uint8_t *in, size_t n_in, uint8_t *out, size_t n_room,
                   size_t *ret_n) _warn_unused_;

const struct swb_encoder_ops *swb_zlib_encoder(void);
const struct swb_encoder_ops *swb_pigz_encoder(void);
const struct swb_unpacker_ops *swb_deflate_unpacker(void);
const struct swb_unpacker_ops *swb_zlib_unpacker(void);

const struct swb_encoder_ops *swb_gzip_encoder(void);
const struct swb_encoder_ops *swb_tokens_encoder(void);

/* Is its last parameter one of these? */
bool swb_xz_accepts(const struct swb_setting *setting);
/* Also makes what lzma(1) makes. */
const struct swb_encoder_ops *swb_xz_encoder(void);
const struct swb_unpacker_ops *swb_xz_unpacker(void);
const struct swb_unpacker_ops *swb_lzma_unpacker(void);

const struct swb_encoder_ops *swb_bzip2_encoder(void);
const struct swb_unpacker_ops *swb_bzip2_unpacker(void);
uint64_t swb_bzip2_opening_bytes(void); /* what that takes */

/* Both encoders, for one block and for lzop(1)'s. */
const struct swb_encoder_ops *swb_lzo_encoder(void);
const struct swb_unpacker_ops *swb_lzop_unpacker(void);
/* 0, -EBADMSG, -E2BIG, -EPROTONOSUPPORT. */
int swb_lzo_unpack(const uint8_t *in, size_t n_in, uint8_t *out, size_t n_room,
                   size_t *ret_n) _warn_unused_;

const struct swb_encoder_ops *swb_zstd_encoder(void);
const struct swb_unpacker_ops *swb_zstd_unpacker(void);
uint32_t swb_zstd_version(void); /* 10504: 1.5.4; 0 when absent */

/* What goes into an encoder that needs it all at once. */
struct swb_gathered {
        struct swb_encoder_job job;
        uint8_t *data;
        size_t n;
};

int swb_gathered_open(const struct swb_encoder_job *job, void **ret_state) _warn_unused_;
int swb_gathered_put(void *state, const uint8_t *data, size_t n) _warn_unused_;
void swb_gathered_close(void *state);
/* Libraries check for room with a margin: an exact buffer would be refused. */
#define SWB_GATHERED_MARGIN 128u
/* Room for what is made: n_encoded and the margin. NULL: out of memory. */
uint8_t *swb_gathered_room(const struct swb_gathered *gathered, size_t *ret_n_room);
