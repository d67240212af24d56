/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* server/rollout/internal.h - what the files of one rollout share */
#include "server/rollout/rollout.h"

/* The open stage. */
const struct swb_stage *swb_rollout_stage(const struct swb_rollout *r);

/* Adds a member to all counts, or, with UINT64_MAX (-1), takes it out. */
void swb_rollout_count(struct swb_rollout *r, const struct swb_member *m, uint64_t by);
/* Gives a member another state, for a reason ("": none), with all that follows from it. */
void swb_rollout_move(struct swb_rollout *r, struct swb_member *m, enum swb_member_state state,
                      const char *reason, int64_t now);
void swb_rollout_take_slot(struct swb_rollout *r, struct swb_member *m);
/* Blocks the release for the member's hardware class when it has failed there too often. */
void swb_rollout_check_class(struct swb_rollout *r, const struct swb_member *m);

/* Halts the rollout when too much has ended badly. */
void swb_rollout_check_thresholds(struct swb_rollout *r);
/* Notes when the stage has the successes that it needs. */
void swb_rollout_check_need(struct swb_rollout *r, int64_t now);

/* Counts an admission of this time. */
void swb_rate_note(struct swb_rollout *r, int64_t t);
/* Admissions within the stage's time before now. */
uint64_t swb_rate_sum(const struct swb_rollout *r, int64_t now);
bool swb_rate_is_used_up(const struct swb_rollout *r, int64_t now);
/* From the members, when the stage's time has changed. */
void swb_rate_recount(struct swb_rollout *r);
