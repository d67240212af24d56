/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/store/db.h - a connection to the server's database, and queries
 *
 * Place:  below every other file of server/store; server/catalog reads through it. What a store can
 *         do is the table of server/store/db_ops.h: SQLite (sqlite.c), PostgreSQL (postgresql.c).
 * Model:  one connection belongs to one thread at a time. Several connections, also of several
 *         processes (and, with PostgreSQL, hosts), work on one database: readers never wait,
 *         writers wait for each other (SWB_DB_BUSY_MSEC at most, then BUSY). A commit is on the
 *         medium when it returns.
 *
 * All queries are written once, in the SQL that both stores read:
 *   - INTEGER and TEXT columns; "id INTEGER PRIMARY KEY" numbers new rows by itself
 *   - INSERT ... ON CONFLICT DO NOTHING (never OR IGNORE, OR REPLACE); in DO UPDATE SET the old
 * value is written table.column; a new row's id comes by RETURNING id (swb_query_insert())
 *   - a condition is compared, never a bare number (WHERE lifted = 1)
 *   - no PRAGMA, no rowid, no negative LIMIT; what follows GROUP BY names all bare columns
 *   - a parameter that is used twice is ?1 twice, with one type; none in a SELECT list alone
 */
#include <stdint.h>

#include "base/error.h"

#define SWB_DB_FILE "server.db"
#define SWB_DB_BUSY_MSEC 10000

struct swb_db_ops;

/* The head of what a store keeps of a connection. */
struct swb_db {
        const struct swb_db_ops *ops;
};

enum swb_db_mode {
        SWB_DB_CREATE,   /* make the folder and the database if they are not there */
        SWB_DB_EXISTING, /* NOT_FOUND if there is none */
        SWB_DB_AS_IS,    /* as EXISTING, but leave the schema as it is: for copies of it */
        SWB_DB_BARE,     /* as CREATE, but leave the schema as it is: for tests of its steps */
};

/* Opens a store and brings its schema up to date. A store is "postgresql://...", or else the folder
 * of an SQLite database, server.db. CONFIG: not a database of ours; UNSUPPORTED: written by a newer
 * version of this program, or a kind of store that was not compiled in. */
int swb_db_open(const char *store, enum swb_db_mode mode, struct swb_db **ret,
                struct swb_error *err) _warn_unused_;
struct swb_db *swb_db_free(struct swb_db *db);
SWB_DEFINE_CLEANUP(struct swb_db *, swb_db_free)

/* Statements without parameters or results. */
int swb_db_exec(struct swb_db *db, const char *sql, struct swb_error *err) _warn_unused_;
/* Rows changed by the last statement. */
int64_t swb_db_changes(struct swb_db *db);
/* The first column of the first row of a query without parameters. */
int swb_db_number(struct swb_db *db, const char *sql, int64_t *ret,
                  struct swb_error *err) _warn_unused_;

/* The step of the schema that the database is at; 0: it is empty. CONFIG: not a database of ours.
 */
int swb_db_version(struct swb_db *db, int64_t *ret, struct swb_error *err) _warn_unused_;
/* Copies all of it, as it is at one moment, into an empty SQLite file and syncs that; others go on
 * reading and writing. UNSUPPORTED: this store has tools of its own for that. */
int swb_db_copy(struct swb_db *db, const char *path, struct swb_error *err) _warn_unused_;
/* Is it made for several servers at a time? */
bool swb_db_is_shared(const struct swb_db *db);
/* May another connection have changed the catalog since the last call? The first call says yes. */
int swb_db_has_news(struct swb_db *db, bool *ret, struct swb_error *err) _warn_unused_;

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
/* For changes of rows that nobody decides by: where the store can, beside other writers. The commit
 * may fail with -EDEADLK, and then all of it is to be tried again. */
int swb_transaction_begin_rows(struct swb_transaction *t, struct swb_db *db,
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
        void *statement; /* the store's */
        int n_bound;
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
/* For INSERT ... RETURNING id: the new row's. */
int swb_query_insert(struct swb_query *q, int64_t *ret_id, struct swb_error *err) _warn_unused_;

/* Parameters in a row, for statements that run once: SWB_VALUES(SWB_TEXT(name), SWB_NUMBER(id)). */
struct swb_value {
        const char *text; /* NULL: SQL NULL */
        int64_t number;
        bool is_number;
};

#define SWB_TEXT(value)                                                                            \
        {                                                                                          \
                .text = (value)                                                                    \
        }
#define SWB_NUMBER(value)                                                                          \
        {                                                                                          \
                .number = (value), .is_number = true                                               \
        }
/* Two arguments: the values, and how many. */
#define SWB_VALUES(...)                                                                            \
        (const struct swb_value[]){__VA_ARGS__},                                                   \
                SWB_ELEMENTS(((const struct swb_value[]){__VA_ARGS__}))

/* swb_query_init() with its parameters. */
int swb_query_begin(struct swb_query *q, struct swb_db *db, const char *sql,
                    const struct swb_value *values, size_t n, struct swb_error *err) _warn_unused_;
/* The same, and the first step: 1: a row; 0: none. */
int swb_query_first(struct swb_query *q, struct swb_db *db, const char *sql,
                    const struct swb_value *values, size_t n, struct swb_error *err) _warn_unused_;
/* A statement without a result. */
int swb_db_run(struct swb_db *db, const char *sql, const struct swb_value *values, size_t n,
               struct swb_error *err) _warn_unused_;

/* Ready for new parameters before the last row was read. */
void swb_query_reset(struct swb_query *q);
/* Borrowed until the next step; "" for SQL NULL. Columns count from 0. */
const char *swb_query_text(const struct swb_query *q, int column);
int64_t swb_query_i64(const struct swb_query *q, int column);
/* 0 for what is below. */
uint64_t swb_query_u64(const struct swb_query *q, int column);
