/* SPDX-License-Identifier: Apache-2.0 */
/* The store that several servers share. One foreign library: libpq. */
#include <libpq-fe.h>
#include <stdlib.h>

#include "server/store/db_ops.h"
#include "server/store/postgresql_sql.h"
#include "server/store/postgresql_url.h"

#define PARAMS_MAX 32
#define TYPE_INT8 ((Oid)20)
#define TYPE_TEXT ((Oid)25)
#define RECONNECT_USEC 1000000

struct postgresql_db {
        struct swb_db db; /* first */
        PGconn *connection;
        unsigned epoch;         /* of the connection: prepared statements end with it */
        unsigned n_prepared;    /* for their names */
        unsigned listens_since; /* epoch in which it has asked for news; 0: never */
        bool in_transaction;
        uint64_t tried_usec; /* when it last connected, CLOCK_MONOTONIC */
        int64_t changes;
};

struct statement {
        struct postgresql_db *db;
        char *sql;
        int n_params;
        unsigned prepared_in; /* epoch; 0: not prepared */
        unsigned n_runs;
        char name[16];
        Oid types[PARAMS_MAX];
        char *texts[PARAMS_MAX]; /* owned */
        bool out_of_memory;
        PGresult *result; /* NULL: not run yet */
        int row;
};

static struct postgresql_db *ours(struct swb_db *db)
{
        return (struct postgresql_db *)db;
}

static uint64_t now_usec(void)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now); /* can't fail for this clock */
        return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* --- errors --- */

static enum swb_fault fault_of(const char *state, int *ret_errno)
{
        static const struct {
                const char *state;
                int error;
                enum swb_fault fault;
        } table[] = {
                {"22", -EEXIST, SWB_FAULT_USAGE}, /* about one row's content, as the next */
                {"23", -EEXIST, SWB_FAULT_USAGE},        {"40001", -EDEADLK, SWB_FAULT_BUSY},
                {"40P01", -EDEADLK, SWB_FAULT_BUSY},     {"55P03", -EBUSY, SWB_FAULT_BUSY},
                {"57014", -EBUSY, SWB_FAULT_BUSY},       {"53100", -ENOSPC, SWB_FAULT_NO_SPACE},
                {"53200", -ENOMEM, SWB_FAULT_NO_MEMORY}, {"53", -EBUSY, SWB_FAULT_BUSY},
                {"08", -ENOTCONN, SWB_FAULT_NETWORK},    {"57P", -ENOTCONN, SWB_FAULT_NETWORK},
                {"28", -EACCES, SWB_FAULT_DENIED},       {"42501", -EACCES, SWB_FAULT_DENIED},
                {"25006", -EACCES, SWB_FAULT_DENIED}, /* a stand-by: read only */
                {"3D000", -ENOENT, SWB_FAULT_NOT_FOUND},
        };

        for (size_t i = 0; i < SWB_ELEMENTS(table); i++)
                if (strncmp(state, table[i].state, strlen(table[i].state)) == 0) {
                        *ret_errno = table[i].error;
                        return table[i].fault;
                }
        *ret_errno = -EIO;
        return SWB_FAULT_IO;
}

/* libpq's messages end with a newline, and may have several lines: the first says it. */
static int first_line(const char *text)
{
        return (int)strcspn(text, "\n");
}

static int fail_connection(struct postgresql_db *pg, const char *what, struct swb_error *err)
{
        const char *message = PQerrorMessage(pg->connection);

        /* Never the URL: it may hold a password. */
        return swb_fail(err, -ENOTCONN, SWB_FAULT_NETWORK,
                        "PostgreSQL database '%s' on '%s': %s: %.*s",
                        PQdb(pg->connection) ? PQdb(pg->connection) : "",
                        PQhost(pg->connection) ? PQhost(pg->connection) : "", what,
                        first_line(message), message);
}

static int fail_result(struct postgresql_db *pg, const PGresult *result, const char *what,
                       struct swb_error *err)
{
        const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
        const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
        enum swb_fault fault;
        int error;

        if (!state || PQstatus(pg->connection) != CONNECTION_OK)
                return fail_connection(pg, what, err);
        fault = fault_of(state, &error);
        return swb_fail(err, error, fault, "PostgreSQL database '%s': %s: %s (%s)",
                        PQdb(pg->connection), what, message ? message : "", state);
}

/* --- the connection --- */

/* Notices are about what we ask for on purpose ("already exists, skipping"). */
static void on_notice(void *userdata, const PGresult *result)
{
        (void)userdata;
        (void)result;
}

/* What we acknowledge was committed: an installation that has turned that off for speed does not
 * decide that for us. Nobody waits for ever for another one, or for us. */
