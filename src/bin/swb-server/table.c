/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swb-server/table.h"

#include <stdarg.h>

#define GAP 2

/* A copy that is safe on a terminal. */
static char *clean(const char *text)
{
        char *copy = strdup(text), *p;

        for (p = copy; p && *p; p++) {
                unsigned char c = (unsigned char)*p;

                /* Also U+0080 … U+009F, which some terminals obey. */
                if (c < 0x20 || c == 0x7f)
                        *p = '?';
                else if (c == 0xc2 && (unsigned char)p[1] >= 0x80 && (unsigned char)p[1] < 0xa0)
                        p[0] = p[1] = '?';
        }
        return copy;
}

/* Characters, not bytes. */
static size_t width_of(const char *text)
{
        size_t n = 0;

        for (; *text; text++)
                n += ((unsigned char)*text & 0xc0) != 0x80;
        return n;
}

static void print_row(const struct table *table, size_t row, const size_t *widths)
{
        for (size_t i = 0; i < table->n_columns; i++) {
                const char *cell = table->cells[row * table->n_columns + i];
                size_t width = width_of(cell);
                bool last = i + 1 == table->n_columns;

                (void)printf("%s%*s", cell,
                             last || width > widths[i] ? 0 : (int)(widths[i] - width + GAP), "");
        }
        (void)putchar('\n');
}

/* Prints and forgets all rows. */
static void print_rows(struct table *table)
{
        size_t widths[TABLE_COLUMNS_MAX] = {0};

        for (size_t i = 0; i < table->n_rows * table->n_columns; i++) {
                size_t *width = &widths[i % table->n_columns];

                *width = SWB_MAX(*width, width_of(table->cells[i]));
        }
        for (size_t row = 0; row < table->n_rows; row++)
                print_row(table, row, widths);
        for (size_t i = 0; i < table->n_rows * table->n_columns; i++)
                free(table->cells[i]);
        table->n_rows = 0;
}

void table_add(struct table *table, const char *const *cells)
{
        char **row;

        if (table->failed)
                return;
        if (table->n_rows == TABLE_WINDOW)
                print_rows(table);
        row = table->cells + table->n_rows * table->n_columns;
        for (size_t i = 0; i < table->n_columns; i++) {
                row[i] = clean(cells[i] ? cells[i] : "");
                if (row[i])
                        continue;
                table->failed = true;
                while (i > 0)
                        free(row[--i]);
                return;
        }
        table->n_rows++;
}

void table_begin(struct table *table, const char *const *titles, size_t n_columns)
{
        swb_assert(n_columns <= TABLE_COLUMNS_MAX);
        *table = (struct table){.n_columns = n_columns};
        table->cells = calloc(TABLE_WINDOW * n_columns, sizeof(*table->cells));
        table->failed = !table->cells;
        table_add(table, titles);
}

static size_t collect(const char *first, va_list args, const char **texts)
{
        size_t n = 0;

        for (const char *text = first; text; text = va_arg(args, const char *)) {
                swb_assert(n < TABLE_COLUMNS_MAX);
                texts[n++] = text;
        }
        return n;
}

void table_init(struct table *table, const char *title, ...)
{
        const char *titles[TABLE_COLUMNS_MAX];
        va_list args;
        size_t n;

        va_start(args, title);
        n = collect(title, args, titles);
        va_end(args);
        table_begin(table, titles, n);
}

void table_row(struct table *table, const char *cell, ...)
{
        const char *cells[TABLE_COLUMNS_MAX];
        va_list args;
        size_t n;

        va_start(args, cell);
        n = collect(cell, args, cells);
        va_end(args);
        swb_assert(n == table->n_columns);
        table_add(table, cells);
}

int table_finish(struct table *table, int r, struct swb_error *err)
{
        bool failed = table->failed;

        print_rows(table);
        free(table->cells);
        *table = (struct table){0};
        if (r < 0)
                return r;
        if (failed)
                return swb_oom(err);
        if (fflush(stdout) != 0)
                return swb_fail_errno(err, errno, "write to standard output");
        return 0;
}
