/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* bin/swb-server/list.h - what the API lists, as a table or as JSON */
#include "bin/swb-server/client.h"

#define LIST_CELL_MAX 512

/* A column: a member of each element. */
struct list_column {
        const char *title;
        const char *member; /* a text or a number */
        const char *none;   /* stands there when it is empty; NULL: nothing does */
        /* In place of `member`; text has room for LIST_CELL_MAX bytes. */
        const char *(*cell)(const json_t *element, char *text);
        bool is_size; /* the member is a number of bytes: "1.2 MB" */
};

struct list {
        struct client_request request;
        const char *cursor;                /* as for client_each(); NULL: there is one page only */
        uint64_t limit;                    /* with a cursor: at most so many */
        const struct list_column *columns; /* the last one has no title */
        bool as_json;
};

int list_print(const struct list *list, struct swb_error *err) _warn_unused_;
