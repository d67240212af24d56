/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/store/postgresql_sql.h - our queries in PostgreSQL's words
 *
 * Pure. NULL: out of memory. Results are the caller's (free).
 */

/* "a = ? AND b = ?2" to "a = $1 AND b = $2"; ret_n_params: the highest number. */
char *swb_postgresql_query(const char *sql, int *ret_n_params);
/* The steps of the schema: types, numbered keys. Texts compare byte by byte, as in SQLite. */
char *swb_postgresql_definition(const char *sql);
/* PostgreSQL refuses what is not UTF-8, and with it all that is stored together: each wrong byte
 * becomes '?'. */
char *swb_postgresql_text(const char *text);
