/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/db.h"

#include <sqlite3.h>

#include "os/file.h"
#include "server/store/schema.h"

static enum swb_fault fault_of(int code, int *ret_errno)
{
        switch (code & 0xff) {
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
                *ret_errno = -EBUSY;
                return SWB_FAULT_BUSY;
        case SQLITE_FULL:
                *ret_errno = -ENOSPC;
                return SWB_FAULT_NO_SPACE;
        case SQLITE_NOMEM:
                *ret_errno = -ENOMEM;
                return SWB_FAULT_NO_MEMORY;
        case SQLITE_NOTADB:
        case SQLITE_CORRUPT:
                *ret_errno = -EBADMSG;
                return SWB_FAULT_FORMAT;
        case SQLITE_READONLY:
        case SQLITE_PERM:
        case SQLITE_AUTH:
                *ret_errno = -EACCES;
                return SWB_FAULT_DENIED;
        case SQLITE_CONSTRAINT:
                *ret_errno = -EEXIST;
                return SWB_FAULT_USAGE;
        default:
                *ret_errno = -EIO;
                return SWB_FAULT_IO;
        }
}

static int fail_sqlite(struct swb_db *db, int code, const char *what, struct swb_error *err)
{
        int error;
        enum swb_fault fault = fault_of(code, &error);
        const char *file = sqlite3_db_filename(db->handle, "main");

        return swb_fail(err, error, fault, "database '%s': %s: %s", file ? file : "", what,
                        sqlite3_errmsg(db->handle));
}

/* A fresh database changes to WAL once; SQLite does not wait by itself for others that do so too.
 */
static int enter_wal_mode(struct swb_db *db, struct swb_error *err)
{
        const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
        int r;

        for (int waited_msec = 0;; waited_msec += 20) {
                r = swb_db_exec(db, "PRAGMA journal_mode = WAL", err);
                if (r != -EBUSY || waited_msec >= SWB_DB_BUSY_MSEC)
                        return r;
                (void)nanosleep(&pause, NULL); /* shorter when a signal comes */
        }
}

static int configure(struct swb_db *db, struct swb_error *err)
{
        int r;

        (void)sqlite3_busy_timeout(db->handle, SWB_DB_BUSY_MSEC);
        (void)sqlite3_extended_result_codes(db->handle, 1);
        r = enter_wal_mode(db, err);
        if (r < 0)
                return r;
        /* In WAL mode only FULL syncs at each commit, and a commit is what we acknowledge. */
        return swb_db_exec(db,
                           "PRAGMA synchronous = FULL;"
                           "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;"
                           "PRAGMA journal_size_limit = 16777216; PRAGMA cell_size_check = ON;",
                           err);
}

int swb_db_open(const char *folder, enum swb_db_mode mode, struct swb_db **ret,
                struct swb_error *err)
{
        _cleanup_(swb_db_freep) struct swb_db *db = NULL;
        _cleanup_free_ char *path = NULL;
        int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
        int code, r;

        if (asprintf(&path, "%s/%s", folder, SWB_DB_FILE) < 0) {
                path = NULL;
                return swb_oom(err);
        }
        if (mode != SWB_DB_EXISTING) {
                r = swb_make_dirs(folder, 0750, err);
                if (r < 0)
                        return r;
                flags |= SQLITE_OPEN_CREATE;
        } else if (access(path, F_OK) < 0) {
                return swb_fail(err, -ENOENT, SWB_FAULT_NOT_FOUND,
                                "no server data in '%s': publish a payload or start the server "
                                "there first",
                                folder);
        }
        db = calloc(1, sizeof(*db));
        if (!db)
                return swb_oom(err);
        code = sqlite3_open_v2(path, &db->handle, flags, NULL);
        if (!db->handle)
                return swb_oom(err);
        if (code != SQLITE_OK)
                return swb_fail(err, -EIO, SWB_FAULT_IO, "open database '%s': %s", path,
                                sqlite3_errmsg(db->handle));
        r = configure(db, err);
        if (r >= 0 && mode != SWB_DB_BARE)
                r = swb_schema_upgrade(db, err);
        if (r < 0)
                return r;
        *ret = SWB_TAKE_PTR(db);
        return 0;
}

struct swb_db *swb_db_free(struct swb_db *db)
{
        if (!db)
                return NULL;
        (void)sqlite3_close(db->handle);
        free(db);
        return NULL;
}

