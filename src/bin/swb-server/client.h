/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * bin/swb-server/client.h - the verbs ask the API: of the data folder here, or of a running server
 *
 * Model:  client_call() runs the same code in both cases (server/api); the verbs only print what
 *         comes back.
 */
#include <jansson.h>
#include <stdint.h>

#include "base/options.h"

struct client_request {
        const char *method;
        const char *path;  /* behind /api/v1/; parts that come from outside by client_path().
                            * NULL: it had no memory, and so says the call */
        const char *app;   /* query `app`, or NULL */
        const char *query; /* further parts, "limit=3&all=true", encoded; or NULL */
        json_t *body;      /* stays the caller's; NULL: none */
        const void *bytes; /* in place of a body of JSON; with --server only */
        size_t n_bytes;
        const char *if_match;
        bool may_create; /* make the data folder when it is not there */
};

struct client_answer {
        unsigned status;
        json_t *json;  /* NULL: an answer without a body */
        char next[24]; /* of the next page; "": this was the last */
        char etag[40];
};

void client_answer_done(struct client_answer *answer);

/* A failure of the API becomes err, with its own words. */
int client_call(const struct client_request *request, struct client_answer *ret,
                struct swb_error *err) _warn_unused_;
/* All pages of a list, an element at a time, at most `limit` of them; `cursor` is what the query
 * calls the place where the next page begins. */
int client_each(const struct client_request *request, const char *cursor, uint64_t limit,
                void (*each)(const json_t *element, void *userdata), void *userdata,
                struct swb_error *err) _warn_unused_;
/* The same, printed as one JSON array. */
int client_print_pages(const struct client_request *request, const char *cursor, uint64_t limit,
                       struct swb_error *err) _warn_unused_;
/* One request whose answer is not looked at. */
int client_do(const struct client_request *request, struct swb_error *err) _warn_unused_;
/* One request whose answer is printed: by the function, or as JSON if that is wanted or there is
 * none. */
int client_show(const struct client_request *request, bool as_json,
                int (*print)(const json_t *answer, struct swb_error *err),
                struct swb_error *err) _warn_unused_;
/* Removes one of "tokens", "groups" …, and says so. app: as in the request. */
int client_remove(const char *collection, const char *app, const char *name,
                  struct swb_error *err) _warn_unused_;
/* "groups/a%20b" from parts; NULL ends. NULL: out of memory. */
char *client_path(const char *part, ...) __attribute__((sentinel));
/* "name=value", encoded, appended to a query. */
int client_add_query(char **query, const char *name, const char *value,
                     struct swb_error *err) _warn_unused_;

/* Members of what came; "" or 0 when there is none or it is null. */
const char *client_text(const json_t *object, const char *name);
uint64_t client_number(const json_t *object, const char *name);
bool client_bool(const json_t *object, const char *name);
/* The text, or `none` when it is empty. */
const char *client_text_or(const json_t *object, const char *name, const char *none);

/* Prints the JSON as it is. */
int client_print_json(const json_t *json, struct swb_error *err) _warn_unused_;

/* Sets a member of a body, unless there is nothing to set (NULL, UINT64_MAX). USAGE: not UTF-8. */
#define CLIENT_UNSET UINT64_MAX
int client_set_text(json_t *body, const char *name, const char *value,
                    struct swb_error *err) _warn_unused_;
int client_set_number(json_t *body, const char *name, uint64_t value,
                      struct swb_error *err) _warn_unused_;
int client_set_texts(json_t *body, const char *name, const struct swb_opt_list *list,
                     struct swb_error *err) _warn_unused_;

static inline void client_json_done(json_t **json)
{
        json_decref(*json);
}
