/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks of pg_dump: "COPY public.package (id, type, …) FROM stdin;", rows with tabs, "\.". */
#include "base/buf.h"
#include "server/import/nebraska.h"

#define COLUMNS_MAX 64
#define VALUE_MAX_BYTES (64u << 10)

struct table {
        char name[64];
        char *columns[COLUMNS_MAX];
        size_t n_columns;
};

static void table_done(struct table *table)
{
        for (size_t i = 0; i < table->n_columns; i++)
                free(table->columns[i]);
        table->n_columns = 0;
}

static bool takes(const char *table)
{
        static const char *const tables[] = {"application",
                                             "channel",
                                             "groups",
                                             "package",
                                             "flatcar_action",
                                             "coreos_action",
                                             "package_file",
                                             "package_channel_blacklist",
                                             "channel_package_floors"};

        for (size_t i = 0; i < SWB_ELEMENTS(tables); i++)
                if (strcmp(table, tables[i]) == 0)
                        return true;
        return false;
}

/* "COPY [SCHEMA.]NAME (COLUMN, COLUMN …) FROM stdin;" 1 if the line is one. */
static int read_head(const char *line, size_t n, struct table *table, struct swb_error *err)
{
        const char *open, *end = line + n, *name = line + 5, *dot, *at;
        size_t length;

        if (n < 5 || memcmp(line, "COPY ", 5) != 0)
                return 0;
        open = memchr(line, '(', n);
        end = open ? memchr(open, ')', (size_t)(end - open)) : NULL;
        if (!open || !end)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT, "a COPY without its columns");
        dot = memchr(name, '.', (size_t)(open - name));
        name = dot ? dot + 1 : name;
        length = (size_t)(open - name);
        while (length > 0 && name[length - 1] == ' ')
                length--;
        (void)snprintf(table->name, sizeof(table->name), "%.*s", (int)SWB_MIN(length, 63u), name);
        for (at = open + 1; at < end; at += length + 1) {
                while (*at == ' ' || *at == '"')
                        at++;
                length = strcspn(at, ",)\" ");
                if (table->n_columns == COLUMNS_MAX)
                        return swb_fail(err, -E2BIG, SWB_FAULT_LIMIT,
                                        "table '%s': more than %d "
                                        "columns",
                                        table->name, COLUMNS_MAX);
                table->columns[table->n_columns] = strndup(at, length);
                if (!table->columns[table->n_columns])
                        return swb_oom(err);
                table->n_columns++;
                length += strcspn(at + length, ",)");
        }
        return 1;
}

static char plain(char escaped)
{
        switch (escaped) {
        case 'b':
                return '\b';
        case 'f':
                return '\f';
        case 'n':
                return '\n';
        case 'r':
                return '\r';
        case 't':
                return '\t';
        case 'v':
                return '\v';
        default:
                return escaped;
        }
}

/* \N is null; else text. NULL: too long, not UTF-8, or out of memory. */
static json_t *read_value(const char *field, size_t n)
{
        char *text;
        size_t length = 0;
        json_t *value;

        if (n == 2 && memcmp(field, "\\N", 2) == 0)
                return json_null();
        text = n <= VALUE_MAX_BYTES ? malloc(n + 1) : NULL;
        if (!text)
                return NULL;
        for (size_t i = 0; i < n; i++) {
                if (field[i] == '\\' && i + 1 < n)
                        text[length++] = plain(field[++i]);
                else
                        text[length++] = field[i];
        }
        value = json_stringn(text, length);
        free(text);
        return value;
}

static int read_row(const struct table *table, const char *line, size_t n, json_t **ret,
                    struct swb_error *err)
{
        json_t *row = json_object();
        const char *end = line + n, *tab;
        size_t column = 0;

