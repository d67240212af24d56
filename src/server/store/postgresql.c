/* SPDX-License-Identifier: Apache-2.0 */
/* The store that several servers share. One foreign library: libpq. */
#include <libpq-fe.h>

#include "server/store/postgresql_connection.h"
#include "server/store/postgresql_sql.h"
#include "server/store/postgresql_url.h"

static struct swb_postgresql *ours(struct swb_db *db)
{
        return (struct swb_postgresql *)db;
}

static int exec(struct swb_db *db, const char *sql, struct swb_error *err)
{
        int r = swb_postgresql_ensure(ours(db), err);

        return r < 0 ? r : swb_postgresql_exec(ours(db), sql, err);
}

static void close_postgresql(struct swb_db *db)
{
        PQfinish(ours(db)->connection);
        free(db);
}

static int open_postgresql(const char *url, enum swb_db_mode mode, struct swb_db **ret,
                           struct swb_error *err)
{
        _cleanup_(swb_db_freep) struct swb_db *db = NULL;
        struct swb_postgresql *pg = calloc(1, sizeof(*pg));
        int64_t version;
        int r;

        if (!pg)
                return swb_oom(err);
        db = &pg->db;
        db->ops = &swb_postgresql_ops;
        pg->epoch = 1;
        r = swb_postgresql_connect(url, pg, err);
        if (r >= 0 && mode == SWB_DB_EXISTING) {
                r = swb_db_version(db, &version, err);
                if (r >= 0 && version == 0)
                        return swb_fail(err, -ENOENT, SWB_FAULT_NOT_FOUND,
                                        "no server data in PostgreSQL database '%s': publish a "
                                        "payload or start the server on it first",
                                        PQdb(pg->connection));
        }
        if (r < 0)
                return r;
        *ret = SWB_TAKE_PTR(db);
        return 0;
}

/* --- transactions --- */

static int64_t changes(struct swb_db *db)
{
        return ours(db)->changes;
}

/* That the connection was lost while nobody used it is seen here: then once more. */
static int begin_on_live_connection(struct swb_postgresql *pg, const char *sql,
                                    struct swb_error *err)
{
        int r = swb_postgresql_ensure(pg, err);

        if (r >= 0)
                r = swb_postgresql_exec(pg, sql, err);
        if (r >= 0 || PQstatus(pg->connection) == CONNECTION_OK)
                return r;
        r = swb_postgresql_ensure(pg, err);
        return r < 0 ? r : swb_postgresql_exec(pg, sql, err);
}

static int begin(struct swb_db *db, enum swb_db_begin kind, struct swb_error *err)
{
        struct swb_postgresql *pg = ours(db);
        const char *sql = kind == SWB_DB_BEGIN_READ
                                  ? "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
                                  : "BEGIN ISOLATION LEVEL READ COMMITTED";
        int r;

        r = begin_on_live_connection(pg, sql, err);
        if (r < 0)
                return r;
        pg->in_transaction = true;
        /* Writers that decide by what they read do so one after the other. */
        if (kind == SWB_DB_BEGIN_WRITE)
                r = swb_postgresql_exec(
                        pg, "SELECT pg_advisory_xact_lock(1398227539, hashtext(current_schema()))",
                        err);
        if (r < 0)
                db->ops->rollback(db);
        return r;
}

/* When the connection is lost here, nobody knows whether it was committed. It is an error then, and
 * whoever tries again finds out. */
static int commit(struct swb_db *db, struct swb_error *err)
{
        struct swb_postgresql *pg = ours(db);
        PGTransactionStatusType status = PQtransactionStatus(pg->connection);
        int r;

        if (status == PQTRANS_INERROR) /* COMMIT would roll back, and say that it worked */
                return swb_fail(err, -EIO, SWB_FAULT_IO,
                                "PostgreSQL database '%s': the transaction has failed",
                                PQdb(pg->connection));
        r = swb_postgresql_exec(pg, "COMMIT", err);
        if (r >= 0)
                pg->in_transaction = false;
        return r;
}

