/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/store/db.h - a connection to the server's database, and queries (wraps SQLite)
 *
 * Place:  below every other file of server/store; server/catalog reads through it
 * Model:  one connection belongs to one thread at a time. Several connections, also of several
 *         processes, work on one database: readers never wait, writers wait for each other
 *         (SWB_DB_BUSY_MSEC at most, then BUSY). A commit is on the medium when it returns.
 */
#include <stdint.h>

#include "base/error.h"

#define SWB_DB_FILE "server.db"
#define SWB_DB_BUSY_MSEC 10000

struct sqlite3;
struct sqlite3_stmt;

struct swb_db {
        struct sqlite3 *handle;
};

enum swb_db_mode {
        SWB_DB_CREATE,   /* make the folder and the database if they are not there */
        SWB_DB_EXISTING, /* NOT_FOUND if there is none */
        SWB_DB_BARE,     /* as CREATE, but leave the schema as it is: for tests of its steps */
};

/* Opens `folder`/server.db and brings its schema up to date. CONFIG: not a database of ours;
 * UNSUPPORTED: written by a newer version of this program. */
int swb_db_open(const char *folder, enum swb_db_mode mode, struct swb_db **ret,
                struct swb_error *err) _warn_unused_;
struct swb_db *swb_db_free(struct swb_db *db);
SWB_DEFINE_CLEANUP(struct swb_db *, swb_db_free)

/* Statements without parameters or results. */
int swb_db_exec(struct swb_db *db, const char *sql, struct swb_error *err) _warn_unused_;
/* Row id of the last INSERT. */
int64_t swb_db_last_id(struct swb_db *db);
/* Rows changed by the last statement. */
int64_t swb_db_changes(struct swb_db *db);
/* The first column of the first row of a query without parameters. */
int swb_db_number(struct swb_db *db, const char *sql, int64_t *ret,
                  struct swb_error *err) _warn_unused_;

/*
 * A transaction that is rolled back at the end of its scope unless it was committed:
 *
 *     _cleanup_(swb_transaction_done) struct swb_transaction t = {0};
 *     r = swb_transaction_begin(&t, db, err); … return swb_transaction_commit(&t, err);
 */
struct swb_transaction {
        struct swb_db *db; /* NULL: not begun, or over */
};

int swb_transaction_begin(struct swb_transaction *t, struct swb_db *db,
                          struct swb_error *err) _warn_unused_;
/* For reads only: all of them see one state. */
int swb_transaction_begin_read(struct swb_transaction *t, struct swb_db *db,
                               struct swb_error *err) _warn_unused_;
int swb_transaction_commit(struct swb_transaction *t, struct swb_error *err) _warn_unused_;
/* Commits a change of the catalog (apps, keys, releases, channels, groups): the generation moves on
 * in the same transaction, by which running servers notice. */
int swb_transaction_commit_catalog(struct swb_transaction *t, struct swb_error *err) _warn_unused_;
void swb_transaction_done(struct swb_transaction *t);

/*
 * A query. Parameters are bound in the order of their places, errors stick until the step:
 *
 *     _cleanup_(swb_query_done) struct swb_query q = {0};
 *     r = swb_query_init(&q, db, "SELECT …  WHERE a = ? AND b = ?", err);
 *     if (r < 0) return r;
 *     swb_query_bind_text(&q, a); swb_query_bind_i64(&q, b);
 *     while ((r = swb_query_step(&q, err)) > 0) … swb_query_text(&q, 0) …
 */
struct swb_query {
        struct swb_db *db;
        struct sqlite3_stmt *statement;
        int n_bound;
        int error; /* SQLite's, of the first bind that failed */
};

int swb_query_init(struct swb_query *q, struct swb_db *db, const char *sql,
                   struct swb_error *err) _warn_unused_;
void swb_query_done(struct swb_query *q);
void swb_query_bind_text(struct swb_query *q, const char *text); /* copied; NULL: SQL NULL */
void swb_query_bind_i64(struct swb_query *q, int64_t number);
/* 1: a row; 0: no more, and the query is ready for new parameters. */
int swb_query_step(struct swb_query *q, struct swb_error *err) _warn_unused_;
/* For statements without a result: steps to the end. */
int swb_query_run(struct swb_query *q, struct swb_error *err) _warn_unused_;
/* Ready for new parameters before the last row was read. */
void swb_query_reset(struct swb_query *q);
/* Borrowed until the next step; "" for SQL NULL. Columns count from 0. */
const char *swb_query_text(const struct swb_query *q, int column);
int64_t swb_query_i64(const struct swb_query *q, int column);
