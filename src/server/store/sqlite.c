/* SPDX-License-Identifier: Apache-2.0 */
/* The store in one folder, without a server of its own. One foreign library: SQLite. */
#include <sqlite3.h>

#include "os/file.h"
#include "server/store/db_ops.h"

/* Marks a database as ours (PRAGMA application_id). */
#define APPLICATION_ID 0x53574253

struct sqlite_db {
        struct swb_db db; /* first */
        sqlite3 *handle;
        int64_t data_version; /* as has_news() saw it */
};

struct statement {
        struct sqlite_db *db;
        sqlite3_stmt *handle;
        int bind_error; /* of the first bind that failed */
};

static sqlite3 *handle_of(struct swb_db *db)
{
        return ((struct sqlite_db *)db)->handle;
}

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

static int fail_sqlite(sqlite3 *handle, int code, const char *what, struct swb_error *err)
{
        int error;
        enum swb_fault fault = fault_of(code, &error);
        const char *file = sqlite3_db_filename(handle, "main");

        return swb_fail(err, error, fault, "database '%s': %s: %s", file ? file : "", what,
                        sqlite3_errmsg(handle));
}

static int exec(struct swb_db *db, const char *sql, struct swb_error *err)
{
        int code = sqlite3_exec(handle_of(db), sql, NULL, NULL, NULL);

        return code == SQLITE_OK ? 0 : fail_sqlite(handle_of(db), code, "execute", err);
}

/* --- opening --- */

static bool is_mine(const char *store)
{
        (void)store;
        return true;
}

/* A fresh database changes to WAL once; SQLite does not wait by itself for others that do so too.
 */
static int enter_wal_mode(struct swb_db *db, struct swb_error *err)
{
        const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
        int r;

        for (int waited_msec = 0;; waited_msec += 20) {
                r = exec(db, "PRAGMA journal_mode = WAL", err);
                if (r != -EBUSY || waited_msec >= SWB_DB_BUSY_MSEC)
                        return r;
                (void)nanosleep(&pause, NULL); /* shorter when a signal comes */
        }
}

static int configure(struct swb_db *db, struct swb_error *err)
{
        int r;

        (void)sqlite3_busy_timeout(handle_of(db), SWB_DB_BUSY_MSEC);
        (void)sqlite3_extended_result_codes(handle_of(db), 1);
        r = enter_wal_mode(db, err);
        if (r < 0)
                return r;
        /* In WAL mode only FULL syncs at each commit, and a commit is what we acknowledge. */
        return exec(db,
                    "PRAGMA synchronous = FULL;"
                    "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;"
                    "PRAGMA journal_size_limit = 16777216; PRAGMA cell_size_check = ON;",
                    err);
}

static int find_folder(const char *folder, const char *path, enum swb_db_mode mode, int *ret_flags,
                       struct swb_error *err)
{
        *ret_flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
        if (mode != SWB_DB_EXISTING && mode != SWB_DB_AS_IS) {
                *ret_flags |= SQLITE_OPEN_CREATE;
                return swb_make_dirs(folder, 0750, err);
        }
        if (access(path, F_OK) < 0)
                return swb_fail(err, -ENOENT, SWB_FAULT_NOT_FOUND,
                                "no server data in '%s': publish a payload or start the server "
                                "there first",
                                folder);
        return 0;
}

static int open_sqlite(const char *folder, enum swb_db_mode mode, struct swb_db **ret,
                       struct swb_error *err)
{
        _cleanup_(swb_db_freep) struct swb_db *db = NULL;
        _cleanup_free_ char *path = NULL;
        struct sqlite_db *sqlite;
        int code, flags, r;

        if (asprintf(&path, "%s/" SWB_DB_FILE, folder) < 0) {
                path = NULL;
                return swb_oom(err);
        }
        r = find_folder(folder, path, mode, &flags, err);
        if (r < 0)
                return r;
        sqlite = calloc(1, sizeof(*sqlite));
        if (!sqlite)
                return swb_oom(err);
        db = &sqlite->db;
        db->ops = &swb_sqlite_ops;
        sqlite->data_version = -1;
        code = sqlite3_open_v2(path, &sqlite->handle, flags, NULL);
        if (!sqlite->handle)
                return swb_oom(err);
        if (code != SQLITE_OK)
                return swb_fail(err, -EIO, SWB_FAULT_IO, "open database '%s': %s", path,
                                sqlite3_errmsg(sqlite->handle));
        r = configure(db, err);
        if (r < 0)
                return r;
        *ret = SWB_TAKE_PTR(db);
        return 0;
}

static void close_sqlite(struct swb_db *db)
{
        (void)sqlite3_close(handle_of(db));
        free(db);
}

/* --- transactions --- */

static int64_t changes(struct swb_db *db)
{
        return sqlite3_changes64(handle_of(db));
}

static int begin(struct swb_db *db, enum swb_db_begin kind, struct swb_error *err)
{
        return exec(db, kind == SWB_DB_BEGIN_READ ? "BEGIN DEFERRED" : "BEGIN IMMEDIATE", err);
}

static int commit(struct swb_db *db, struct swb_error *err)
{
        return exec(db, "COMMIT", err);
}

static void rollback(struct swb_db *db)
{
        /* Some errors have already ended the transaction. */
        if (!sqlite3_get_autocommit(handle_of(db)))
                (void)sqlite3_exec(handle_of(db), "ROLLBACK", NULL, NULL, NULL);
}

/* --- copies --- */