static void rollback(struct swb_db *db)
{
        struct swb_postgresql *pg = ours(db);
        struct swb_error ignored = SWB_ERROR_INIT; /* the server rolls back what we can't */

        if (PQstatus(pg->connection) == CONNECTION_OK)
                (void)swb_postgresql_exec(pg, "ROLLBACK", &ignored);
        pg->in_transaction = false;
}

/* --- schema and news --- */

static int define(struct swb_db *db, const char *sql, struct swb_error *err)
{
        _cleanup_free_ char *text = swb_postgresql_definition(sql);

        return text ? exec(db, text, err) : swb_oom(err);
}

/* An empty schema may become ours, any other must be ours already. */
static int get_version(struct swb_db *db, int64_t *ret, struct swb_error *err)
{
        int64_t n_ours, n_tables;
        int r;

        /* In this order: whoever makes our tables meanwhile makes all of them at once, so tables
         * that were there before ours are still missing are not ours. */
        r = swb_db_number(db,
                          "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND"
                          " relnamespace = to_regnamespace(current_schema()::text)",
                          &n_tables, err);
        if (r >= 0)
                r = swb_db_number(
                        db, "SELECT count(*) FROM pg_class WHERE oid = to_regclass('swb_schema')",
                        &n_ours, err);
        if (r >= 0 && n_ours > 0)
                return swb_db_number(db, "SELECT version FROM swb_schema", ret, err);
        if (r < 0)
                return r;
        if (n_tables != 0)
                return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG,
                                "the PostgreSQL database '%s' holds another program's tables",
                                PQdb(ours(db)->connection));
        *ret = 0;
        return 0;
}

static int set_version(struct swb_db *db, int64_t version, struct swb_error *err)
{
        char sql[320];

        (void)snprintf(sql, sizeof(sql),
                       "CREATE TABLE IF NOT EXISTS swb_schema"
                       " (one BIGINT PRIMARY KEY CHECK (one = 1), version BIGINT NOT NULL);"
                       "INSERT INTO swb_schema VALUES (1, %lld)"
                       " ON CONFLICT (one) DO UPDATE SET version = excluded.version",
                       (long long)version);
        return exec(db, sql, err);
}

static int copy(struct swb_db *db, const char *path, struct swb_error *err)
{
        (void)db;
        (void)path;
        return swb_fail(err, -EPROTONOSUPPORT, SWB_FAULT_UNSUPPORTED,
                        "a PostgreSQL database is copied by PostgreSQL's own tools, also while "
                        "servers run: pg_dump --format=custom --file=FILE DATABASE; copy the "
                        "folder payloads/ after it");
}

static int has_news(struct swb_db *db, bool *ret, struct swb_error *err)
{
        struct swb_postgresql *pg = ours(db);
        PGnotify *notify;
        int r;

        r = swb_postgresql_ensure(pg, err);
        if (r < 0)
                return r;
        if (pg->listens_since != pg->epoch) {
                r = swb_postgresql_exec(pg, "LISTEN swb_catalog", err);
                if (r < 0)
                        return r;
                pg->listens_since = pg->epoch;
                *ret = true; /* nobody has told us until now */
                return 0;
        }
        if (!PQconsumeInput(pg->connection))
                return swb_postgresql_fail(pg, "wait for news", err);
        *ret = false;
        while ((notify = PQnotifies(pg->connection))) {
                *ret = true;
                PQfreemem(notify);
        }
        return 0;
}

static int tell_news(struct swb_db *db, struct swb_error *err)
{
        return exec(db, "NOTIFY swb_catalog", err); /* comes back to us, too */
}

const struct swb_db_ops swb_postgresql_ops = {
        .is_shared = true,
        .is_mine = swb_is_postgresql_url,
        .open = open_postgresql,
        .close = close_postgresql,
        .exec = exec,
        .changes = changes,
        .begin = begin,
        .commit = commit,
        .rollback = rollback,
        .define = define,
        .version = get_version,
        .set_version = set_version,
        .copy = copy,
        .has_news = has_news,
        .tell_news = tell_news,
        .statements = &swb_postgresql_statement_ops,
};
