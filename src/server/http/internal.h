/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* server/http/internal.h - what the files of server/http share */
#include <microhttpd.h>
#include <pthread.h>

#include "base/buf.h"
#include "server/catalog/catalog.h"
#include "server/http/board.h"
#include "server/http/connections.h"
#include "server/http/listen.h"
#include "server/http/service.h"
#include "server/http/workers.h"
#include "server/jobs/herald.h"
#include "server/metrics/metrics.h"
#include "server/respond/proof.h"
#include "server/store/writer.h"

struct swb_service {
        struct swb_service_config config;
        char address[SWB_LISTEN_TEXT_MAX];
        struct MHD_Daemon *daemon;
        struct swb_connections *connections;
        struct swb_writer *writer;
        int payload_folder_fd;

        pthread_mutex_t catalog_lock;
        struct swb_catalog *catalog; /* current; take a reference under the lock */
        struct swb_rollouts *rollouts;
        struct swb_proof_keys *proof_keys;
        struct swb_metrics metrics;
        struct swb_db *db;    /* of swb_service_tick() */
        bool follows_catalog; /* the rollouts do */
        bool has_news;        /* the catalog may have changed since it was read */

        struct swb_board *board;     /* NULL: pages are not served */
        struct swb_runner *runner;   /* NULL: it works on no jobs */
        struct swb_herald *herald;   /* NULL: the same */
        struct swb_workers *workers; /* NULL: there is no API */
        struct swb_api_shared api;
        uint64_t api_body_bytes; /* atomic: of requests that are not answered yet */
};

/* Where a request stands. */
enum swb_exchange_stage {
        SWB_STAGE_READING,  /* its body comes */
        SWB_STAGE_WAITING,  /* for the writer or a worker; suspended */
        SWB_STAGE_ANSWERED, /* a response was queued */
};

/* One request and its answer. */
struct swb_exchange {
        struct swb_service *service;
        struct MHD_Connection *connection;
        struct swb_connection *place; /* NULL when there was no memory for it */
        enum swb_exchange_stage stage;
        enum MHD_Result (*finish)(struct swb_exchange *exchange); /* the whole request is here */
        enum MHD_Result (*resume)(struct swb_exchange *exchange); /* the wait is over */
        const char *path, *method;                                /* valid during a call only */
        bool is_head;
        uint64_t max_body_bytes;
        uint64_t n_body_bytes; /* that came, also what was not kept */
        struct swb_buf body;   /* up to max_body_bytes of it */
        struct swb_buf answer; /* waits for the writer */
        bool commit_failed;
        bool is_late; /* another server has given the last place away: decide again */
        unsigned n_tries;
        struct swb_checkin *checkin;    /* that waits; the writer's */
        struct swb_egress_hold hold;    /* why it was late */
        char proof[SWB_CUP_PROOF_TEXT]; /* of the answer; "": none asked for */
        struct swb_api_exchange *api;   /* of a request of the API */
        size_t n_api_bytes;             /* its part of api_body_bytes */
};

struct swb_catalog *swb_service_catalog(struct swb_service *service);

/* Takes no more connections, and lets those that are there have their answers; in drain.c. */
void swb_service_drain(struct swb_service *service);

/* A value of the request's headers or query, or NULL. Borrowed. */
const char *swb_exchange_header(const struct swb_exchange *exchange, const char *name);
const char *swb_exchange_query(const struct swb_exchange *exchange, const char *name);

/* All queue an answer; MHD_NO drops the connection. */
enum MHD_Result swb_answer_text(struct swb_exchange *exchange, unsigned status, const char *format,
                                ...) _printf_(3, 4);
/* Takes the buffer's content. */
enum MHD_Result swb_answer_buf(struct swb_exchange *exchange, unsigned status,
                               const char *content_type, struct swb_buf *buf);
/* "Not now", with Retry-After. */
enum MHD_Result swb_answer_busy(struct swb_exchange *exchange, const char *why);
/* For an answer with headers of its own; takes the response over, which may be NULL (no memory). */
enum MHD_Result swb_answer_response(struct swb_exchange *exchange, unsigned status,
                                    struct MHD_Response *response);

/* Handlers of a whole request. */
enum MHD_Result swb_finish_update(struct swb_exchange *exchange);   /* POST of a device */
enum MHD_Result swb_finish_download(struct swb_exchange *exchange); /* GET, HEAD of a payload */
enum MHD_Result swb_finish_health(struct swb_exchange *exchange);
enum MHD_Result swb_finish_metrics(struct swb_exchange *exchange);
enum MHD_Result swb_finish_web(struct swb_exchange *exchange); /* a file of the pages */
enum MHD_Result swb_finish_api(struct swb_exchange *exchange);

/* Of the API, in api.c. */
void swb_api_exchange_free(struct swb_exchange *exchange);
enum MHD_Result swb_api_exchange_refuse(struct swb_exchange *exchange, unsigned status,
                                        const char *detail);
/* Counts a piece of a body. False: all of them together are too large. */
bool swb_api_body_fits(struct swb_exchange *exchange, size_t n_bytes);

/* The client's address (SWB_ADDRESS_TEXT): the connection's, or what a trusted proxy says. Return:
 * is it such a proxy's connection? */
bool swb_exchange_address(const struct swb_exchange *exchange, char *text);

#define SWB_PAYLOAD_PATH "/payloads/"
#define SWB_WEB_PATH "/web/"

/* libmicrohttpd's callbacks, in exchange.c. */
enum MHD_Result swb_on_request(void *userdata, struct MHD_Connection *connection, const char *url,
                               const char *method, const char *version, const char *upload_data,
                               size_t *upload_data_size, void **exchange);
void swb_on_completed(void *userdata, struct MHD_Connection *connection, void **exchange,
                      enum MHD_RequestTerminationCode code);
void swb_on_connection(void *userdata, struct MHD_Connection *connection, void **place,
                       enum MHD_ConnectionNotificationCode code);
