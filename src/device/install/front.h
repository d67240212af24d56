/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/install/front.h - up to where a target is written without a gap
 *
 * Operations come in any order; what lies behind a gap is remembered until that is closed. Where
 * there is too much of it the front stays where it is: whoever asks only learns of less than is
 * there. No block should be written twice; where one before the front is, `again` says that what
 * was read there is worth nothing.
 */
#include "payload/format.h"

/* A payload of sorted files begins with what is left over from all of them: a thousand pieces. */
#define SWB_FRONT_PIECES_MAX 4096

struct swb_front {
        uint64_t end_block;        /* all blocks before are written */
        struct swb_extent *pieces; /* behind end_block, sorted, apart */
        size_t n;
        bool again;
        bool lost; /* there was no room for a piece: end_block moves no more */
};

/* An operation that wrote these extents is done. Holes are stepped over. */
void swb_front_add(struct swb_front *front, const struct swb_extent *extents, size_t n);
void swb_front_done(struct swb_front *front);
