/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/fetch/exchange.h - one question to the update server and its answer
 *
 * Place: swb-fetch check and report. Builds the request from plain texts, posts it, reads the
 *        answer about this device's one application, checked as OM-18 demands.
 */
#include "device/fetch/answer_keys.h"
#include "device/fetch/event.h"
#include "omaha/response.h"
#include "os/http.h"

/* Strings are borrowed; "" or NULL leaves them out. */
struct swb_exchange_config {
        const char *url;
        struct swb_http_config http;
        const char *app_id, *device_id, *current_version;
        const char *channel, *hardware_class, *board;
        const char *cohort, *cohort_hint, *cohort_name; /* NULL: absent, "": sent empty */
        const char *reads;                              /* what it can apply: OM-31 */
        bool no_delta;                                  /* only a full payload is of use */
        bool interactive;                               /* a person asked */
        bool check; /* ask for an update and ping; else only report the events */
        int32_t ping_active_day,
                ping_day; /* the server's day of the last pings, or SWB_OMAHA_DAYS_* */
        struct swb_omaha_event *events;
        size_t n_events;
        const struct swb_answer_keys *answer_keys; /* NULL: answers need not be signed */
};

struct swb_exchange {
        struct swb_omaha_response *response;
        const struct swb_omaha_app_answer *app; /* in response */
};

void swb_exchange_done(struct swb_exchange *exchange);

/* Faults: those of os/http.h; PROTOCOL for an answer that is malformed, too large, or breaks OM-18;
 * LIMIT when the question itself is too long; SIGNATURE for an answer that is not signed, or not to
 * this question: nothing of it was read. */
int swb_exchange_run(const struct swb_exchange_config *config, struct swb_exchange *ret,
                     struct swb_http_status *ret_status, struct swb_error *err) _warn_unused_;

/*
 * Appends the answer to a check as the KEY=value lines of docs/ARCHITECTURE.md (outcome of "check",
 * without TYPE and RESULT). URLs that would not leave room for the rest are left out. LIMIT when
 * the answer does not fit into the buffer.
 */
int swb_exchange_put(const struct swb_exchange *exchange, struct swb_buf *buf,
                     struct swb_error *err) _warn_unused_;
