/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/install/tree.h - the hash tree and the error correction that a payload leaves to the
 * device
 *
 * Made from what the target holds when all operations are done. Idempotent: after a cut it is made
 * again as a whole. Its root is not looked at: the partition's hash covers
 * data, tree and error correction.
 */
#include "device/install/extents.h"
#include "device/install/slots.h"

/* Nothing for a partition without one. `step` is called while it goes on. IO, READBACK never. */
int swb_tree_make(struct swb_slot *slot, const struct swb_partition *partition,
                  const struct swb_step *step, struct swb_error *err) _warn_unused_;