        if (!row)
                return swb_oom(err);
        for (; line <= end && column < table->n_columns; line = tab + 1, column++) {
                tab = memchr(line, '\t', (size_t)(end - line));
                tab = tab ? tab : end;
                if (json_object_set_new(row, table->columns[column],
                                        read_value(line, (size_t)(tab - line))) < 0)
                        break;
        }
        if (column == table->n_columns && line == end + 1) {
                *ret = row;
                return 0;
        }
        json_decref(row);
        return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                        "table '%s': a row does not have %zu columns of UTF-8 text", table->name,
                        table->n_columns);
}

/* What other tables say of a package becomes a member of it. */
static int add_to_package(struct swb_nebraska *n, const char *member, bool is_list, json_t *value,
                          const char *package_id, struct swb_error *err)
{
        json_t *package = json_object_get(n->packages, package_id), *list;

        if (!package) { /* its own row may come later */
                package = json_pack("{s:s}", "id", package_id);
                if (!package || swb_nebraska_put(n->packages, package, err) < 0) {
                        json_decref(value);
                        return swb_oom(err);
                }
        }
        if (!is_list)
                return json_object_set_new(package, member, value) < 0 ? swb_oom(err) : 0;
        list = json_object_get(package, member);
        if (!list) {
                list = json_array();
                if (json_object_set_new(package, member, list) < 0) {
                        json_decref(value);
                        return swb_oom(err);
                }
        }
        return json_array_append_new(list, value) < 0 ? swb_oom(err) : 0;
}

static int add_row(struct swb_nebraska *n, const char *table, json_t *row, struct swb_error *err)
{
        _cleanup_free_ char *package = strdup(swb_nebraska_text(row, "package_id"));

        if (strcmp(table, "application") == 0)
                return swb_nebraska_put(n->apps, row, err);
        if (strcmp(table, "channel") == 0)
                return swb_nebraska_put(n->channels, row, err);
        if (strcmp(table, "groups") == 0)
                return swb_nebraska_put(n->groups, row, err);
        if (strcmp(table, "package") == 0)
                return swb_nebraska_put(n->packages, row, err);
        if (!package || !*package) {
                json_decref(row);
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT, "table '%s': no package_id",
                                table);
        }
        if (strcmp(table, "package_file") == 0)
                return add_to_package(n, "extra_files", true, row, package, err);
        if (strcmp(table, "package_channel_blacklist") == 0)
                return add_to_package(n, "channels_blacklist", true, row, package, err);
        if (strcmp(table, "channel_package_floors") == 0) {
                json_decref(row);
                return add_to_package(n, "is_floor", false, json_true(), package, err);
        }
        return add_to_package(n, "flatcar_action", false, row, package, err);
}

static int read_line(struct swb_nebraska *n, struct table *table, bool *in_block, const char *line,
                     size_t length, struct swb_error *err)
{
        json_t *row;
        int r;

        if (!*in_block) {
                table_done(table);
                r = read_head(line, length, table, err);
                *in_block = r > 0;
                return r;
        }
        if (length == 2 && memcmp(line, "\\.", 2) == 0) {
                *in_block = false;
                return 0;
        }
        if (!takes(table->name))
                return 0;
        r = read_row(table, line, length, &row, err);
        return r < 0 ? r : add_row(n, table->name, row, err);
}

int swb_nebraska_add_dump(struct swb_nebraska *n, const char *text, size_t n_bytes,
                          struct swb_error *err)
{
        struct table table = {.n_columns = 0};
        const char *end = text + n_bytes, *next;
        bool in_block = false, found = false;
        size_t number = 1;
        int r = 0;

        for (; r >= 0 && text < end; text = next + 1, number++) {
                next = memchr(text, '\n', (size_t)(end - text));
                next = next ? next : end;
                r = read_line(n, &table, &in_block, text, (size_t)(next - text), err);
                found = found || (in_block && takes(table.name));
        }
        table_done(&table);
        if (r < 0)
                return swb_wrap(err, r, "line %zu", number - 1);
        if (in_block)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                "the dump ends in the middle of a table");
        if (!found)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                "neither JSON of Nebraska's API nor a dump of its database in "
                                "plain text with COPY (pg_dump without --inserts)");
        return 0;
}
