/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/http/service.h - the running server: HTTP in front, catalog and writer behind
 *
 * Model:  libmicrohttpd's threads answer from the catalog; what must be stored first waits (its
 *         connection is suspended, no thread is) for the writer. The owner calls swb_service_tick()
 * at least every SWB_SERVICE_TICK_MSEC: it notices changes of the catalog and late clients.
 */
#include "server/api/api.h"
#include "server/http/mirrors.h"
#include "server/jobs/runner.h"
#include "server/store/fleet.h"

#define SWB_SERVICE_TICK_MSEC 250

struct swb_service_config {
        const char *data;   /* folder of the payloads */
        const char *store;  /* as swb_db_open() */
        const char *listen; /* as swb_listen() */
        /* URLs of the folder of payloads, in the order to be tried; none: this server's own, by the
         * Host header. Borrowed while the service runs. */
        const char *const *base_urls;
        size_t n_base_urls;         /* at most SWB_OMAHA_URLS_MAX */
        struct swb_mirrors mirrors; /* before these, for devices that are near */
        /* Where a trusted proxy finds the payloads by itself (X-Accel-Redirect); NULL: they are
         * sent from here. */
        const char *accel_redirect;
        uint64_t poll_interval_seconds; /* told to devices, 0: their own */
        unsigned n_threads;
        unsigned max_connections;
        unsigned max_connections_per_ip; /* 0: no limit of its own */
        uint64_t timeout_usec;           /* for a whole request, and between two */
        const char *const *answer_keys;  /* as swb_proof_keys_new(); borrowed during the start */
        size_t n_answer_keys;
        bool show_metrics;                   /* serve /metrics; show_status does, too */
        bool show_status;                    /* serve the fleet's status page and /api/v1/ */
        struct swb_api_config api;           /* its `data` is filled in here */
        bool with_jobs;                      /* work on payloads, too */
        struct swb_payloads_config payloads; /* its `data` is filled in here */
        struct swb_fleet_limits limits;
};

struct swb_service;

int swb_service_start(const struct swb_service_config *config, struct swb_service **ret,
                      struct swb_error *err) _warn_unused_;
/* Answers what it has taken, stores what waits, then ends. */
struct swb_service *swb_service_free(struct swb_service *service);
SWB_DEFINE_CLEANUP(struct swb_service *, swb_service_free)

/* "127.0.0.1:8080": where it listens. */
const char *swb_service_address(const struct swb_service *service);
void swb_service_tick(struct swb_service *service);
