/* SPDX-License-Identifier: Apache-2.0 */
/* POST of a device: read, decide, answer; with the writer in between when something is promised. */
#include <ctype.h>

#include "base/log.h"
#include "base/text.h"
#include "server/http/internal.h"
#include "server/respond/respond.h"

/* From this load on, devices that nobody waits for are sent away before their request is read. */
#define SHED_LOAD_PERCENT 75
#define HOST_MAX 255
/* Decisions of one request. */
#define TRIES_MAX 3

static bool is_host(const char *host)
{
        size_t n = 0;

        for (; host[n]; n++)
                if (n == HOST_MAX || !isascii(host[n]) ||
                    (!isalnum((unsigned char)host[n]) && !strchr(".-_:[]", host[n])))
                        return false;
        return n > 0;
}

/* The folder of payloads on this server, as the client itself calls it. */
static int own_url(const struct swb_exchange *exchange, char **ret)
{
        const char *host = swb_exchange_header(exchange, "Host");

        if (!host || !is_host(host))
                host = exchange->service->address;
        if (asprintf(ret, "http://%s" SWB_PAYLOAD_PATH, host) < 0) {
                *ret = NULL;
                return -ENOMEM;
        }
        return 0;
}

static int write_answer(struct swb_exchange *exchange, const struct swb_checkin *checkin,
                        struct swb_error *err)
{
        const struct swb_service_config *config = &exchange->service->config;
        const char *near[SWB_OMAHA_URLS_MAX], *own_urls[1];
        char address[SWB_ADDRESS_TEXT] = "";
        struct swb_respond_options options = {
                .near = near,
                .codebases = config->base_urls,
                .n_codebases = config->n_base_urls,
                .address = address,
                .poll_interval_seconds = config->poll_interval_seconds,
        };
        _cleanup_free_ char *own = NULL;

        /* Looked up only where it says something. */
        if (config->mirrors.n > 0 || checkin->catalog->needs_addresses)
                (void)swb_exchange_address(exchange, address);
        options.n_near = swb_mirrors_of(&config->mirrors, address, near, SWB_ELEMENTS(near));
        if (config->n_base_urls == 0) {
                if (own_url(exchange, &own) < 0)
                        return swb_oom(err);
                own_urls[0] = own;
                options.codebases = own_urls;
                options.n_codebases = 1;
        }
        return swb_respond(checkin, &options, &exchange->answer, err);
}

/* The writer's thread calls this. */
static void on_committed(void *userdata, const struct swb_error *err)
{
        struct swb_exchange *exchange = userdata;

        exchange->is_late = err && err->code == -ESTALE;
        if (!err)
                swb_metrics_count_checkin(&exchange->service->metrics, exchange->checkin);
        /* Once held, the app is so for this request. */
        else if (exchange->is_late && exchange->checkin->hold.apps)
                exchange->hold = (struct swb_egress_hold){.apps = exchange->hold.apps |
                                                                  exchange->checkin->hold.apps,
                                                          .until = exchange->checkin->hold.until,
                                                          .is_day = exchange->checkin->hold.is_day};
        exchange->commit_failed = err && !exchange->is_late;
        MHD_resume_connection(exchange->connection);
}

/* OM-28: the key that the client wants the answer to be signed with. A server that signs nothing
 * does not look. */
static const char *wanted_key(const struct swb_exchange *exchange)
{
        if (swb_proof_keys_count(exchange->service->proof_keys) == 0)
                return NULL;
        return swb_exchange_query(exchange, "cup2key");
}

/* Signs the answer if the client asked for that. */
static int prove(struct swb_exchange *exchange, struct swb_error *err)
{
        const char *cup2key = wanted_key(exchange);

        if (!cup2key)
                return 0;
        swb_metrics_count(&exchange->service->metrics, SWB_METRIC_SIGNED, 1);
        return swb_proof_make(exchange->service->proof_keys, cup2key, exchange->body.data,
                              exchange->body.n_bytes, exchange->answer.data,
                              exchange->answer.n_bytes, exchange->proof, err);
}

static enum MHD_Result send_answer(struct swb_exchange *exchange)
{
        struct swb_error err = SWB_ERROR_INIT;

