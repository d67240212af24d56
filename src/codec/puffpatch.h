/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * codec/puffpatch.h - applies PUFFDIFF patches (device side): puff the source, patch, huff
 *
 * Neither puffed stream exists as a whole. Of the source, puffs are made when they are read, and
 * the last ones are kept; the target's are turned back while they arrive. Memory: that of
 * swb_bspatch(), and at most 11 MiB: extents (2 x 2 MiB), puffs (6 MiB), codes.
 */
#include "codec/bspatch.h"

/* A source whose puffs are larger is refused. Encoders end blocks far earlier: their codes are made
 * from what the block holds. */
#define SWB_PUFF_MAX_BYTES ((size_t)2 << 20)

/*
 * As swb_bspatch(); also -EPROTONOSUPPORT for a patch that is not one of bsdiff within, and -E2BIG
 * for one that needs larger puffs or more extents, or has them made over and over again.
 */
int swb_puffpatch(const uint8_t *patch, size_t n_patch, uint64_t n_source, uint64_t n_target,
                  size_t max_memory_bytes, const struct swb_bspatch_io *io) _warn_unused_;