int swb_db_exec(struct swb_db *db, const char *sql, struct swb_error *err)
{
        int code = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);

        return code == SQLITE_OK ? 0 : fail_sqlite(db, code, "execute", err);
}

int64_t swb_db_last_id(struct swb_db *db)
{
        return sqlite3_last_insert_rowid(db->handle);
}

int64_t swb_db_changes(struct swb_db *db)
{
        return sqlite3_changes64(db->handle);
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
        *ret = swb_query_i64(&q, 0);
        return 0;
}

static int begin(struct swb_transaction *t, struct swb_db *db, const char *sql,
                 struct swb_error *err)
{
        int r = swb_db_exec(db, sql, err);

        if (r < 0)
                return r;
        t->db = db;
        return 0;
}

int swb_transaction_begin(struct swb_transaction *t, struct swb_db *db, struct swb_error *err)
{
        /* IMMEDIATE: wait for other writers here, not halfway through. */
        return begin(t, db, "BEGIN IMMEDIATE", err);
}

int swb_transaction_begin_read(struct swb_transaction *t, struct swb_db *db, struct swb_error *err)
{
        return begin(t, db, "BEGIN DEFERRED", err);
}

int swb_transaction_commit(struct swb_transaction *t, struct swb_error *err)
{
        int r = swb_db_exec(t->db, "COMMIT", err);

        if (r < 0)
                return r;
        t->db = NULL;
        return 0;
}

int swb_transaction_commit_catalog(struct swb_transaction *t, struct swb_error *err)
{
        int r = swb_db_exec(t->db, "UPDATE catalog SET generation = generation + 1", err);

        return r < 0 ? r : swb_transaction_commit(t, err);
}

void swb_transaction_done(struct swb_transaction *t)
{
        /* Some errors have already ended the transaction. */
        if (t->db && !sqlite3_get_autocommit(t->db->handle))
                (void)sqlite3_exec(t->db->handle, "ROLLBACK", NULL, NULL, NULL);
        t->db = NULL;
}

int swb_query_init(struct swb_query *q, struct swb_db *db, const char *sql, struct swb_error *err)
{
        struct sqlite3_stmt *statement = NULL;
        int code = sqlite3_prepare_v2(db->handle, sql, -1, &statement, NULL);

        if (code != SQLITE_OK)
                return fail_sqlite(db, code, sql, err);
        *q = (struct swb_query){.db = db, .statement = statement};
        return 0;
}

void swb_query_done(struct swb_query *q)
{
        (void)sqlite3_finalize(q->statement);
        *q = (struct swb_query){0};
}

static void note_bind(struct swb_query *q, int code)
{
        if (q->error == SQLITE_OK)
                q->error = code;
}

void swb_query_bind_text(struct swb_query *q, const char *text)
{
        note_bind(q, sqlite3_bind_text(q->statement, ++q->n_bound, text, -1, SQLITE_TRANSIENT));
}

void swb_query_bind_i64(struct swb_query *q, int64_t number)
{
        note_bind(q, sqlite3_bind_int64(q->statement, ++q->n_bound, number));
}

void swb_query_reset(struct swb_query *q)
{
        (void)sqlite3_reset(q->statement); /* repeats the last step's error */
        q->n_bound = 0;
        q->error = SQLITE_OK;
}

int swb_query_step(struct swb_query *q, struct swb_error *err)
{
        int code = q->error;

        swb_assert(q->n_bound == sqlite3_bind_parameter_count(q->statement));
        if (code == SQLITE_OK)
                code = sqlite3_step(q->statement);
        if (code == SQLITE_ROW)
                return 1;
        if (code != SQLITE_DONE) {
                int r = fail_sqlite(q->db, code, sqlite3_sql(q->statement), err);

                swb_query_reset(q);
                return r;
        }
        swb_query_reset(q);
        return 0;
}

int swb_query_run(struct swb_query *q, struct swb_error *err)
{
        int r;

        do
                r = swb_query_step(q, err);
        while (r > 0);
        return r;
}

const char *swb_query_text(const struct swb_query *q, int column)
{
        const unsigned char *text = sqlite3_column_text(q->statement, column);

        return text ? (const char *)text : "";
}

int64_t swb_query_i64(const struct swb_query *q, int column)
{
        return sqlite3_column_int64(q->statement, column);
}
