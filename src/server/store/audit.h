/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/store/audit.h - who changed what, and when
 *
 * A line is written in the transaction of its change, so there is none without the other. The log
 * is also the source of what webhooks tell.
 */
#include "server/auth/identity.h"
#include "server/store/db.h"

/* Longer states are left out, with a note of their length. */
#define SWB_AUDIT_STATE_MAX_BYTES (16u << 10)
/* Lines to keep. */
#define SWB_AUDIT_MAX 100000

struct swb_audit_entry {
        const struct swb_identity *identity;
        const char *action;                /* "rollout.pause" */
        const char *app;                   /* "" for what belongs to none */
        const char *object;                /* "rollouts/spring" */
        const char *old_state, *new_state; /* JSON; NULL or "": there was, or is, none */
};

/* Inside the caller's transaction. */
int swb_audit_put(struct swb_db *db, const struct swb_audit_entry *entry, int64_t now,
                  struct swb_error *err) _warn_unused_;

struct swb_audit_row {
        int64_t id, at;
        /* Borrowed during the call. */
        const char *who, *via, *address, *action, *app, *object, *old_state, *new_state;
};

struct swb_audit_filter {
        int64_t before;     /* id of a line that is too new; 0: none is */
        int64_t after;      /* with this: oldest first, from the line behind it */
        bool is_forward;    /* `after` counts, instead of `before` */
        const char *object; /* its beginning; "": any */
        const char *action; /* its beginning; "": any */
        const char *who;    /* "": any */
        uint64_t limit;
};

int swb_audit_list(struct swb_db *db, const struct swb_audit_filter *filter,
                   int (*each)(const struct swb_audit_row *row, void *userdata,
                               struct swb_error *err),
                   void *userdata, struct swb_error *err) _warn_unused_;
/* The newest line's id, 0 when there is none. */
int swb_audit_last(struct swb_db *db, int64_t *ret, struct swb_error *err) _warn_unused_;
