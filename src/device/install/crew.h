/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/install/crew.h - the threads that an install has beside its own, where there is a core for
 * them
 *
 *     installer (reads, decodes, assembles) --> outbox (writes)
 *          |        |                               |
 *          |        `-> decoder (decodes with it)   v
 *          v                                     settler (syncs, stores checkpoints)
 *     hasher (the payload's hashes)                 |
 *                                                   v
 *                                                follower (reads back, hashes)
 *
 * Each waits for what it needs of the one before; nothing else is shared. Memory: 2.5 MiB of
 * buffers, more while an operation leaves it to the outbox, and six small stacks with the
 * follower's own helper.
 */
#include "device/install/beside.h"
#include "device/install/settle.h"

struct swb_crew {
        struct swb_beside *hasher, *decoder;
        struct swb_outbox *outbox;
        struct swb_follower *follower;
        struct swb_settler *settler; /* NULL: there is no crew */
};

/* All of them or none. `slots` is borrowed. */
int swb_crew_start(struct swb_crew *crew, const struct swb_slots *slots,
                   struct swb_error *err) _warn_unused_;
/* What was given to them is done first. */
void swb_crew_done(struct swb_crew *crew);