static int configure(struct postgresql_db *pg, struct swb_error *err)
{
        PGresult *result = PQexec(
                pg->connection,
                "SELECT set_config('synchronous_commit', 'on', false)"
                " WHERE current_setting('synchronous_commit') = 'off';"
                "SET lock_timeout = '10s'; SET statement_timeout = '5min';"
                "SET idle_in_transaction_session_timeout = '30s'; SET client_encoding = 'UTF8';"
                "SET standard_conforming_strings = on");
        int r = 0;

        if (PQresultStatus(result) != PGRES_COMMAND_OK)
                r = fail_result(pg, result, "set up the session", err);
        PQclear(result);
        return r;
}

/* A connection that was lost is made again, at most once a second; what it had prepared is gone. */
static int ensure_connected(struct postgresql_db *pg, struct swb_error *err)
{
        uint64_t now = now_usec();

        if (PQstatus(pg->connection) == CONNECTION_OK)
                return 0;
        if (pg->in_transaction || now - pg->tried_usec < RECONNECT_USEC)
                return fail_connection(pg, "the connection is lost", err);
        pg->tried_usec = now;
        PQreset(pg->connection);
        pg->epoch++;
        if (PQstatus(pg->connection) != CONNECTION_OK)
                return fail_connection(pg, "connect", err);
        return configure(pg, err);
}

static int run_simple(struct postgresql_db *pg, const char *sql, struct swb_error *err)
{
        PGresult *result = PQexec(pg->connection, sql);
        ExecStatusType status = PQresultStatus(result);
        int r = 0;

        if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
                r = fail_result(pg, result, "execute", err);
        else
                pg->changes = strtoll(PQcmdTuples(result), NULL, 10);
        PQclear(result);
        return r;
}

static int exec(struct swb_db *db, const char *sql, struct swb_error *err)
{
        int r = ensure_connected(ours(db), err);

        return r < 0 ? r : run_simple(ours(db), sql, err);
}

static void close_postgresql(struct swb_db *db)
{
        PQfinish(ours(db)->connection);
        free(db);
}

static int connect_to(const char *url, struct postgresql_db *pg, struct swb_error *err)
{
        /* What comes later wins: the URL may say otherwise. */
        static const char *const names[] = {"connect_timeout", "tcp_user_timeout",
                                            "keepalives_idle", "fallback_application_name",
                                            "dbname",          NULL};
        const char *values[] = {"5", "15000", "30", "swb-server", url, NULL};

        pg->connection = PQconnectdbParams(names, values, 1);
        if (!pg->connection)
                return swb_oom(err);
        if (PQstatus(pg->connection) != CONNECTION_OK)
                return fail_connection(pg, "connect", err);
        (void)PQsetNoticeReceiver(pg->connection, on_notice, NULL);
        return configure(pg, err);
}

static int open_postgresql(const char *url, enum swb_db_mode mode, struct swb_db **ret,
                           struct swb_error *err)
{
        _cleanup_(swb_db_freep) struct swb_db *db = NULL;
        struct postgresql_db *pg = calloc(1, sizeof(*pg));
        int64_t version;
        int r;

        if (!pg)
                return swb_oom(err);
        db = &pg->db;
        db->ops = &swb_postgresql_ops;
        pg->epoch = 1;
        r = connect_to(url, pg, err);
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
static int begin_on_live_connection(struct postgresql_db *pg, const char *sql,
                                    struct swb_error *err)
{
        int r = ensure_connected(pg, err);

