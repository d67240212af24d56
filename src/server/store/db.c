/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/db.h"

#include "server/store/db_ops.h"
#include "server/store/schema.h"

static const struct swb_db_ops *ops_of(const char *store)
{
        static const struct swb_db_ops *const all[] = {&swb_postgresql_ops, &swb_sqlite_ops};
        size_t i = 0;

        while (i + 1 < SWB_ELEMENTS(all) && !all[i]->is_mine(store))
                i++;
        return all[i];
}

int swb_db_open(const char *store, enum swb_db_mode mode, struct swb_db **ret,
                struct swb_error *err)
{
        _cleanup_(swb_db_freep) struct swb_db *db = NULL;
        int r;

        r = ops_of(store)->open(store, mode, &db, err);
        if (r >= 0 && mode != SWB_DB_BARE && mode != SWB_DB_AS_IS)
                r = swb_schema_upgrade(db, err);
        if (r < 0)
                return r;
        *ret = SWB_TAKE_PTR(db);
        return 0;
}

struct swb_db *swb_db_free(struct swb_db *db)
{
        if (db)
                db->ops->close(db);
        return NULL;
}

int swb_db_exec(struct swb_db *db, const char *sql, struct swb_error *err)
{
        return db->ops->exec(db, sql, err);
}

int64_t swb_db_changes(struct swb_db *db)
{
        return db->ops->changes(db);
}

int swb_db_version(struct swb_db *db, int64_t *ret, struct swb_error *err)
{
        return db->ops->version(db, ret, err);
}

int swb_db_copy(struct swb_db *db, const char *path, struct swb_error *err)
{
        return db->ops->copy(db, path, err);
}

bool swb_db_is_shared(const struct swb_db *db)
{
        return db->ops->is_shared;
}

int swb_db_has_news(struct swb_db *db, bool *ret, struct swb_error *err)
{
        return db->ops->has_news(db, ret, err);
}

int swb_db_number(struct swb_db *db, const char *sql, int64_t *ret, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r;

        r = swb_query_init(&q, db, sql, err);
        if (r >= 0)
                r = swb_query_step(&q, err);
        if (r < 0)
                return r;
        *ret = r > 0 ? swb_query_i64(&q, 0) : 0;
        return 0;
}

static int begin(struct swb_transaction *t, struct swb_db *db, enum swb_db_begin kind,
                 struct swb_error *err)
{
        int r = db->ops->begin(db, kind, err);

        if (r < 0)
                return r;
        t->db = db;
        return 0;
}

int swb_transaction_begin(struct swb_transaction *t, struct swb_db *db, struct swb_error *err)
{
        return begin(t, db, SWB_DB_BEGIN_WRITE, err);
}

int swb_transaction_begin_rows(struct swb_transaction *t, struct swb_db *db, struct swb_error *err)
{
        return begin(t, db, SWB_DB_BEGIN_ROWS, err);
}

int swb_transaction_begin_read(struct swb_transaction *t, struct swb_db *db, struct swb_error *err)
{
        return begin(t, db, SWB_DB_BEGIN_READ, err);
}

int swb_transaction_commit(struct swb_transaction *t, struct swb_error *err)
{
        int r = t->db->ops->commit(t->db, err);

        if (r < 0)
                return r;
        t->db = NULL;
        return 0;
}

int swb_transaction_commit_catalog(struct swb_transaction *t, struct swb_error *err)
{
        int r = swb_db_exec(t->db, "UPDATE catalog SET generation = generation + 1", err);

        if (r >= 0)
                r = t->db->ops->tell_news(t->db, err);
        return r < 0 ? r : swb_transaction_commit(t, err);
}

void swb_transaction_done(struct swb_transaction *t)
{
        if (t->db)
                t->db->ops->rollback(t->db);
        t->db = NULL;
}

int swb_query_init(struct swb_query *q, struct swb_db *db, const char *sql, struct swb_error *err)
{
        void *statement;
        int r = db->ops->statements->prepare(db, sql, &statement, err);

        if (r < 0)
                return r;
        *q = (struct swb_query){.db = db, .statement = statement};
        return 0;
}

void swb_query_done(struct swb_query *q)
{
        if (q->db)
                q->db->ops->statements->finalize(q->statement);
        *q = (struct swb_query){0};
}

void swb_query_bind_text(struct swb_query *q, const char *text)
{
        q->db->ops->statements->bind_text(q->statement, ++q->n_bound, text);
}

void swb_query_bind_i64(struct swb_query *q, int64_t number)
{
        q->db->ops->statements->bind_i64(q->statement, ++q->n_bound, number);
}

int swb_query_begin(struct swb_query *q, struct swb_db *db, const char *sql,
                    const struct swb_value *values, size_t n, struct swb_error *err)
{
        int r = swb_query_init(q, db, sql, err);

        for (size_t i = 0; r >= 0 && i < n; i++)
                if (values[i].is_number)
                        swb_query_bind_i64(q, values[i].number);
                else
                        swb_query_bind_text(q, values[i].text);
        return r;
}

int swb_query_first(struct swb_query *q, struct swb_db *db, const char *sql,
                    const struct swb_value *values, size_t n, struct swb_error *err)
{
        int r = swb_query_begin(q, db, sql, values, n, err);

        return r < 0 ? r : swb_query_step(q, err);
}

int swb_db_run(struct swb_db *db, const char *sql, const struct swb_value *values, size_t n,
               struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r = swb_query_begin(&q, db, sql, values, n, err);

        return r < 0 ? r : swb_query_run(&q, err);
}

void swb_query_reset(struct swb_query *q)
{
        q->db->ops->statements->reset(q->statement);
        q->n_bound = 0;
}

int swb_query_step(struct swb_query *q, struct swb_error *err)
{
        int r = q->db->ops->statements->step(q->statement, q->n_bound, err);

        if (r <= 0)
                swb_query_reset(q);
        return r;
}

int swb_query_run(struct swb_query *q, struct swb_error *err)
{
        int r;

        do
                r = swb_query_step(q, err);
        while (r > 0);
        return r;
}

int swb_query_insert(struct swb_query *q, int64_t *ret_id, struct swb_error *err)
{
        int r = swb_query_step(q, err);

        if (r < 0)
                return r;
        swb_assert(r > 0); /* the query says RETURNING, and every conflict is an error */
        *ret_id = swb_query_i64(q, 0);
        swb_query_reset(q);
        return 0;
}

const char *swb_query_text(const struct swb_query *q, int column)
{
        const char *text = q->db->ops->statements->text(q->statement, column);

        return text ? text : "";
}

int64_t swb_query_i64(const struct swb_query *q, int column)
{
        return q->db->ops->statements->i64(q->statement, column);
}

uint64_t swb_query_u64(const struct swb_query *q, int column)
{
        return (uint64_t)SWB_MAX(swb_query_i64(q, column), 0);
}
