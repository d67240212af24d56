/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * codec/swd2patch.h - applies differences with predicted addresses, SWD2 (device side)
 */
#include "codec/bspatch.h"

/*
 * As swb_bspatch(), with memory of its own: 32 MiB for decoders, 24 MiB for the predictor, 6 MiB
 * for entries and 3 MiB beside them, all at most (PF-112, PF-113).
 */
int swb_swd2_patch(const uint8_t *patch, size_t n_patch, uint64_t n_source, uint64_t n_target,
                   const struct swb_bspatch_io *io) _warn_unused_;
