/* SPDX-License-Identifier: Apache-2.0 */
/* Queries on PostgreSQL, prepared when they are run again. */
#include <libpq-fe.h>
#include <stdlib.h>

#include "server/store/postgresql_connection.h"
#include "server/store/postgresql_sql.h"

#define PARAMS_MAX 32
#define TYPE_INT8 ((Oid)20)
#define TYPE_TEXT ((Oid)25)

struct statement {
        struct swb_postgresql *db;
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
        s->db = (struct swb_postgresql *)db;
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
        struct swb_postgresql *pg = s->db;
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
                r = swb_postgresql_ensure(s->db, err);
                if (r < 0)
                        return r;
                s->result = execute(s);
                s->row = -1;
                if (PQresultStatus(s->result) == PGRES_COMMAND_OK ||
                    PQresultStatus(s->result) == PGRES_TUPLES_OK)
                        break;
                r = swb_postgresql_fail_result(s->db, s->result, s->sql, err);
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

const struct swb_statement_ops swb_postgresql_statement_ops = {
        .prepare = prepare,
        .finalize = finalize,
        .bind_text = bind_text,
        .bind_i64 = bind_i64,
        .step = step,
        .reset = reset,
        .text = text_of,
        .i64 = i64_of,
};
