/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * bin/swb-pack/eta.h - how long it will still take, from what was done so far
 *
 * Within a stage the rate of the work decides, of late more than of long ago (work that a cache
 * saved says little about the rest). A later stage is taken to be as much longer than those so far
 * as its share says. Pure: the clock is the caller's.
 */
#include <stdint.h>

#include "base/cleanup.h"

/* A stage's name and what part of the whole it usually takes, in any unit. */
struct swb_eta_stage {
        const char *name;
        unsigned share;
};

struct swb_eta {
        const struct swb_eta_stage *stages; /* in their order; the end has no name. NULL: one */
        uint64_t begin_usec, stage_usec, last_usec;
        uint64_t learned_usec; /* when work was done last */
        bool started;
        char stage[32];
        double fraction;           /* of the stage */
        double recent, recent_sec; /* fractions done and time taken, the past fading */
        double other_sec;          /* of the stages before */
        unsigned other_share;      /* theirs */
        double shown_sec;          /* < 0: nothing yet */
};

#define SWB_ETA_UNKNOWN UINT64_MAX

/*
 * A stage has done so much of so much work at this time; times do not go back. Return: whole
 * seconds that are left, or UNKNOWN: in the first seconds, before a stage has shown its pace, while
 * the larger part is still to come in other stages, and when nothing is left.
 */
uint64_t swb_eta_next(struct swb_eta *eta, const char *stage, uint64_t done, uint64_t total,
                      uint64_t now_usec);

/* "1 min 20 s", "2 h 5 min", "12 s": coarser the longer. Returns text. */
#define SWB_ETA_TEXT 32
const char *swb_eta_format(uint64_t seconds, char text[static SWB_ETA_TEXT]);
