/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/install/settle.h - what is written settles while the next operation is applied
 *
 * A second thread syncs the targets, then stores the checkpoint that says so, then has the follower
 * read back what it synced. One job at a time; the threads share nothing but that job, and the
 * slots' descriptors. What a checkpoint promises is the same as without: nothing is stored before
 * the sync that it speaks of, and nothing is synced before the outbox has written it.
 */
#include "device/install/checkpoint.h"
#include "device/install/follow.h"
#include "device/install/outbox.h"

struct swb_settle_job {
        struct swb_checkpoint checkpoint;
        const char *state_dir;              /* NULL: nothing is stored */
        uint64_t n_sent;                    /* buffers that are to be written first */
        bool dirty[SWB_PARTITIONS_MAX];     /* slots to be synced, by their place */
        uint64_t front[SWB_PARTITIONS_MAX]; /* read each slot back up to here, bytes */
};

/* Whom a settler works with. Borrowed. */
struct swb_settle_parts {
        const struct swb_slots *slots;
        struct swb_outbox *outbox;
        struct swb_follower *follower;
};

struct swb_settler;

/* Starts the thread; it is confined as the caller is at this time. NO_MEMORY, or IO when there can
 * be no thread. */
int swb_settler_new(const struct swb_settle_parts *parts, struct swb_settler **ret,
                    struct swb_error *err) _warn_unused_;
/* Ends the job at hand, then the thread. */
struct swb_settler *swb_settler_free(struct swb_settler *settler);
SWB_DEFINE_CLEANUP(struct swb_settler *, swb_settler_free)

bool swb_settler_is_busy(struct swb_settler *settler);

/* Waits for the job before, and hands over the next one. Return as swb_settler_wait(). */
int swb_settler_post(struct swb_settler *settler, const struct swb_settle_job *job,
                     struct swb_error *survived, struct swb_error *err) _warn_unused_;

/*
 * Until the last job is done; the follower may still read. The error of a write or sync that
 * failed, from then on always. *survived gets the failure of a checkpoint that could not be stored,
 * if there was one since the last call (code 0: none).
 */
int swb_settler_wait(struct swb_settler *settler, struct swb_error *survived,
                     struct swb_error *err) _warn_unused_;
