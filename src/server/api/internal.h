/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* server/api/internal.h - what the files of server/api share */
#include <jansson.h>

#include "base/json_writer.h"
#include "server/api/api.h"
#include "server/store/apps.h"
#include "server/store/audit.h"

struct swb_api_call;

/* A method on a path. Names in braces match one segment of it and become args. */
struct swb_api_route {
        const char *method, *path;
        enum swb_scope scope;
        int (*run)(struct swb_api_call *call, struct swb_error *err);
        /* Writes the state of what the path names, for ETag and audit. 0: it is not there. NULL:
         * nothing to compare. */
        int (*describe)(struct swb_api_call *call, struct swb_json *json, struct swb_error *err);
        const char *action; /* for the audit log; NULL: this changes nothing */
        unsigned flags;
};

enum {
        SWB_API_NO_APP = 1 << 0,   /* not about one app */
        SWB_API_ANY_APP = 1 << 1,  /* all apps unless one is named */
        SWB_API_NO_BODY = 1 << 2,  /* takes none */
        SWB_API_CATALOG = 1 << 3,  /* running servers have to follow */
        SWB_API_SELF = 1 << 4,     /* makes transactions of its own */
        SWB_API_NO_AUDIT = 1 << 5, /* changes nothing that counts */
        SWB_API_SECRET = 1 << 6,   /* the answer is not kept for repetitions */
        SWB_API_NAMED = 1 << 7,    /* not for somebody unknown, though reading is free */
        SWB_API_BYTES = 1 << 8,    /* the body is not JSON */
};

struct swb_api_call {
        struct swb_api_shared *shared;
        struct swb_db *db;
        const struct swb_api_request *request;
        struct swb_api_answer *answer;
        const struct swb_api_route *route;
        struct swb_identity identity;
        struct swb_app app; /* id 0: all of them */
        char args[2][SWB_MACHINEID_MAX + 1];
        json_t *body;         /* an object; NULL: there is none */
        struct swb_json json; /* of the answer */
        int64_t now;
        void *userdata;  /* from a route that makes its own transactions to what runs inside */
        unsigned status; /* of success; 0: 200, or 204 without a body */
        char made[SWB_MACHINEID_MAX + 1]; /* name of what was made, behind the path */
};

/* All routes, ended by a NULL method. */
extern const struct swb_api_route *const swb_api_tables[];
extern const struct swb_api_route swb_api_fleet_routes[], swb_api_rollout_routes[],
        swb_api_release_routes[], swb_api_app_routes[], swb_api_group_routes[],
        swb_api_access_routes[], swb_api_session_routes[], swb_api_audit_routes[],
        swb_api_job_routes[], swb_api_upload_routes[], swb_api_webhook_routes[],
        swb_api_tag_routes[], swb_api_egress_routes[], swb_api_storage_routes[],
        swb_api_mirror_routes[];

/* Who sends the request, by what it shows. Return: 0 (perhaps nobody); DENIED for what is shown
 * and is wrong. */
int swb_api_identify(struct swb_api_call *call, struct swb_error *err) _warn_unused_;

/* Turns an error into an answer. */
void swb_api_problem(struct swb_api_answer *answer, unsigned status, const struct swb_error *err);
unsigned swb_api_status_of(const struct swb_error *err);

int swb_api_explain(struct swb_api_call *call, struct swb_error *err) _warn_unused_;

/* What the path names, or what was made. */
const char *swb_api_name(const struct swb_api_call *call);

/* The query's value, or NULL. */
const char *swb_api_query(const struct swb_api_call *call, const char *name);
int swb_api_query_u64(const struct swb_api_call *call, const char *name, uint64_t absent,
                      uint64_t *ret, struct swb_error *err) _warn_unused_;
int swb_api_query_bool(const struct swb_api_call *call, const char *name, bool *ret,
                       struct swb_error *err) _warn_unused_;
/* 1 … 5000, 200 unless told otherwise. */
int swb_api_limit(const struct swb_api_call *call, uint64_t *ret,
                  struct swb_error *err) _warn_unused_;
/* And where the page begins: behind this one, as the next page's link says; 0: with the first. */
int swb_api_page(const struct swb_api_call *call, int64_t *ret_before, uint64_t *ret_limit,
                 struct swb_error *err) _warn_unused_;
void swb_api_set_next(struct swb_api_call *call, int64_t next);

/* Members of the body. *ret is left as it is when there is none, or null. USAGE. */
int swb_api_text(const struct swb_api_call *call, const char *name, const char **ret,
                 struct swb_error *err) _warn_unused_;
/* The same into a field of size n; LIMIT. */
int swb_api_copy(const struct swb_api_call *call, const char *name, char *to, size_t n,
                 struct swb_error *err) _warn_unused_;
int swb_api_u64(const struct swb_api_call *call, const char *name, uint64_t *ret,
                struct swb_error *err) _warn_unused_;
int swb_api_bool(const struct swb_api_call *call, const char *name, bool *ret,
                 struct swb_error *err) _warn_unused_;
/* A required text. */
int swb_api_need(const struct swb_api_call *call, const char *name, const char **ret,
                 struct swb_error *err) _warn_unused_;
/* An array of texts; NULL: there is none. */
int swb_api_texts(const struct swb_api_call *call, const char *name, json_t **ret,
                  struct swb_error *err) _warn_unused_;
/* Refuses members that are not in the list (names with blanks between). */
int swb_api_only(const struct swb_api_call *call, const char *names,
                 struct swb_error *err) _warn_unused_;
