/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * bin/swb-server/table.h - aligned columns on standard output
 *
 * Rows are kept until TABLE_WINDOW of them are there (or the end), then printed with the widths of
 * these, so that a long list needs little memory. Control characters, which devices may send, are
 * shown as '?'.
 */
#include "base/error.h"

#define TABLE_COLUMNS_MAX 12
#define TABLE_WINDOW 1000

struct table {
        size_t n_columns;
        size_t n_rows;
        char **cells; /* n_rows * n_columns */
        bool failed;  /* out of memory */
};

void table_begin(struct table *table, const char *const *titles, size_t n_columns);
/* As many texts as there are columns. */
void table_add(struct table *table, const char *const *cells);
/* The same two with the texts one after the other, ended by NULL. */
void table_init(struct table *table, const char *title, ...) __attribute__((sentinel));
void table_row(struct table *table, const char *cell, ...) __attribute__((sentinel));
/* Prints the rest and releases the table. r: result of what made the rows, handed on if it is an
 * error. NO_MEMORY, IO. */
int table_finish(struct table *table, int r, struct swb_error *err) _warn_unused_;
