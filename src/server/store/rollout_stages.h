/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* server/store/rollout_stages.h - the stages of a rollout, for rollouts.c */
#include "server/store/rollouts.h"

/* Adds the stages of setup->id to the plan. FORMAT: it is at one that it does not have. */
int swb_stages_read(struct swb_db *db, struct swb_rollout_setup *s,
                    struct swb_error *err) _warn_unused_;
/* Those of the plan in place of what is stored. */
int swb_stages_replace(struct swb_db *db, const struct swb_rollout_setup *s,
                       struct swb_error *err) _warn_unused_;
/* Stages that have passed are history. USAGE: they differ. */
int swb_stages_check(const struct swb_rollout_setup *old, const struct swb_rollout_setup *s,
                     struct swb_error *err) _warn_unused_;
/* Opens a stage, and counts how many successes it needs. */
int swb_stage_open(struct swb_db *db, const struct swb_rollout_setup *s, size_t stage, int64_t now,
                   struct swb_error *err) _warn_unused_;
/* How many successes the open stage needs, which has admitted devices already. */
int swb_stage_recount_need(struct swb_db *db, const struct swb_rollout_setup *s, uint64_t *ret,
                           struct swb_error *err) _warn_unused_;
