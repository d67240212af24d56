/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/postgresql_connection.h"

#include <libpq-fe.h>
#include <stdlib.h>

#define RECONNECT_USEC 1000000

static uint64_t now_usec(void)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now); /* can't fail for this clock */
        return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

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

int swb_postgresql_fail(struct swb_postgresql *pg, const char *what, struct swb_error *err)
{
        const char *message = PQerrorMessage(pg->connection);

        /* Never the URL: it may hold a password. */
        return swb_fail(err, -ENOTCONN, SWB_FAULT_NETWORK,
                        "PostgreSQL database '%s' on '%s': %s: %.*s",
                        PQdb(pg->connection) ? PQdb(pg->connection) : "",
                        PQhost(pg->connection) ? PQhost(pg->connection) : "", what,
                        first_line(message), message);
}

int swb_postgresql_fail_result(struct swb_postgresql *pg, const PGresult *result, const char *what,
                               struct swb_error *err)
{
        const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
        const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
        enum swb_fault fault;
        int error;

        if (!state || PQstatus(pg->connection) != CONNECTION_OK)
                return swb_postgresql_fail(pg, what, err);
        fault = fault_of(state, &error);
        return swb_fail(err, error, fault, "PostgreSQL database '%s': %s: %s (%s)",
                        PQdb(pg->connection), what, message ? message : "", state);
}

/* Notices are about what we ask for on purpose ("already exists, skipping"). */
static void on_notice(void *userdata, const PGresult *result)
{
        (void)userdata;
        (void)result;
}

/* What we acknowledge was committed: an installation that has turned that off for speed does not
 * decide that for us. Nobody waits for ever for another one, or for us. */
static int configure(struct swb_postgresql *pg, struct swb_error *err)
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
                r = swb_postgresql_fail_result(pg, result, "set up the session", err);
        PQclear(result);
        return r;
}

int swb_postgresql_ensure(struct swb_postgresql *pg, struct swb_error *err)
{
        uint64_t now = now_usec();

        if (PQstatus(pg->connection) == CONNECTION_OK)
                return 0;
        if (pg->in_transaction || now - pg->tried_usec < RECONNECT_USEC)
                return swb_postgresql_fail(pg, "the connection is lost", err);
        pg->tried_usec = now;
        PQreset(pg->connection);
        pg->epoch++;
        if (PQstatus(pg->connection) != CONNECTION_OK)
                return swb_postgresql_fail(pg, "connect", err);
        return configure(pg, err);
}

int swb_postgresql_exec(struct swb_postgresql *pg, const char *sql, struct swb_error *err)
{
        PGresult *result = PQexec(pg->connection, sql);
        ExecStatusType status = PQresultStatus(result);
        int r = 0;

        if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
                r = swb_postgresql_fail_result(pg, result, "execute", err);
        else
                pg->changes = strtoll(PQcmdTuples(result), NULL, 10);
        PQclear(result);
        return r;
}

int swb_postgresql_connect(const char *url, struct swb_postgresql *pg, struct swb_error *err)
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
                return swb_postgresql_fail(pg, "connect", err);
        (void)PQsetNoticeReceiver(pg->connection, on_notice, NULL);
        return configure(pg, err);
}
