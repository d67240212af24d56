/* SPDX-License-Identifier: Apache-2.0 */
/* A request from its first byte to its answer: routes, limits, and the callbacks of libmicrohttpd.
 */
#include <stdarg.h>

#include "base/log.h"
#include "base/text.h"
#include "omaha/common.h"
#include "server/http/internal.h"

/* A body above the limit is read on for so long, so that the client gets to read our answer. */
#define BODY_ABSOLUTE_MORE_BYTES (1u << 20)
#define RETRY_AFTER_SECONDS "60"

const char *swb_exchange_header(const struct swb_exchange *exchange, const char *name)
{
        return MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, name);
}

const char *swb_exchange_query(const struct swb_exchange *exchange, const char *name)
{
        return MHD_lookup_connection_value(exchange->connection, MHD_GET_ARGUMENT_KIND, name);
}

enum MHD_Result swb_answer_response(struct swb_exchange *exchange, unsigned status,
                                    struct MHD_Response *response)
{
        enum MHD_Result result;

        if (!response)
                return MHD_NO;
        result = MHD_queue_response(exchange->connection, status, response);
        MHD_destroy_response(response);
        exchange->stage = SWB_STAGE_ANSWERED;
        return result;
}

static struct MHD_Response *make_response(const char *content_type, void *data, size_t n_bytes)
{
        struct MHD_Response *response =
                MHD_create_response_from_buffer(n_bytes, data, MHD_RESPMEM_MUST_FREE);

        if (!response) {
                free(data);
                return NULL;
        }
        if (MHD_add_response_header(response, "Content-Type", content_type) == MHD_NO) {
                MHD_destroy_response(response);
                return NULL;
        }
        return response;
}

/* OM-30: in both places where clients look. */
static bool add_proof(struct MHD_Response *response, const char *proof)
{
        char etag[SWB_CUP_PROOF_TEXT + sizeof("W/\"\"")];

        (void)snprintf(etag, sizeof(etag), "W/\"%s\"", proof);
        return MHD_add_response_header(response, SWB_CUP_HEADER, proof) == MHD_YES &&
               MHD_add_response_header(response, "ETag", etag) == MHD_YES;
}

enum MHD_Result swb_answer_buf(struct swb_exchange *exchange, unsigned status,
                               const char *content_type, struct swb_buf *buf)
{
        size_t n_bytes = buf->n_bytes;
        void *data = buf->data;

        struct MHD_Response *response;

        *buf = SWB_BUF_INIT(buf->max_bytes);
        response = make_response(content_type, data, n_bytes);
        if (response && *exchange->proof && !add_proof(response, exchange->proof)) {
                MHD_destroy_response(response);
                response = NULL;
        }
        return swb_answer_response(exchange, status, response);
}

enum MHD_Result swb_answer_text(struct swb_exchange *exchange, unsigned status, const char *format,
                                ...)
{
        struct MHD_Response *response;
        va_list args;
        char *text;
        int n;

        va_start(args, format);
        n = vasprintf(&text, format, args);
        va_end(args);
        if (n < 0)
                return MHD_NO;
        response = make_response("text/plain; charset=utf-8", text, (size_t)n);
        if (response && status == MHD_HTTP_METHOD_NOT_ALLOWED)
                (void)MHD_add_response_header(response, "Allow",
                                              exchange->finish == swb_finish_update ? "POST"
                                                                                    : "GET, HEAD");
        return swb_answer_response(exchange, status, response);
}

enum MHD_Result swb_answer_busy(struct swb_exchange *exchange, const char *why)
{
        _cleanup_free_ char *text = NULL;
        struct MHD_Response *response;

