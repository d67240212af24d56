/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* server/store/postgresql_connection.h - one connection to PostgreSQL, made again when it is lost
 */
#include "server/store/db_ops.h"

struct pg_conn; /* libpq's PGconn */
struct pg_result;

struct swb_postgresql {
        struct swb_db db; /* first */
        struct pg_conn *connection;
        unsigned epoch;         /* of the connection: prepared statements end with it */
        unsigned n_prepared;    /* for their names */
        unsigned listens_since; /* epoch in which it has asked for news; 0: never */
        bool in_transaction;
        uint64_t tried_usec; /* when it last connected, CLOCK_MONOTONIC */
        int64_t changes;
};

int swb_postgresql_connect(const char *url, struct swb_postgresql *pg,
                           struct swb_error *err) _warn_unused_;
/* A connection that was lost is made again, at most once a second; what it had prepared is gone. */
int swb_postgresql_ensure(struct swb_postgresql *pg, struct swb_error *err) _warn_unused_;
/* On the connection as it is. */
int swb_postgresql_exec(struct swb_postgresql *pg, const char *sql, struct swb_error *err);

/* Errors of the connection, and of what was asked. */
int swb_postgresql_fail(struct swb_postgresql *pg, const char *what, struct swb_error *err);
int swb_postgresql_fail_result(struct swb_postgresql *pg, const struct pg_result *result,
                               const char *what, struct swb_error *err);

extern const struct swb_statement_ops swb_postgresql_statement_ops;