        if (prove(exchange, &err) < 0) {
                (void)swb_log_failure(SWB_LOG_ERROR, &err, "sign an answer");
                return swb_answer_text(exchange, MHD_HTTP_INTERNAL_SERVER_ERROR,
                                       "the answer could not be signed\n");
        }
        return swb_answer_buf(exchange, MHD_HTTP_OK, "text/xml", &exchange->answer);
}

static enum MHD_Result finish_committed(struct swb_exchange *exchange)
{
        if (exchange->is_late && exchange->n_tries++ < TRIES_MAX) {
                swb_buf_reset(&exchange->answer);
                return swb_finish_update(exchange);
        }
        if (exchange->is_late)
                return swb_answer_busy(exchange, "too many at the same time");
        if (exchange->commit_failed)
                swb_metrics_count(&exchange->service->metrics, SWB_METRIC_STORE_FAILURES, 1);
        if (exchange->commit_failed)
                return swb_answer_busy(exchange, "the server can't store anything now");
        return send_answer(exchange);
}

/* What was promised is on the medium before the device hears of it. */
static enum MHD_Result wait_for_commit(struct swb_exchange *exchange, struct swb_checkin *checkin)
{
        checkin->done = on_committed;
        checkin->userdata = exchange;
        exchange->checkin = checkin;
        exchange->stage = SWB_STAGE_WAITING;
        exchange->resume = finish_committed;
        MHD_suspend_connection(exchange->connection);
        if (swb_writer_put(exchange->service->writer, checkin) < 0) {
                (void)swb_checkin_free(checkin);
                exchange->commit_failed = true;
                MHD_resume_connection(exchange->connection);
        }
        return MHD_YES;
}

static enum MHD_Result decide(struct swb_exchange *exchange, struct swb_omaha_request *request)
{
        struct swb_service *service = exchange->service;
        _cleanup_(swb_catalog_unrefp) struct swb_catalog *catalog = swb_service_catalog(service);
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_checkin *checkin = swb_checkin_new_held(request, catalog, service->rollouts,
                                                           (int64_t)time(NULL), &exchange->hold);

        if (!checkin) {
                (void)swb_omaha_request_free(request);
                return MHD_NO;
        }
        if (write_answer(exchange, checkin, &err) < 0) {
                (void)swb_checkin_free(checkin);
                (void)swb_log_failure(SWB_LOG_ERROR, &err, "answer an update request");
                return swb_answer_text(exchange, MHD_HTTP_INTERNAL_SERVER_ERROR,
                                       "the answer could not be made\n");
        }
        if (swb_checkin_is_promise(checkin))
                return wait_for_commit(exchange, checkin);
        swb_metrics_count_checkin(&service->metrics, checkin);
        /* Only a sign of life: if the queue is full, the next one will do. */
        if (swb_writer_put(service->writer, checkin) < 0)
                (void)swb_checkin_free(checkin);
        return send_answer(exchange);
}

static bool is_background(const struct swb_exchange *exchange)
{
        const char *header = swb_exchange_header(exchange, "X-Goog-Update-Interactivity");

        return header && strcmp(header, "bg") == 0;
}

enum MHD_Result swb_finish_update(struct swb_exchange *exchange)
{
        const char *cup2key = wanted_key(exchange);
        struct swb_omaha_request *request = NULL;
        struct swb_error err = SWB_ERROR_INIT;

        /* Before anything is promised. */
        if (cup2key && !swb_proof_keys_have(exchange->service->proof_keys, cup2key))
                return swb_answer_text(exchange, MHD_HTTP_BAD_REQUEST,
                                       "no key of ours signs answers for '%.80s'\n", cup2key);
        if (is_background(exchange) &&
            swb_writer_load(exchange->service->writer) > SHED_LOAD_PERCENT)
                return swb_answer_busy(exchange, "the server is busy");
        if (swb_omaha_request_parse(exchange->body.data, exchange->body.n_bytes, &request, &err) >=
            0)
                return decide(exchange, request);
        if (err.fault == SWB_FAULT_NO_MEMORY)
                return swb_answer_busy(exchange, "the server is out of memory");
        swb_metrics_count(&exchange->service->metrics, SWB_METRIC_BAD_REQUESTS, 1);
        swb_log(SWB_LOG_DEBUG, "refused a request: %s", err.text);
        return swb_answer_text(exchange, MHD_HTTP_BAD_REQUEST, "%s\n", err.text);
}
