/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/install/follow.h - targets are read back close behind what is written
 *
 * Two threads, of which one reads and the other hashes what the first one had read. They go as far
 * as was said to be on the medium, and stop when the caller wants to go on from there.
 */
#include "device/install/readback.h"

struct swb_follower;

/* Starts the threads; they are confined as the caller is at this time. `slots` is borrowed.
 * NO_MEMORY, or IO when there can be no thread. */
int swb_follower_new(const struct swb_slots *slots, struct swb_follower **ret,
                     struct swb_error *err) _warn_unused_;
struct swb_follower *swb_follower_free(struct swb_follower *follower);
SWB_DEFINE_CLEANUP(struct swb_follower *, swb_follower_free)

/* Up to here each slot is written for good and synced: bytes, whole blocks, by the slot's place. */
void swb_follower_go(struct swb_follower *follower, const uint64_t *ends);
/* Until nothing is read or hashed; it stays so until the next go. */
void swb_follower_pause(struct swb_follower *follower);

/* How far a slot was read back, for after a pause. */
struct swb_readback_walk *swb_follower_walk(struct swb_follower *follower, size_t slot);
