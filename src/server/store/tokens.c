/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/tokens.h"

#define SELECT "SELECT id, name, scope, created, expires, last_used, created_by FROM tokens"

static void read_token(const struct swb_query *q, struct swb_token *token)
{
        token->id = swb_query_i64(q, 0);
        swb_copy_bounded(token->name, swb_query_text(q, 1), SWB_NAME_MAX);
        token->scope = swb_scope_from_string(swb_query_text(q, 2));
        if (token->scope == _SWB_SCOPE_INVALID)
                token->scope = SWB_SCOPE_NONE;
        token->created = swb_query_i64(q, 3);
        token->expires = swb_query_i64(q, 4);
        token->last_used = swb_query_i64(q, 5);
        swb_copy_bounded(token->created_by, swb_query_text(q, 6), SWB_WHO_MAX);
}

static int find(struct swb_db *db, const char *sql, const char *text, struct swb_token *ret,
                struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r;

        r = swb_query_first(&q, db, sql, SWB_VALUES(SWB_TEXT(text)), err);
        if (r > 0)
                read_token(&q, ret);
        return r;
}

int swb_token_find_hash(struct swb_db *db, const char *hash, struct swb_token *ret,
                        struct swb_error *err)
{
        return find(db, SELECT " WHERE hash = ?", hash, ret, err);
}

int swb_token_find(struct swb_db *db, const char *name, struct swb_token *ret,
                   struct swb_error *err)
{
        int r = find(db, SELECT " WHERE name = ?", name, ret, err);

        if (r == 0)
                return swb_fail(err, -ENOENT, SWB_FAULT_NOT_FOUND, "there is no token '%.80s'",
                                name);
        return SWB_MIN(r, 0);
}

static int check_free(struct swb_db *db, const struct swb_token *token, struct swb_error *err)
{
        struct swb_token there;
        int64_t n;
        int r;

        r = swb_name_check("token", token->name, err);
        if (r >= 0)
                r = find(db, SELECT " WHERE name = ?", token->name, &there, err);
        if (r > 0)
                return swb_fail(err, -EEXIST, SWB_FAULT_USAGE, "there is a token '%s' already",
                                token->name);
        if (r >= 0)
                r = swb_db_number(db, "SELECT count(*) FROM tokens", &n, err);
        if (r >= 0 && n >= SWB_TOKENS_MAX)
                return swb_fail(err, -ENOSPC, SWB_FAULT_LIMIT, "there are %d tokens already",
                                SWB_TOKENS_MAX);
        return r;
}

int swb_token_create(struct swb_db *db, const struct swb_token *token, const char *hash,
                     struct swb_error *err)
{
        int r;

        r = check_free(db, token, err);
        if (r >= 0)
                r = swb_db_run(db,
                               "INSERT INTO tokens (name, scope, hash, created, expires,"
                               " last_used, created_by) VALUES (?, ?, ?, ?, ?, 0, ?)",
                               SWB_VALUES(SWB_TEXT(token->name),
                                          SWB_TEXT(swb_scope_to_string(token->scope)),
                                          SWB_TEXT(hash), SWB_NUMBER(token->created),
                                          SWB_NUMBER(token->expires), SWB_TEXT(token->created_by)),
                               err);
        return r;
}

int swb_token_touch(struct swb_db *db, int64_t token, int64_t now, struct swb_error *err)
{
        return swb_db_run(db, "UPDATE tokens SET last_used = ? WHERE id = ?",
                          SWB_VALUES(SWB_NUMBER(now), SWB_NUMBER(token)), err);
}

int swb_token_remove(struct swb_db *db, int64_t token, struct swb_error *err)
{
        return swb_db_run(db, "DELETE FROM tokens WHERE id = ?", SWB_VALUES(SWB_NUMBER(token)),
                          err);
}

int swb_token_list(struct swb_db *db,
                   int (*each)(const struct swb_token *token, void *userdata,
                               struct swb_error *err),
                   void *userdata, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        struct swb_token token;
        int r;

        r = swb_query_init(&q, db, SELECT " ORDER BY name", err);
        while (r >= 0 && (r = swb_query_step(&q, err)) > 0) {
                read_token(&q, &token);
                r = each(&token, userdata, err);
        }
        return r;
}