        if (r >= 0)
                r = run_simple(pg, sql, err);
        if (r >= 0 || PQstatus(pg->connection) == CONNECTION_OK)
                return r;
        r = ensure_connected(pg, err);
        return r < 0 ? r : run_simple(pg, sql, err);
}

static int begin(struct swb_db *db, enum swb_db_begin kind, struct swb_error *err)
{
        struct postgresql_db *pg = ours(db);
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
                r = run_simple(
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
        struct postgresql_db *pg = ours(db);
        PGTransactionStatusType status = PQtransactionStatus(pg->connection);
        int r;

        if (status == PQTRANS_INERROR) /* COMMIT would roll back, and say that it worked */
                return swb_fail(err, -EIO, SWB_FAULT_IO,
                                "PostgreSQL database '%s': the transaction has failed",
                                PQdb(pg->connection));
        r = run_simple(pg, "COMMIT", err);
        if (r >= 0)
                pg->in_transaction = false;
        return r;
}

static void rollback(struct swb_db *db)
{
        struct postgresql_db *pg = ours(db);
        struct swb_error ignored = SWB_ERROR_INIT; /* the server rolls back what we can't */

        if (PQstatus(pg->connection) == CONNECTION_OK)
                (void)run_simple(pg, "ROLLBACK", &ignored);
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
        struct postgresql_db *pg = ours(db);
        PGnotify *notify;
        int r;

        r = ensure_connected(pg, err);
        if (r < 0)
                return r;
        if (pg->listens_since != pg->epoch) {
                r = run_simple(pg, "LISTEN swb_catalog", err);
                if (r < 0)
                        return r;
                pg->listens_since = pg->epoch;
                *ret = true; /* nobody has told us until now */
                return 0;
        }
        if (!PQconsumeInput(pg->connection))
                return fail_connection(pg, "wait for news", err);
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

/* --- statements --- */

static void clear_params(struct statement *s)
{
        for (int i = 0; i < s->n_params; i++) {
                free(s->texts[i]);
                s->texts[i] = NULL;
        }
}

static void reset(void *statement)
{
        struct statement *s = statement;

        PQclear(s->result);
        s->result = NULL;
        s->out_of_memory = false;
        clear_params(s);
}

static int prepare(struct swb_db *db, const char *sql, void **ret, struct swb_error *err)
{
        struct statement *s = calloc(1, sizeof(*s));

        if (!s)
                return swb_oom(err);
        s->db = ours(db);
        s->sql = swb_postgresql_query(sql, &s->n_params);
        if (!s->sql) {
                free(s);
                return swb_oom(err);
        }
        swb_assert(s->n_params <= PARAMS_MAX);
        *ret = s;
        return 0;
}

static void finalize(void *statement)
{
        struct statement *s = statement;

        if (!s)
                return;
        reset(s);
        /* What the session had prepared goes with a connection that nobody needs any longer, or,
         * for a query that was run again and again, here. */
        if (s->prepared_in == s->db->epoch && PQstatus(s->db->connection) == CONNECTION_OK) {
                char sql[40];

                (void)snprintf(sql, sizeof(sql), "DEALLOCATE %s", s->name);
                PQclear(PQexec(s->db->connection, sql));
        }
        free(s->sql);
        free(s);
}

static void bind(struct statement *s, int place, Oid type, char *text, bool is_null)
{
        swb_assert(place <= s->n_params);
        s->types[place - 1] = type;
        s->texts[place - 1] = text;
        s->out_of_memory = s->out_of_memory || (!text && !is_null);
}

static void bind_text(void *statement, int place, const char *text)
{
        bind(statement, place, TYPE_TEXT, text ? swb_postgresql_text(text) : NULL, !text);
}

static void bind_i64(void *statement, int place, int64_t number)
{
        char *text;

        if (asprintf(&text, "%lld", (long long)number) < 0)
                text = NULL;
        bind(statement, place, TYPE_INT8, text, false);
}

/* From the second time on a query is prepared: once is cheaper without. */
static PGresult *execute(struct statement *s)
{
        struct postgresql_db *pg = s->db;
        const char *const *values = (const char *const *)s->texts;

        if (s->n_runs++ == 0)
                return PQexecParams(pg->connection, s->sql, s->n_params, s->types, values, NULL,
                                    NULL, 0);
        if (s->prepared_in != pg->epoch) {
                PGresult *result;

                (void)snprintf(s->name, sizeof(s->name), "q%u", ++pg->n_prepared);
                result = PQprepare(pg->connection, s->name, s->sql, s->n_params, s->types);
                if (PQresultStatus(result) != PGRES_COMMAND_OK)
                        return result;
                PQclear(result);
                s->prepared_in = pg->epoch;
        }
        return PQexecPrepared(pg->connection, s->name, s->n_params, values, NULL, NULL, 0);
}

static bool is_select(const struct statement *s)
{
        return strncmp(s->sql, "SELECT", 6) == 0;
}

/* A question (outside of a transaction) that finds the connection lost is asked once more. */
static int run_statement(struct statement *s, struct swb_error *err)
{
        int r = 0;

        for (int i = 0; i < 2; i++) {
                r = ensure_connected(s->db, err);
                if (r < 0)
                        return r;
                s->result = execute(s);
                s->row = -1;
                if (PQresultStatus(s->result) == PGRES_COMMAND_OK ||
                    PQresultStatus(s->result) == PGRES_TUPLES_OK)
                        break;
                r = fail_result(s->db, s->result, s->sql, err);
                PQclear(s->result);
                s->result = NULL;
                if (PQstatus(s->db->connection) == CONNECTION_OK || s->db->in_transaction ||
                    !is_select(s))
                        return r;
        }
        if (!s->result)
                return r;
        s->db->changes = strtoll(PQcmdTuples(s->result), NULL, 10);
        return 0;
}

static int step(void *statement, int n_bound, struct swb_error *err)
{
        struct statement *s = statement;
        int r;

        if (s->out_of_memory)
                return swb_oom(err);
        if (!s->result) {
                swb_assert(n_bound == s->n_params);
                r = run_statement(s, err);
                if (r < 0)
                        return r;
        }
        return ++s->row < PQntuples(s->result);
}

static const char *text_of(const void *statement, int column)
{
        const struct statement *s = statement;

        return PQgetisnull(s->result, s->row, column) ? NULL
                                                      : PQgetvalue(s->result, s->row, column);
}

static int64_t i64_of(const void *statement, int column)
{
        const struct statement *s = statement;

        return strtoll(PQgetvalue(s->result, s->row, column), NULL, 10); /* "" for NULL: 0 */
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
        .prepare = prepare,
        .finalize = finalize,
        .bind_text = bind_text,
        .bind_i64 = bind_i64,
        .step = step,
        .reset = reset,
        .text = text_of,
        .i64 = i64_of,
};
