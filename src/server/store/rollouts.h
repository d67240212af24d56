/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/store/rollouts.h - rows of rollouts, their stages and the devices that they admitted
 *
 * The verbs below that change something run inside the caller's transaction, which must end with
 * swb_transaction_commit_catalog(): running servers follow then.
 */
#include "server/rollout/rollout.h"
#include "server/store/db.h"

struct swb_rollout_row {
        struct swb_rollout_setup setup;
        char hours[SWB_HOURS_TEXT_MAX + 1];
        char time_zone[65]; /* of devices whose group has none; "": UTC */
        int64_t created, changed;
};

/* NOT_FOUND */
int swb_rollout_find(struct swb_db *db, int64_t app, const char *name, struct swb_rollout_row *ret,
                     struct swb_error *err) _warn_unused_;
/* In the order of their creation, newest first. app 0: of all apps. */
int swb_rollout_list(struct swb_db *db, int64_t app,
                     int (*each)(const struct swb_rollout_row *row, void *userdata,
                                 struct swb_error *err),
                     void *userdata, struct swb_error *err) _warn_unused_;

struct swb_rollout_filter {
        int64_t app;     /* 0: of all apps */
        int64_t before;  /* only smaller ids; 0: all */
        bool unfinished; /* only these */
        uint64_t limit;
};

int swb_rollout_page(struct swb_db *db, const struct swb_rollout_filter *filter,
                     int (*each)(const struct swb_rollout_row *row, void *userdata,
                                 struct swb_error *err),
                     void *userdata, struct swb_error *err) _warn_unused_;

/* Stores a new rollout at its first stage, active; fills in its id. BUSY: the channel has one
 * already; USAGE. */
int swb_rollout_create(struct swb_db *db, struct swb_rollout_row *row, int64_t now,
                       struct swb_error *err) _warn_unused_;
/* Stores a changed plan, hours and time zone. USAGE: it is over, its present stage would go, or an
 * earlier one would change. */
int swb_rollout_edit(struct swb_db *db, const struct swb_rollout_row *row, int64_t now,
                     struct swb_error *err) _warn_unused_;
/* Status and reason. */
int swb_rollout_set_status(struct swb_db *db, const struct swb_rollout_setup *setup,
                           enum swb_rollout_status status, const char *reason, int64_t now,
                           struct swb_error *err) _warn_unused_;
/* Active again; what has gone wrong so far counts no more. */
int swb_rollout_resume(struct swb_db *db, const struct swb_rollout_setup *setup, int64_t now,
                       struct swb_error *err) _warn_unused_;
/* Opens the next stage. USAGE when there is none. */
int swb_rollout_advance(struct swb_db *db, const struct swb_rollout_setup *setup, int64_t now,
                        struct swb_error *err) _warn_unused_;
/* Makes the release the channel's. */
int swb_rollout_finish(struct swb_db *db, const struct swb_rollout_setup *setup, int64_t now,
                       struct swb_error *err) _warn_unused_;

/* Forgets a rollout that is recalled or finished. BUSY. */
int swb_rollout_remove(struct swb_db *db, const struct swb_rollout_setup *setup,
                       struct swb_error *err) _warn_unused_;

/* Members. The query is kept prepared by whoever writes many. */
struct swb_member_writer {
        struct swb_query put, turn;
        int64_t seq, node; /* of the rows of this turn */
};

int swb_member_writer_init(struct swb_member_writer *writer, struct swb_db *db,
                           struct swb_error *err) _warn_unused_;
void swb_member_writer_done(struct swb_member_writer *writer);
int swb_member_write(struct swb_member_writer *writer, int64_t rollout, const char *machineid,
                     const struct swb_member_row *row, struct swb_error *err) _warn_unused_;
/* Rows of members are written by one server at a time: waits for its turn, which lasts until the
 * end of the transaction. Turns are numbered as they are committed. */
int swb_member_take_turn(struct swb_member_writer *writer, int64_t node,
                         struct swb_error *err) _warn_unused_;
/* The rows of later turns than `seq` that other servers than `node` have written. */
int swb_member_changes(struct swb_db *db, int64_t rollout, int64_t seq, int64_t node,
                       int (*each)(const char *machineid, const struct swb_member_row *row,
                                   int64_t seq, void *userdata, struct swb_error *err),
                       void *userdata, struct swb_error *err) _warn_unused_;
/* The last turn that has written a member of the rollout; 0: none. */
int swb_member_last_change(struct swb_db *db, int64_t rollout, int64_t *ret_seq,
                           struct swb_error *err) _warn_unused_;

/* Lets a model know which blocks of its release were lifted. */
int swb_rollout_lift_blocks(struct swb_db *db, struct swb_rollout *rollout,
                            struct swb_error *err) _warn_unused_;

/* What the rows say, for programs that are not the server: counts by stage, the reasons. A model
 * rebuilt from the rows, with what is silent by now; free with swb_rollout_done(). */
int swb_rollout_rebuild(struct swb_db *db, const struct swb_rollout_setup *setup,
                        const struct swb_siphash_key keys[2], int64_t now, struct swb_rollout *ret,
                        struct swb_error *err) _warn_unused_;