        swb_metrics_count(&exchange->service->metrics, SWB_METRIC_BUSY, 1);
        if (asprintf(&text, "%s, try again later\n", why) < 0) {
                text = NULL;
                return MHD_NO;
        }
        response = make_response("text/plain; charset=utf-8", text, strlen(text));
        text = NULL;
        if (!response)
                return MHD_NO;
        (void)MHD_add_response_header(response, "Retry-After", RETRY_AFTER_SECONDS);
        (void)MHD_add_response_header(response, "X-Retry-After", RETRY_AFTER_SECONDS);
        return swb_answer_response(exchange, MHD_HTTP_SERVICE_UNAVAILABLE, response);
}

static enum MHD_Result finish_not_found(struct swb_exchange *exchange)
{
        return swb_answer_text(exchange, MHD_HTTP_NOT_FOUND, "nothing is here\n");
}

/* OM-1: the path of update requests is a matter of taste; these are in use. */
static bool is_update_path(const char *path)
{
        static const char *const paths[] = {"/v1/update", "/update", "/service/update2"};

        for (size_t i = 0; i < SWB_ELEMENTS(paths); i++) {
                size_t n = strlen(paths[i]);

                if (strncmp(path, paths[i], n) == 0 &&
                    (path[n] == '\0' || strcmp(path + n, "/") == 0))
                        return true;
        }
        return swb_starts_with(path, "/update/"); /* Chrome OS's own server takes keys there */
}

/* Exact paths and prefixes (ending in '/') that are read. */
static const struct {
        const char *path;
        enum MHD_Result (*finish)(struct swb_exchange *exchange);
        enum { PUBLIC, STATUS, METRICS } kind;
} routes[] = {
        {SWB_PAYLOAD_PATH, swb_finish_download, PUBLIC}, {"/healthz", swb_finish_health, PUBLIC},
        {"/metrics", swb_finish_metrics, METRICS},       {"/", swb_finish_web, STATUS},
        {SWB_WEB_PATH, swb_finish_web, STATUS},          {SWB_API_PATH, swb_finish_api, STATUS},
};

static bool route_matches(const char *route, const char *path)
{
        if (strcmp(route, path) == 0)
                return true;
        return strlen(route) > 1 && swb_ends_with(route, "/") && swb_starts_with(path, route);
}

static bool is_served(const struct swb_service_config *config, int kind)
{
        return kind == PUBLIC || config->show_status || (kind == METRICS && config->show_metrics);
}

static enum MHD_Result (*find_route(const struct swb_service *service,
                                    const char *path))(struct swb_exchange *exchange)
{
        if (is_update_path(path))
                return swb_finish_update;
        for (size_t i = 0; i < SWB_ELEMENTS(routes); i++)
                if (is_served(&service->config, routes[i].kind) &&
                    route_matches(routes[i].path, path))
                        return routes[i].finish;
        return finish_not_found;
}

static struct swb_exchange *begin(struct swb_service *service, struct MHD_Connection *connection,
                                  const char *path)
{
        const union MHD_ConnectionInfo *info =
                MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
        struct swb_exchange *exchange = calloc(1, sizeof(*exchange));

        if (!exchange)
                return NULL;
        exchange->service = service;
        exchange->connection = connection;
        exchange->place = info ? info->socket_context : NULL;
        exchange->finish = find_route(service, path);
        exchange->max_body_bytes = exchange->finish == swb_finish_api ? SWB_API_BODY_MAX_BYTES
                                                                      : SWB_OMAHA_REQUEST_MAX_BYTES;
        exchange->body = SWB_BUF_INIT(exchange->max_body_bytes);
        exchange->answer = SWB_BUF_INIT(SWB_OMAHA_RESPONSE_MAX_BYTES);
        return exchange;
}

static enum MHD_Result refuse_large(struct swb_exchange *exchange)
{
        if (exchange->finish == swb_finish_api)
                return swb_api_exchange_refuse(exchange, MHD_HTTP_CONTENT_TOO_LARGE,
                                               "a request may have 1048576 bytes");
        return swb_answer_text(exchange, MHD_HTTP_CONTENT_TOO_LARGE,
                               "a request may have %u bytes\n", SWB_OMAHA_REQUEST_MAX_BYTES);
}

