/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/api/api.h - the API: one request in, one answer out
 *
 * Place:  server/http calls it for what comes by the network, the command line for what is asked
 *         on the spot: both get the same checks, the same answers and the same lines of audit
 * Spec:   docs/openapi.json, docs/api.md
 * Model:  sans-I/O but for the database. Blocks (database, passwords): not for a thread that
 *         serves. Everything that changes something is one transaction with its line in the audit
 *         log and, if the client named a key for that, its answer for a repetition.
 */
#include "base/buf.h"
#include "base/json_writer.h"
#include "server/auth/identity.h"
#include "server/auth/throttle.h"
#include "server/http/mirrors.h"
#include "server/rollout/live.h"

#define SWB_API_PATH "/api/v1/"
#define SWB_API_BODY_MAX_BYTES (1u << 20)
#define SWB_API_ANSWER_MAX_BYTES (8u << 20)
#define SWB_API_QUERY_MAX 16
/* 204: may listen to the stream of events, which the caller sends. */
#define SWB_API_STREAM "stream"
#define SWB_SESSION_COOKIE "swb_session"

/* What all requests of one server share. */
struct swb_api_config {
        const char *data; /* folder of the database */
        bool is_private;  /* reading needs a token or a session, too */
        bool is_secure;   /* browsers come by https: the cookie is for that only */
        const char *const *trusted_proxies; /* addresses */
        size_t n_trusted_proxies;
        const char *identity_header; /* by which these name a user; NULL: none */
        /* What a running server tells devices besides the catalog's mirrors, for explanations. */
        const struct swb_mirrors *mirrors;
        const char *const *base_urls;
        size_t n_base_urls;
};

/* What a running server knows of the fleet without asking the database. NULL functions: nothing. */
struct swb_api_board {
        int (*overview)(void *userdata, struct swb_buf *buf, struct swb_error *err);
        void (*recent)(void *userdata, struct swb_json *json); /* adds the member "recent" */
        void *userdata;
};

struct swb_api_shared {
        struct swb_api_config config;
        struct swb_rollouts *rollouts; /* live counts; NULL: the rows' */
        struct swb_throttle throttle;
        struct swb_api_board board;
};

void swb_api_shared_init(struct swb_api_shared *shared, const struct swb_api_config *config);
void swb_api_shared_done(struct swb_api_shared *shared);

/* All texts are borrowed; NULL: there is none. */
struct swb_api_request {
        const char *method;
        const char *path; /* behind SWB_API_PATH, decoded */
        struct swb_api_field {
                const char *name, *value;
        } query[SWB_API_QUERY_MAX];
        size_t n_query;
        bool is_local; /* from somebody who can write the database's file anyway */
        const char *address;
        const char *authorization, *session, *csrf, *identity, *origin, *host;
        const char *content_type, *if_match, *if_none_match, *idempotency_key;
        const void *body;
        size_t n_body;
};

struct swb_api_answer {
        unsigned status;
        const char *content_type; /* static */
        struct swb_buf body;
        char etag[40];        /* with its quotes; "": none */
        char next[24];        /* what the next page comes after; "": this is the last one */
        char location[256];   /* of what was made; "" */
        char cookie[192];     /* for Set-Cookie; "" */
        char allow[64];       /* of a 405; "" */
        unsigned retry_after; /* seconds; 0: none */
        bool is_refusal;      /* of a login or a token, for the log */
};

void swb_api_answer_done(struct swb_api_answer *answer);

/* Always makes an answer, if need be one that says that there is no memory (without a body). */
void swb_api_run(struct swb_api_shared *shared, struct swb_db *db,
                 const struct swb_api_request *request, struct swb_api_answer *ret);
/* Of whoever runs this program. */
void swb_api_local_identity(struct swb_identity *identity);
/* A problem that the caller found: "request too large" … */
void swb_api_refuse(struct swb_api_answer *ret, unsigned status, const char *detail);
