/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * codec/swdiff.h - differences in our own format, SWD1 (making side)
 *
 * The same entries as bsdiff's, in a form that compresses better: numbers of variable length, each
 * kind in a stream of its own, and one set of streams for many files. Spec: docs/spec/payload.md.
 */
#include "codec/difference.h"

#define SWB_SWDIFF_HEADER_BYTES 28
#define SWB_SWDIFF_STREAMS 5 /* copy lengths, new lengths, moves, differences, new bytes */

/*
 * Appends the difference, and empties it on the way (memory). all_codecs: bzip2 and brotli, too.
 * Return: 0, -E2BIG (buf's ceiling, or streams of 4 GiB and more), -ENOMEM.
 */
int swb_swdiff_write(struct swb_difference *difference, bool all_codecs,
                     struct swb_buf *buf) _warn_unused_;

/* What writing takes at most, with the difference itself, which is of n_target bytes. */
uint64_t swb_swdiff_memory(uint64_t n_target);