/* Many clients read no answer before they have sent all: those of the API get to read theirs. */
static uint64_t early_limit(const struct swb_exchange *exchange)
{
        return exchange->max_body_bytes +
               (exchange->finish == swb_finish_api ? BODY_ABSOLUTE_MORE_BYTES : 0);
}

/* What can be refused before the body comes. */
static enum MHD_Result check_head(struct swb_exchange *exchange, const char *method)
{
        const char *length = swb_exchange_header(exchange, "Content-Length");
        bool is_post = strcmp(method, "POST") == 0;
        uint64_t n;

        exchange->is_head = strcmp(method, "HEAD") == 0;
        if (exchange->finish == swb_finish_api) /* has methods of its own */
                is_post = exchange->is_head = false;
        else if (is_post != (exchange->finish == swb_finish_update) ||
                 (!is_post && !exchange->is_head && strcmp(method, "GET") != 0))
                return swb_answer_text(exchange, MHD_HTTP_METHOD_NOT_ALLOWED,
                                       "this method is not for this path\n");
        if (length && (swb_parse_u64(length, &n) < 0 || n > early_limit(exchange)))
                return refuse_large(exchange);
        return MHD_YES;
}

static enum MHD_Result take_body(struct swb_exchange *exchange, const char *data, size_t *n_data)
{
        exchange->n_body_bytes += *n_data;
        if (exchange->n_body_bytes > exchange->max_body_bytes + BODY_ABSOLUTE_MORE_BYTES)
                return MHD_NO;
        if (exchange->finish == swb_finish_api && !swb_api_body_fits(exchange, *n_data))
                return MHD_NO;
        if (exchange->n_body_bytes <= exchange->max_body_bytes &&
            swb_buf_append(&exchange->body, data, *n_data) < 0)
                return MHD_NO;
        *n_data = 0;
        return MHD_YES;
}

enum MHD_Result swb_on_request(void *userdata, struct MHD_Connection *connection, const char *url,
                               const char *method, const char *version, const char *upload_data,
                               size_t *upload_data_size, void **context)
{
        struct swb_exchange *exchange = *context;

        (void)version;
        if (!exchange) {
                exchange = begin(userdata, connection, url);
                *context = exchange;
                return exchange ? check_head(exchange, method) : MHD_NO;
        }
        if (exchange->stage == SWB_STAGE_ANSWERED)
                return MHD_YES;
        if (exchange->stage == SWB_STAGE_WAITING)
                return exchange->resume(exchange);
        if (*upload_data_size > 0)
                return take_body(exchange, upload_data, upload_data_size);
        if (exchange->place)
                swb_connection_pause(exchange->service->connections, exchange->place,
                                     exchange->finish == swb_finish_download);
        if (exchange->n_body_bytes > exchange->max_body_bytes)
                return refuse_large(exchange);
        exchange->path = url;
        exchange->method = method;
        return exchange->finish(exchange);
}

void swb_on_completed(void *userdata, struct MHD_Connection *connection, void **context,
                      enum MHD_RequestTerminationCode code)
{
        struct swb_exchange *exchange = *context;

        (void)userdata;
        (void)connection;
        (void)code;
        if (!exchange)
                return;
        if (exchange->place)
                swb_connection_resume(exchange->service->connections, exchange->place);
        swb_api_exchange_free(exchange);
        swb_buf_done(&exchange->body);
        swb_buf_done(&exchange->answer);
        free(exchange);
        *context = NULL;
}

void swb_on_connection(void *userdata, struct MHD_Connection *connection, void **place,
                       enum MHD_ConnectionNotificationCode code)
{
        struct swb_service *service = userdata;
        const union MHD_ConnectionInfo *info;

        if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
                if (*place)
                        swb_connection_end(service->connections, *place);
                *place = NULL;
                return;
        }
        info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        *place = info ? swb_connection_begin(service->connections, info->connect_fd) : NULL;
}