/* In one step: a reader that keeps one state of the database, for which no writer waits. */
static int copy_pages(struct swb_db *db, sqlite3 *to, struct swb_error *err)
{
        sqlite3_backup *backup = sqlite3_backup_init(to, "main", handle_of(db), "main");
        int code;

        if (!backup)
                return fail_sqlite(to, sqlite3_errcode(to), "copy into it", err);
        do
                code = sqlite3_backup_step(backup, -1);
        while (code == SQLITE_OK);
        (void)sqlite3_backup_finish(backup); /* leaves the step's error in `to` */
        return code == SQLITE_DONE ? 0 : fail_sqlite(to, code, "copy into it", err);
}

static int copy(struct swb_db *db, const char *path, struct swb_error *err)
{
        sqlite3 *to = NULL;
        int code, r;

        code = sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
        if (!to)
                return swb_oom(err);
        r = code == SQLITE_OK ? copy_pages(db, to, err) : fail_sqlite(to, code, "open", err);
        (void)sqlite3_close(to);
        return r;
}

/* --- schema and news --- */

/* An empty database may become ours, any other must be ours already. */
static int get_version(struct swb_db *db, int64_t *ret, struct swb_error *err)
{
        int64_t id, n_tables;
        int r;

        r = swb_db_number(db, "PRAGMA application_id", &id, err);
        if (r >= 0)
                r = swb_db_number(db, "SELECT count(*) FROM sqlite_master", &n_tables, err);
        if (r < 0)
                return r;
        if (id != APPLICATION_ID && (id != 0 || n_tables != 0))
                return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG,
                                "'" SWB_DB_FILE "' is the database of another program");
        return swb_db_number(db, "PRAGMA user_version", ret, err);
}

static int set_version(struct swb_db *db, int64_t version, struct swb_error *err)
{
        char sql[128];

        (void)snprintf(sql, sizeof(sql), "PRAGMA application_id = %d; PRAGMA user_version = %lld",
                       APPLICATION_ID, (long long)version);
        return exec(db, sql, err);
}

/* data_version moves with every commit of another connection, and not with our own. */
static int has_news(struct swb_db *db, bool *ret, struct swb_error *err)
{
        struct sqlite_db *sqlite = (struct sqlite_db *)db;
        int64_t data_version;
        int r;

        r = swb_db_number(db, "PRAGMA data_version", &data_version, err);
        if (r < 0)
                return r;
        *ret = data_version != sqlite->data_version;
        sqlite->data_version = data_version;
        return 0;
}

static int tell_news(struct swb_db *db, struct swb_error *err)
{
        (void)err;
        ((struct sqlite_db *)db)->data_version = -1; /* so that this connection sees its own */
        return 0;
}

/* --- statements --- */

static int prepare(struct swb_db *db, const char *sql, void **ret, struct swb_error *err)
{
        struct statement *s = calloc(1, sizeof(*s));
        int code;

        if (!s)
                return swb_oom(err);
        s->db = (struct sqlite_db *)db;
        code = sqlite3_prepare_v2(handle_of(db), sql, -1, &s->handle, NULL);
        if (code != SQLITE_OK) {
                free(s);
                return fail_sqlite(handle_of(db), code, sql, err);
        }
        *ret = s;
        return 0;
}

static void finalize(void *statement)
{
        struct statement *s = statement;

        (void)sqlite3_finalize(s->handle);
        free(s);
}

static void note_bind(struct statement *s, int code)
{
        if (s->bind_error == SQLITE_OK)
                s->bind_error = code;
}

static void bind_text(void *statement, int place, const char *text)
{
        struct statement *s = statement;

        note_bind(s, sqlite3_bind_text(s->handle, place, text, -1, SQLITE_TRANSIENT));
}

static void bind_i64(void *statement, int place, int64_t number)
{
        struct statement *s = statement;

        note_bind(s, sqlite3_bind_int64(s->handle, place, number));
}

static void reset(void *statement)
{
        struct statement *s = statement;

        (void)sqlite3_reset(s->handle); /* repeats the last step's error */
        s->bind_error = SQLITE_OK;
}

static int step(void *statement, int n_bound, struct swb_error *err)
{
        struct statement *s = statement;
        int code = s->bind_error;

        swb_assert(n_bound == sqlite3_bind_parameter_count(s->handle));
        if (code == SQLITE_OK)
                code = sqlite3_step(s->handle);
        if (code == SQLITE_ROW)
                return 1;
        return code == SQLITE_DONE ? 0
                                   : fail_sqlite(s->db->handle, code, sqlite3_sql(s->handle), err);
}

static const char *text_of(const void *statement, int column)
{
        const struct statement *s = statement;

        return (const char *)sqlite3_column_text(s->handle, column);
}

static int64_t i64_of(const void *statement, int column)
{
        const struct statement *s = statement;

        return sqlite3_column_int64(s->handle, column);
}

static const struct swb_statement_ops statement_ops = {
        .prepare = prepare,
        .finalize = finalize,
        .bind_text = bind_text,
        .bind_i64 = bind_i64,
        .step = step,
        .reset = reset,
        .text = text_of,
        .i64 = i64_of,
};

const struct swb_db_ops swb_sqlite_ops = {
        .is_mine = is_mine,
        .open = open_sqlite,
        .close = close_sqlite,
        .exec = exec,
        .changes = changes,
        .begin = begin,
        .commit = commit,
        .rollback = rollback,
        .define = exec, /* the steps are written in SQLite's words */
        .version = get_version,
        .set_version = set_version,
        .copy = copy,
        .has_news = has_news,
        .tell_news = tell_news,
        .statements = &statement_ops,
};
