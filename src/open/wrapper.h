/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * open/wrapper.h - a difference between opened contents: the format SWO1
 *
 * Spec: docs/spec/payload.md PF-130 … PF-137, PF-139. A blob is the two recipes, then a difference
 * in another format ("inner"), which goes from the opened old content to the opened new one; or,
 * once, such a blob again: a file that lies in the many pieces of an image is opened behind the
 * image.
 */
#include "codec/bspatch.h"
#include "codec/patch_memory.h"
#include "open/opened.h"

#define SWB_OPEN_HEADER_BYTES 16
#define SWB_OPEN_RECIPES_MAX ((size_t)2 << 20) /* both, unpacked */
#define SWB_OPEN_LAYERS_MAX 2u

struct swb_open_layer {
        struct swb_recipe old, new;
};

struct swb_open_head {
        struct swb_open_layer layers[SWB_OPEN_LAYERS_MAX]; /* the content's own first */
        unsigned n_layers;
        size_t n_bytes; /* the inner difference begins here */
};

/* What a device gives to opening and closing together, and to scratch space, unless it says
 * otherwise. */
#define SWB_OPEN_MEMORY_BYTES ((uint64_t)26 << 20)
#define SWB_OPEN_SCRATCH_BYTES ((uint64_t)1 << 30)
/* The most that it may say. */
#define SWB_OPEN_MEMORY_MAX ((uint64_t)1 << 30)

/* By so much does what a device gives exceed what it gives unless it says otherwise: its limit for
 * all of an operation, and that of the whole program, are higher by the same. */
static inline uint64_t swb_open_extra(uint64_t memory_bytes)
{
        return memory_bytes - SWB_MIN(memory_bytes, SWB_OPEN_MEMORY_BYTES);
}

/*
 * What applying takes of both, and in all: at most SWB_PATCH_MEMORY_BYTES, and what memory_bytes is
 * above SWB_OPEN_MEMORY_BYTES. Opening, closing and the inner difference take their memory side by
 * side, or, where that is too much, opening before the other two: then all of the old content goes
 * to scratch space first.
 */
struct swb_open_needs {
        uint64_t memory_bytes, scratch_bytes;
        uint64_t total_bytes;
        bool opens_first;
};

/* given_bytes: by the device, to opening and closing; more than SWB_OPEN_MEMORY_BYTES changes
 * nothing. inner_bytes: the whole difference, and what its inner one needs (swb_patch_needs()). */
struct swb_open_needs swb_open_needs(const struct swb_open_head *head, uint64_t given_bytes,
                                     uint64_t inner_bytes);
/* Are they within what a device has that gives so much? */
bool swb_open_needs_fit(const struct swb_open_needs *needs, uint64_t given_bytes);
/* So much does it have at most for the whole difference and what its inner one needs. */
uint64_t swb_open_inner_room(const struct swb_open_head *head, uint64_t given_bytes);
/* What the inner difference of this head needs, without the blob: of several, the most. */
uint64_t swb_open_inner_needs(const struct swb_open_head *head, const uint8_t *blob, size_t n_blob);

void swb_open_head_done(struct swb_open_head *head);

/* Does the blob begin like one of these? */
bool swb_open_is_wrapped(const uint8_t *blob, size_t n_blob);

/*
 * Reads the recipes of a difference between contents of these sizes. Return: 0; -EBADMSG; -E2BIG;
 * -EPROTONOSUPPORT for packings or encoders of a later version; -ENOMEM.
 */
int swb_open_head_read(const uint8_t *blob, size_t n_blob, uint64_t n_source, uint64_t n_target,
                       struct swb_open_head *ret) _warn_unused_;
/* Appends both recipes of a layer, ready for what follows. 0, -E2BIG, -ENOMEM. Making side. */
int swb_open_head_write(const struct swb_recipe *old, const struct swb_recipe *new,
                        struct swb_buf *buf) _warn_unused_;

/* What applies the inner difference: as swb_bspatch(). */
typedef int (*swb_open_inner)(const uint8_t *patch, size_t n_patch, uint64_t n_source,
                              uint64_t n_target, size_t max_memory_bytes,
                              const struct swb_bspatch_io *io);

/*
 * The whole difference: opens the source, applies the inner difference, closes the target.
 * `limits`: of opening and closing together, of which no more is taken than is needed, or
 * SWB_OPEN_MEMORY_BYTES; the inner difference has max_memory_bytes beside, and all three
 * SWB_PATCH_MEMORY_BYTES, and what is given above SWB_OPEN_MEMORY_BYTES.
 * Return: as `inner`, and -EPROTONOSUPPORT when an encoder is missing, -E2BIG when the limits do
 * not suffice: nothing but the recipes was allocated then.
 */
int swb_open_patch(const uint8_t *blob, size_t n_blob, uint64_t n_source, uint64_t n_target,
                   const struct swb_open_limits *limits, swb_open_inner inner,
                   size_t max_memory_bytes, const struct swb_bspatch_io *io) _warn_unused_;
