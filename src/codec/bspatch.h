/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * codec/bspatch.h - applies BSDIFF40 and BSDF2 patches (device side)
 *
 * The source is read at random and the target written front to back, both in pieces through the
 * caller's callbacks, so memory does not depend on their sizes: three decoders of at most
 * max_memory_bytes together, plus 128 KiB.
 */
#include "codec/codec.h"

struct swb_bspatch_io {
        void *context;
        /* Reads exactly n bytes at offset (inside the source's size). 0 or negative errno. */
        int (*read_source)(void *context, uint64_t offset, uint8_t *data, size_t n);
        /* Takes the next n bytes of the target. 0 or negative errno. */
        int (*write_target)(void *context, const uint8_t *data, size_t n);
};

/*
 * Return: 0 when exactly n_target bytes were written; -EBADMSG for a patch that breaks the format,
 * reads outside the source, or makes another number of bytes; -E2BIG; -ENOMEM; or what a callback
 * returned.
 */
int swb_bspatch(const uint8_t *patch, size_t n_patch, uint64_t n_source, uint64_t n_target,
                size_t max_memory_bytes, const struct swb_bspatch_io *io) _warn_unused_;
