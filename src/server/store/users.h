/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/store/users.h - people who may log in, and their browsers' sessions
 *
 * What changes something runs inside the caller's transaction.
 */
#include "os/password.h"
#include "server/auth/identity.h"
#include "server/store/db.h"

#define SWB_USERS_MAX 10000
#define SWB_SESSIONS_PER_USER 20
#define SWB_SESSION_SECONDS (12 * 3600)         /* unused so long: over */
#define SWB_SESSION_MAX_SECONDS (7 * 24 * 3600) /* over in any case */

struct swb_user {
        int64_t id;
        char name[SWB_NAME_MAX + 1];
        enum swb_scope role;
        char password[SWB_PASSWORD_HASH_SIZE]; /* "": none, a proxy vouches */
        int64_t created, changed;
};

/* NOT_FOUND. */
int swb_user_find(struct swb_db *db, const char *name, struct swb_user *ret,
                  struct swb_error *err) _warn_unused_;
/* Makes the user (id 0: EEXIST when there is one) or stores role and password. A change of either
 * ends the user's sessions. LIMIT. */
int swb_user_put(struct swb_db *db, struct swb_user *user, int64_t now,
                 struct swb_error *err) _warn_unused_;
int swb_user_remove(struct swb_db *db, const struct swb_user *user,
                    struct swb_error *err) _warn_unused_;
/* In the order of names. */
int swb_user_list(struct swb_db *db,
                  int (*each)(const struct swb_user *user, void *userdata, struct swb_error *err),
                  void *userdata, struct swb_error *err) _warn_unused_;

/* Begins a session; the user's oldest one goes when there are too many, as do those that are over.
 */
int swb_session_begin(struct swb_db *db, int64_t user, const char *hash, const char *address,
                      int64_t now, struct swb_error *err) _warn_unused_;
struct swb_session {
        int64_t id, created, last_used, expires;
        struct swb_user user;
};
/* 1: found and not over; 0: none. */
int swb_session_find(struct swb_db *db, const char *hash, int64_t now, struct swb_session *ret,
                     struct swb_error *err) _warn_unused_;
/* It goes on for SWB_SESSION_SECONDS from now. */
int swb_session_touch(struct swb_db *db, const struct swb_session *session, int64_t now,
                      struct swb_error *err) _warn_unused_;
int swb_session_end(struct swb_db *db, int64_t session, struct swb_error *err) _warn_unused_;
