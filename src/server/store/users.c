/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/users.h"

#define COLUMNS "u.id, u.name, u.role, u.password, u.created, u.changed"

static void read_user(const struct swb_query *q, int c, struct swb_user *user)
{
        user->id = swb_query_i64(q, c++);
        swb_copy_bounded(user->name, swb_query_text(q, c++), SWB_NAME_MAX);
        user->role = swb_scope_from_string(swb_query_text(q, c++));
        if (user->role == _SWB_SCOPE_INVALID)
                user->role = SWB_SCOPE_NONE;
        swb_copy_bounded(user->password, swb_query_text(q, c++), SWB_PASSWORD_HASH_SIZE - 1);
        user->created = swb_query_i64(q, c++);
        user->changed = swb_query_i64(q, c);
}

int swb_user_find(struct swb_db *db, const char *name, struct swb_user *ret, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r;

        r = swb_query_first(&q, db, "SELECT " COLUMNS " FROM users u WHERE u.name = ?",
                            SWB_VALUES(SWB_TEXT(name)), err);
        if (r < 0)
                return r;
        if (r == 0)
                return swb_fail(err, -ENOENT, SWB_FAULT_NOT_FOUND, "there is no user '%.80s'",
                                name);
        read_user(&q, 0, ret);
        return 0;
}

static int end_sessions(struct swb_db *db, int64_t user, struct swb_error *err)
{
        return swb_db_run(db, "DELETE FROM sessions WHERE user_id = ?",
                          SWB_VALUES(SWB_NUMBER(user)), err);
}

static int insert(struct swb_db *db, const struct swb_user *user, int64_t now,
                  struct swb_error *err)
{
        int64_t n;
        int r;

        r = swb_db_number(db, "SELECT count(*) FROM users", &n, err);
        if (r >= 0 && n >= SWB_USERS_MAX)
                return swb_fail(err, -ENOSPC, SWB_FAULT_LIMIT, "there are %d users already",
                                SWB_USERS_MAX);
        if (r >= 0)
                r = swb_db_run(
                        db,
                        "INSERT INTO users (name, role, password, created, changed)"
                        " VALUES (?, ?, ?, ?, ?)",
                        SWB_VALUES(SWB_TEXT(user->name), SWB_TEXT(swb_scope_to_string(user->role)),
                                   SWB_TEXT(user->password), SWB_NUMBER(now), SWB_NUMBER(now)),
                        err);
        return r;
}

static int update(struct swb_db *db, const struct swb_user *user, int64_t now,
                  struct swb_error *err)
{
        int r;

        r = swb_db_run(db, "UPDATE users SET role = ?, password = ?, changed = ? WHERE id = ?",
                       SWB_VALUES(SWB_TEXT(swb_scope_to_string(user->role)),
                                  SWB_TEXT(user->password), SWB_NUMBER(now), SWB_NUMBER(user->id)),
                       err);
        return r < 0 ? r : end_sessions(db, user->id, err);
}

int swb_user_put(struct swb_db *db, struct swb_user *user, int64_t now, struct swb_error *err)
{
        struct swb_error absent = SWB_ERROR_INIT;
        struct swb_user there;
        int r;

        if (user->id)
                return update(db, user, now, err);
        r = swb_name_check("user", user->name, err);
        if (r < 0)
                return r;
        if (swb_user_find(db, user->name, &there, &absent) >= 0)
                return swb_fail(err, -EEXIST, SWB_FAULT_USAGE, "there is a user '%s' already",
                                user->name);
        r = insert(db, user, now, err);
        return r < 0 ? r : swb_user_find(db, user->name, user, err);
}

int swb_user_remove(struct swb_db *db, const struct swb_user *user, struct swb_error *err)
{
        return swb_db_run(db, "DELETE FROM users WHERE id = ?", SWB_VALUES(SWB_NUMBER(user->id)),
                          err);
}

int swb_user_list(struct swb_db *db,
                  int (*each)(const struct swb_user *user, void *userdata, struct swb_error *err),
                  void *userdata, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        struct swb_user user;
        int r;

        r = swb_query_init(&q, db, "SELECT " COLUMNS " FROM users u ORDER BY u.name", err);
        while (r >= 0 && (r = swb_query_step(&q, err)) > 0) {
                read_user(&q, 0, &user);
                r = each(&user, userdata, err);
        }
        return r;
}

/* Of all users those that are over, and of this one the oldest. */
static int make_room(struct swb_db *db, int64_t user, int64_t now, struct swb_error *err)
{
        int r;

        r = swb_db_run(db, "DELETE FROM sessions WHERE expires <= ?", SWB_VALUES(SWB_NUMBER(now)),
                       err);
        if (r >= 0)
                r = swb_db_run(db,
                               "DELETE FROM sessions WHERE user_id = ?1 AND id NOT IN"
                               " (SELECT id FROM sessions WHERE user_id = ?1"
                               "  ORDER BY last_used DESC, id DESC LIMIT ?2)",
                               SWB_VALUES(SWB_NUMBER(user), SWB_NUMBER(SWB_SESSIONS_PER_USER - 1)),
                               err);
        return r;
}

int swb_session_begin(struct swb_db *db, int64_t user, const char *hash, const char *address,
                      int64_t now, struct swb_error *err)
{
        int r;

        r = make_room(db, user, now, err);
        if (r >= 0)
                r = swb_db_run(db,
                               "INSERT INTO sessions (user_id, hash, address, created,"
                               " last_used, expires) VALUES (?, ?, ?, ?, ?, ?)",
                               SWB_VALUES(SWB_NUMBER(user), SWB_TEXT(hash), SWB_TEXT(address),
                                          SWB_NUMBER(now), SWB_NUMBER(now),
                                          SWB_NUMBER(now + SWB_SESSION_SECONDS)),
                               err);
        return r;
}

int swb_session_find(struct swb_db *db, const char *hash, int64_t now, struct swb_session *ret,
                     struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r;

        r = swb_query_first(&q, db,
                            "SELECT s.id, s.created, s.last_used, s.expires, " COLUMNS
                            " FROM sessions s JOIN users u ON u.id = s.user_id"
                            " WHERE s.hash = ? AND s.expires > ?",
                            SWB_VALUES(SWB_TEXT(hash), SWB_NUMBER(now)), err);
        if (r <= 0)
                return r;
        ret->id = swb_query_i64(&q, 0);
        ret->created = swb_query_i64(&q, 1);
        ret->last_used = swb_query_i64(&q, 2);
        ret->expires = swb_query_i64(&q, 3);
        read_user(&q, 4, &ret->user);
        return 1;
}

int swb_session_touch(struct swb_db *db, const struct swb_session *session, int64_t now,
                      struct swb_error *err)
{
        int64_t last = session->created + SWB_SESSION_MAX_SECONDS;

        return swb_db_run(db, "UPDATE sessions SET last_used = ?, expires = ? WHERE id = ?",
                          SWB_VALUES(SWB_NUMBER(now),
                                     SWB_NUMBER(SWB_MIN(now + SWB_SESSION_SECONDS, last)),
                                     SWB_NUMBER(session->id)),
                          err);
}

int swb_session_end(struct swb_db *db, int64_t session, struct swb_error *err)
{
        return swb_db_run(db, "DELETE FROM sessions WHERE id = ?", SWB_VALUES(SWB_NUMBER(session)),
                          err);
}
