/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * codec/swd2patch.h - applies differences with predicted addresses, SWD2 (device side)
 */
#include "codec/bspatch.h"

/*
 * As swb_bspatch(), with as much memory as its head tells, which together with the patch itself is
 * at most SWB_PATCH_MEMORY_BYTES; -E2BIG, before anything is allocated, for what tells more
 * (PF-117).
 */
int swb_swd2_patch(const uint8_t *patch, size_t n_patch, uint64_t n_source, uint64_t n_target,
                   const struct swb_bspatch_io *io) _warn_unused_;
