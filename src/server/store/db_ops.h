/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/store/db_ops.h - what a kind of database does for db.h
 *
 * Only db.c, schema.c and the stores themselves include this. All are required.
 */
#include "server/store/db.h"

enum swb_db_begin {
        SWB_DB_BEGIN_READ,
        SWB_DB_BEGIN_WRITE, /* waits for other writers here, not halfway through */
        SWB_DB_BEGIN_ROWS,  /* see swb_transaction_begin_rows() */
};

/* Parameters count from 1; what a bind can't do is kept for the step. */
struct swb_statement_ops {
        int (*prepare)(struct swb_db *db, const char *sql, void **ret_statement,
                       struct swb_error *err);
        void (*finalize)(void *statement); /* NULL: nothing */
        void (*bind_text)(void *statement, int place, const char *text);
        void (*bind_i64)(void *statement, int place, int64_t number);
        int (*step)(void *statement, int n_bound, struct swb_error *err); /* 1: a row; 0: the end */
        void (*reset)(void *statement);
        const char *(*text)(const void *statement, int column); /* NULL for SQL NULL */
        int64_t (*i64)(const void *statement, int column);
};

struct swb_db_ops {
        bool is_shared; /* other servers may write, too */
        /* Does this kind open such a store? The last one of the list takes what is left. */
        bool (*is_mine)(const char *store);
        int (*open)(const char *store, enum swb_db_mode mode, struct swb_db **ret,
                    struct swb_error *err);
        void (*close)(struct swb_db *db);

        int (*exec)(struct swb_db *db, const char *sql, struct swb_error *err);
        int64_t (*changes)(struct swb_db *db);
        int (*begin)(struct swb_db *db, enum swb_db_begin kind, struct swb_error *err);
        int (*commit)(struct swb_db *db, struct swb_error *err);
        void (*rollback)(struct swb_db *db); /* also after an error that has ended it already */

        /* One step of the schema, translated; and which steps were taken. */
        int (*define)(struct swb_db *db, const char *sql, struct swb_error *err);
        int (*version)(struct swb_db *db, int64_t *ret, struct swb_error *err);
        int (*set_version)(struct swb_db *db, int64_t version, struct swb_error *err);

        int (*copy)(struct swb_db *db, const char *path, struct swb_error *err);

        int (*has_news)(struct swb_db *db, bool *ret, struct swb_error *err);
        /* Within the transaction that changes the catalog: others are told when it commits. */
        int (*tell_news)(struct swb_db *db, struct swb_error *err);

        const struct swb_statement_ops *statements;
};

extern const struct swb_db_ops swb_sqlite_ops, swb_postgresql_ops;
