/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * codec/bsdiff.h - binary differences in the formats BSDIFF40 and BSDF2 (making side)
 *
 * Layout: 32-byte header (magic "BSDIFF40", or "BSDF2" and three codec bytes 0 none 1 bz2 2 brotli;
 * control size, diff size, new size as 64-bit sign-magnitude little-endian), then the control, diff
 * and extra streams. Spec: docs/spec/payload.md.
 */
#include "codec/codec.h"

#define SWB_BSDIFF_HEADER_BYTES 32

/* Codec numbers in a BSDF2 header. */
#define SWB_BSDIFF_NONE 0
#define SWB_BSDIFF_BZ2 1
#define SWB_BSDIFF_BROTLI 2

enum swb_bsdiff_format {
        SWB_BSDIFF40, /* three bz2 streams */
        SWB_BSDF2,    /* each stream bz2 or brotli, whichever is smaller */
};

/*
 * Appends the patch that turns old into new. Needs about 4 bytes of memory per byte of `old`
 * (8 from 2 GiB on) beside the inputs: swb_bsdiff_memory() says how much.
 * Deterministic. Return: 0, -E2BIG (buf's ceiling: set it to what is worth having, the matching is
 * not cut short but nothing larger comes back), -ENOMEM.
 */
int swb_bsdiff(const uint8_t *old, size_t n_old, const uint8_t *new, size_t n_new,
               enum swb_bsdiff_format format, struct swb_buf *buf) _warn_unused_;

uint64_t swb_bsdiff_memory(uint64_t n_old, uint64_t n_new);
