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

#include "base/error.h"

struct client_request {
        const char *method;
        const char *path;  /* behind /api/v1/; parts that come from outside by client_path() */
        const char *app;   /* query `app`, or NULL */
        const char *query; /* further parts, "limit=3&all=true", encoded; or NULL */
        json_t *body;      /* stays the caller's; NULL: none */
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

static inline void client_json_done(json_t **json)
{
        json_decref(*json);
}
