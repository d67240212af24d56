/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * codec/swpatch.h - applies differences in our own formats, SWD1 and SWD2 (device side)
 */
#include "codec/bspatch.h"

/*
 * As swb_bspatch(). Five decoders share max_memory_bytes: an eighth each for the three streams of
 * numbers, five sixteenths each for the other two (PF-83). SWD2 has bounds of its own
 * (codec/swd2patch.h).
 */
int swb_swpatch(const uint8_t *patch, size_t n_patch, uint64_t n_source, uint64_t n_target,
                size_t max_memory_bytes, const struct swb_bspatch_io *io) _warn_unused_;
