/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/install/apply_parts.h - what operations of all types share (for this folder)
 *
 * apply.c makes targets of the blob alone, apply_source.c with the source.
 */
#include "device/install/apply.h"

struct swb_extent_target swb_apply_target(const struct swb_apply *apply,
                                          const struct swb_slot *slot);
/* For operations that may fill the last block only in part: the rest of it is zeros. */
int swb_apply_finish_padded(struct swb_extent_writer *writer, struct swb_error *err) _warn_unused_;
/* code: a decoder's or a patcher's. */
int swb_apply_fail_codec(struct swb_error *err, int code, const char *what);

int swb_apply_copy(struct swb_apply *apply, const struct swb_operation *operation,
                   struct swb_slot *slot, struct swb_error *err) _warn_unused_;
int swb_apply_patch(struct swb_apply *apply, const struct swb_operation *operation,
                    const uint8_t *blob, struct swb_slot *slot,
                    struct swb_error *err) _warn_unused_;
