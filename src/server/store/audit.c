/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/audit.h"

/* Old lines go in lots, not with each new one. */
#define TRIM_EVERY 256

static int trim(struct swb_db *db, int64_t newest, struct swb_error *err)
{
        if (newest <= SWB_AUDIT_MAX || newest % TRIM_EVERY != 0)
                return 0;
        return swb_db_run(db, "DELETE FROM audit WHERE id <= ?",
                          SWB_VALUES(SWB_NUMBER(newest - SWB_AUDIT_MAX)), err);
}

static const char *bounded(const char *state, char *note, size_t n_note)
{
        size_t n = state ? strlen(state) : 0;

        if (n <= SWB_AUDIT_STATE_MAX_BYTES)
                return state ? state : "";
        (void)snprintf(note, n_note, "{\"left_out_bytes\": %zu}", n);
        return note;
}

int swb_audit_put(struct swb_db *db, const struct swb_audit_entry *entry, int64_t now,
                  struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        char notes[2][64];
        int64_t id;
        int r;

        r = swb_query_begin(
                &q, db,
                "INSERT INTO audit (at, who, via, address, action, app, object,"
                " old_state, new_state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
                " RETURNING id",
                SWB_VALUES(SWB_NUMBER(now), SWB_TEXT(entry->identity->who),
                           SWB_TEXT(swb_via_to_string(entry->identity->via)),
                           SWB_TEXT(entry->identity->address), SWB_TEXT(entry->action),
                           SWB_TEXT(entry->app), SWB_TEXT(entry->object),
                           SWB_TEXT(bounded(entry->old_state, notes[0], sizeof(notes[0]))),
                           SWB_TEXT(bounded(entry->new_state, notes[1], sizeof(notes[1])))),
                err);
        if (r < 0)
                return r;
        r = swb_query_insert(&q, &id, err);
        return r < 0 ? r : trim(db, id, err);
}

static int prepare(struct swb_query *q, struct swb_db *db, const struct swb_audit_filter *f,
                   struct swb_error *err)
{
        char sql[512];

        (void)snprintf(sql, sizeof(sql),
                       "SELECT id, at, who, via, address, action, app, object, old_state,"
                       " new_state FROM audit WHERE id %s ?1"
                       " AND substr(object, 1, length(?2)) = ?2"
                       " AND substr(action, 1, length(?3)) = ?3"
                       " AND (?4 = '' OR who = ?4) ORDER BY id %s LIMIT ?5",
                       f->is_forward ? ">" : "<", f->is_forward ? "ASC" : "DESC");
        return swb_query_begin(q, db, sql,
                               SWB_VALUES(SWB_NUMBER(f->is_forward   ? f->after
                                                     : f->before > 0 ? f->before
                                                                     : INT64_MAX),
                                          SWB_TEXT(f->object), SWB_TEXT(f->action),
                                          SWB_TEXT(f->who), SWB_NUMBER((int64_t)f->limit)),
                               err);
}

int swb_audit_list(struct swb_db *db, const struct swb_audit_filter *filter,
                   int (*each)(const struct swb_audit_row *row, void *userdata,
                               struct swb_error *err),
                   void *userdata, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r;

        r = prepare(&q, db, filter, err);
        while (r >= 0 && (r = swb_query_step(&q, err)) > 0) {
                const struct swb_audit_row row = {.id = swb_query_i64(&q, 0),
                                                  .at = swb_query_i64(&q, 1),
                                                  .who = swb_query_text(&q, 2),
                                                  .via = swb_query_text(&q, 3),
                                                  .address = swb_query_text(&q, 4),
                                                  .action = swb_query_text(&q, 5),
                                                  .app = swb_query_text(&q, 6),
                                                  .object = swb_query_text(&q, 7),
                                                  .old_state = swb_query_text(&q, 8),
                                                  .new_state = swb_query_text(&q, 9)};

                r = each(&row, userdata, err);
        }
        return r;
}

int swb_audit_last(struct swb_db *db, int64_t *ret, struct swb_error *err)
{
        return swb_db_number(db, "SELECT coalesce(max(id), 0) FROM audit", ret, err);
}
