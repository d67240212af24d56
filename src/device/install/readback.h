/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/install/readback.h - what the medium really holds
 *
 * Reads the target past the page cache (O_DIRECT; where the file system has none, after dropping
 * the cache) and compares it with the manifest's hash. The caller has synced. It may be read in
 * pieces, each as soon as it is written for good and synced.
 */
#include "device/install/beside.h"
#include "device/install/extents.h"
#include "device/install/slots.h"

/* How far a target was read, and the hash of that. */
struct swb_readback_walk {
        uint64_t offset;
        struct swb_sha256 sha;
};

struct swb_readback {
        uint8_t *buffers[2]; /* page-aligned; the second one for `beside` alone */
        size_t n_buffer;     /* bytes of each, whole blocks */
        bool through_cache;
        struct swb_step step; /* called for every piece */
        /* Hashes a piece while the next one is read; NULL: nobody. Nobody else's meanwhile. */
        struct swb_beside *beside;
        /* That piece; n_piece 0: none. */
        struct swb_readback_walk *walk;
        size_t n_piece;
        unsigned turn; /* the buffer that is read into next */
};

void swb_readback_start(struct swb_readback_walk *walk);

/*
 * The next piece, not beyond `end` (a multiple of SWB_BLOCK_BYTES, behind the walk), directly from
 * the medium or not at all: false, and swb_readback_finish() will judge. step is not called. The
 * walk's hash holds it only after swb_readback_settle().
 */
bool swb_readback_ahead(struct swb_readback *readback, const struct swb_slot *slot,
                        struct swb_readback_walk *walk, uint64_t end);
void swb_readback_settle(struct swb_readback *readback);

/* Reads the rest and compares. READBACK: the medium holds something else, or can't be read. */
int swb_readback_finish(struct swb_readback *readback, const struct swb_slot *slot,
                        const struct swb_partition *partition, struct swb_readback_walk *walk,
                        struct swb_error *err) _warn_unused_;
