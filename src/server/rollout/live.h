/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/rollout/live.h - all rollouts of a running server, with their exact counts
 *
 * Model:  one lock around the models of rollout.h, held for the length of one hash look-up. Threads
 *         that answer ask and report; the writer's thread fetches what it must store; the owner
 *         calls swb_rollouts_tick(). Counts are rebuilt from the rows when a rollout is first seen.
 * Several servers on one database: each has all members in memory, and follows what the others
 *         store (swb_rollouts_sync()). What it admits holds once its own rows are committed, one
 *         server at a time and after it has followed all the others: so no limit is ever exceeded,
 *         and a server that dies leaves nothing to give back (docs/ARCHITECTURE.md).
 */
#include "server/store/rollouts.h"

struct swb_rollouts;

int swb_rollouts_new(struct swb_rollouts **ret, struct swb_error *err) _warn_unused_;
struct swb_rollouts *swb_rollouts_free(struct swb_rollouts *rollouts);
SWB_DEFINE_CLEANUP(struct swb_rollouts *, swb_rollouts_free)

/* Follows the database: new rollouts come with their members, changed ones change, finished ones
 * go. */
int swb_rollouts_refresh(struct swb_rollouts *rollouts, struct swb_db *db, int64_t now,
                         struct swb_error *err) _warn_unused_;

/* As swb_rollout_peek() and _admit(); rollout is its id. Unknown ones are paused. NULL rollouts:
 * as if there were none. */
enum swb_hold swb_rollouts_peek(struct swb_rollouts *rollouts, int64_t rollout,
                                const struct swb_rollout_ask *ask);
enum swb_hold swb_rollouts_admit(struct swb_rollouts *rollouts, int64_t rollout,
                                 const struct swb_rollout_ask *ask, enum swb_taken *ret_taken,
                                 int64_t *ret_admitted_at);
void swb_rollouts_undo(struct swb_rollouts *rollouts, int64_t rollout, const char *machineid,
                       enum swb_taken taken);
/* As swb_rollout_confirm(). */
bool swb_rollouts_confirm(struct swb_rollouts *rollouts, int64_t rollout, const char *machineid,
                          enum swb_taken taken, int64_t now);
/* Tells all rollouts of the app. */
void swb_rollouts_hear(struct swb_rollouts *rollouts, int64_t app,
                       const struct swb_rollout_word *word);
void swb_rollouts_hear_again(struct swb_rollouts *rollouts, int64_t app,
                             const struct swb_rollout_word *word);
/* Is it a member of any of the app's? */
bool swb_rollouts_concern(struct swb_rollouts *rollouts, int64_t app, const char *machineid);
/* Is it a member that has not got to the new system? Such a one is told to stay when the release is
 * recalled. */
bool swb_rollouts_is_pending(struct swb_rollouts *rollouts, int64_t rollout, const char *machineid);

/* Takes over what other servers have stored since the last time. */
int swb_rollouts_sync(struct swb_rollouts *rollouts, struct swb_db *db,
                      struct swb_error *err) _warn_unused_;
/* For what is to be stored: waits for other servers' turns to end, and begins one that lasts until
 * the end of the transaction. Follows them, then. */
int swb_rollouts_take_turn(struct swb_rollouts *rollouts, struct swb_db *db,
                           struct swb_member_writer *writer, struct swb_error *err) _warn_unused_;
/* The turn's transaction was committed. */
void swb_rollouts_end_turn(struct swb_rollouts *rollouts, const struct swb_member_writer *writer);

/* Stores the device's memberships that have changed at `since` or later. */
int swb_rollouts_store(struct swb_rollouts *rollouts, int64_t app, const char *machineid,
                       int64_t since, struct swb_member_writer *writer,
                       struct swb_error *err) _warn_unused_;

/* Looks for devices that became silent, and carries verdicts out: a stage opens, a rollout pauses
 * or finishes, hardware is blocked. Return: 1 when the catalog has changed by that. */
int swb_rollouts_tick(struct swb_rollouts *rollouts, struct swb_db *db, int64_t now,
                      struct swb_error *err) _warn_unused_;

/* A copy of one as it is now, without its members. False: it is not among them. Its `members` are
 * empty; swb_rollout_done() is harmless. */
bool swb_rollouts_snapshot(struct swb_rollouts *rollouts, int64_t rollout, struct swb_rollout *ret);

/* Calls `each` with every rollout, under the lock: it must be quick. */
void swb_rollouts_each(struct swb_rollouts *rollouts,
                       void (*each)(const struct swb_rollout *rollout, void *userdata),
                       void *userdata);
