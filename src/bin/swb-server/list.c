/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swb-server/list.h"

#include <inttypes.h>

#include "base/text.h"
#include "bin/swb-server/table.h"

struct rows {
        const struct list_column *columns;
        struct table table;
};

static const char *cell_of(const struct list_column *column, const json_t *element, char *text)
{
        const json_t *member = json_object_get(element, column->member);

        if (column->cell)
                return column->cell(element, text);
        if (column->is_size)
                return swb_format_size(client_number(element, column->member), text);
        if (!json_is_integer(member))
                return client_text_or(element, column->member, column->none ? column->none : "");
        (void)snprintf(text, LIST_CELL_MAX, "%" PRId64, (int64_t)json_integer_value(member));
        return text;
}

static void begin(struct rows *rows, const struct list_column *columns)
{
        const char *titles[TABLE_COLUMNS_MAX];
        size_t n = 0;

        for (; columns[n].title; n++) {
                swb_assert(n < TABLE_COLUMNS_MAX);
                titles[n] = columns[n].title;
        }
        rows->columns = columns;
        table_begin(&rows->table, titles, n);
}

static void add_row(const json_t *element, void *userdata)
{
        struct rows *rows = userdata;
        char texts[TABLE_COLUMNS_MAX][LIST_CELL_MAX];
        const char *cells[TABLE_COLUMNS_MAX];

        for (size_t i = 0; rows->columns[i].title; i++)
                cells[i] = cell_of(&rows->columns[i], element, texts[i]);
        table_add(&rows->table, cells);
}

static int print_one_page(const struct list *list, struct swb_error *err)
{
        _cleanup_(client_answer_done) struct client_answer answer = {0};
        struct rows rows;
        json_t *element;
        size_t i;
        int r = client_call(&list->request, &answer, err);

        if (r < 0)
                return r;
        if (list->as_json)
                return client_print_json(answer.json, err);
        begin(&rows, list->columns);
        json_array_foreach(answer.json, i, element) add_row(element, &rows);
        return table_finish(&rows.table, 0, err);
}

int list_print(const struct list *list, struct swb_error *err)
{
        struct rows rows;
        int r;

        if (!list->cursor)
                return print_one_page(list, err);
        if (list->as_json)
                return client_print_pages(&list->request, list->cursor, list->limit, err);
        begin(&rows, list->columns);
        r = client_each(&list->request, list->cursor, list->limit, add_row, &rows, err);
        return table_finish(&rows.table, r, err);
}
