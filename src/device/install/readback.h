/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/install/readback.h - what the medium really holds
 *
 * Reads the target past the page cache (O_DIRECT; where the file system has none, after dropping
 * the cache) and compares it with the manifest's hash. The caller has synced. It may be read in
 * pieces, each as soon as it is written for good and synced.
 */
#include "device/install/extents.h"
#include "device/install/slots.h"

struct swb_readback {
        uint8_t *buffer; /* SWB_IO_BYTES, page-aligned */
        bool through_cache;
        struct swb_step step; /* called for every piece */
};

/* How far a target was read, and the hash of that. */
struct swb_readback_walk {
        uint64_t offset;
        struct swb_sha256 sha;
};

void swb_readback_start(struct swb_readback_walk *walk);

/*
 * The next piece, not beyond `end` (a multiple of SWB_BLOCK_BYTES, behind the walk), directly from
 * the medium or not at all: false, and swb_readback_finish() will judge. step is not called.
 */
bool swb_readback_ahead(const struct swb_readback *readback, const struct swb_slot *slot,
                        struct swb_readback_walk *walk, uint64_t end);

/* Reads the rest and compares. READBACK: the medium holds something else, or can't be read. */
int swb_readback_finish(const struct swb_readback *readback, const struct swb_slot *slot,
                        const struct swb_partition *partition, struct swb_readback_walk *walk,
                        struct swb_error *err) _warn_unused_;
