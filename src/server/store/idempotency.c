/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/idempotency.h"

#include "server/store/names.h"

int swb_idempotency_find(struct swb_db *db, const char *who, const char *key,
                         struct swb_kept_answer *ret, struct swb_buf *body, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r;

        r = swb_query_first(&q, db,
                            "SELECT fingerprint, status, etag, location, body FROM idempotency"
                            " WHERE who = ? AND idem_key = ?",
                            SWB_VALUES(SWB_TEXT(who), SWB_TEXT(key)), err);
        if (r <= 0)
                return r;
        swb_copy_bounded(ret->fingerprint, swb_query_text(&q, 0), sizeof(ret->fingerprint) - 1);
        ret->status = (unsigned)swb_query_i64(&q, 1);
        swb_copy_bounded(ret->etag, swb_query_text(&q, 2), sizeof(ret->etag) - 1);
        swb_copy_bounded(ret->location, swb_query_text(&q, 3), sizeof(ret->location) - 1);
        return swb_buf_append_str(body, swb_query_text(&q, 4)) < 0 ? swb_oom(err) : 1;
}

/* Those of yesterday, and the oldest when there are too many. */
static int make_room(struct swb_db *db, int64_t now, struct swb_error *err)
{
        int64_t n;
        int r;

        r = swb_db_run(db, "DELETE FROM idempotency WHERE at < ?",
                       SWB_VALUES(SWB_NUMBER(now - SWB_IDEMPOTENCY_SECONDS)), err);
        if (r >= 0)
                r = swb_db_number(db, "SELECT count(*) FROM idempotency", &n, err);
        if (r < 0 || n < SWB_IDEMPOTENCY_MAX)
                return r;
        return swb_db_exec(db,
                           "DELETE FROM idempotency WHERE at <="
                           " (SELECT min(at) + 60 FROM idempotency)",
                           err);
}

int swb_idempotency_put(struct swb_db *db, const char *who, const char *key,
                        const struct swb_kept_answer *answer, const char *body, int64_t now,
                        struct swb_error *err)
{
        int r;

        r = make_room(db, now, err);
        if (r >= 0)
                r = swb_db_run(db,
                               "INSERT INTO idempotency (who, idem_key, fingerprint, at,"
                               " status, etag, location, body)"
                               " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                               SWB_VALUES(SWB_TEXT(who), SWB_TEXT(key),
                                          SWB_TEXT(answer->fingerprint), SWB_NUMBER(now),
                                          SWB_NUMBER(answer->status), SWB_TEXT(answer->etag),
                                          SWB_TEXT(answer->location), SWB_TEXT(body)),
                               err);
        return r;
}
