/* SPDX-License-Identifier: Apache-2.0 */
/* The API by HTTP: a request is copied, answered by a worker, and its answer sent. */
#include <arpa/inet.h>

#include "base/text.h"
#include "server/api/api.h"
#include "server/catalog/pool.h"
#include "server/http/internal.h"

/* Bodies of all requests of the API together: whoever sends them may be a stranger. */
#define BODIES_MAX_BYTES (64u << 20)

struct swb_api_exchange {
        struct swb_work work;
        struct swb_exchange *exchange;
        struct swb_pool *pool; /* of the request's texts */
        struct swb_api_request request;
        struct swb_api_answer answer;
};

void swb_api_exchange_free(struct swb_exchange *exchange)
{
        struct swb_api_exchange *api = exchange->api;

        (void)__atomic_sub_fetch(&exchange->service->api_body_bytes, exchange->n_api_bytes,
                                 __ATOMIC_RELAXED);
        if (!api)
                return;
        swb_api_answer_done(&api->answer);
        (void)swb_pool_free(api->pool);
        free(api);
}

bool swb_api_body_fits(struct swb_exchange *exchange, size_t n_bytes)
{
        exchange->n_api_bytes += n_bytes;
        return __atomic_add_fetch(&exchange->service->api_body_bytes, n_bytes, __ATOMIC_RELAXED) <=
               BODIES_MAX_BYTES;
}

/* --- the request --- */

static bool copy(struct swb_api_exchange *api, const char *text, const char **ret)
{
        *ret = text ? swb_pool_text(api->pool, text) : NULL;
        return !text || *ret;
}

static bool copy_header(struct swb_api_exchange *api, const char *name, const char **ret)
{
        return copy(api, swb_exchange_header(api->exchange, name), ret);
}

/* MHD_NO ends the walk: too many, or no memory. */
static enum MHD_Result add_field(void *userdata, enum MHD_ValueKind kind, const char *name,
                                 const char *value)
{
        struct swb_api_exchange *api = userdata;
        struct swb_api_request *request = &api->request;
        struct swb_api_field *field;

        (void)kind;
        if (request->n_query == SWB_API_QUERY_MAX)
                return MHD_NO;
        field = &request->query[request->n_query++];
        return copy(api, name, &field->name) && copy(api, value ? value : "", &field->value)
                       ? MHD_YES
                       : MHD_NO;
}

static bool copy_query(struct swb_api_exchange *api)
{
        struct MHD_Connection *connection = api->exchange->connection;
        int n = MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, NULL, NULL);

        (void)MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, add_field, api);
        return n == (int)api->request.n_query;
}

static bool is_trusted(const struct swb_api_config *config, const char *address)
{
        for (size_t i = 0; i < config->n_trusted_proxies; i++)
                if (strcmp(config->trusted_proxies[i], address) == 0)
                        return true;
        return false;
}

static void peer_of(const struct swb_exchange *exchange, char *text)
{
        const union MHD_ConnectionInfo *info =
                MHD_get_connection_info(exchange->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
        const struct sockaddr *peer = info ? info->client_addr : NULL;
        const void *bytes = NULL;

        text[0] = '\0';
        if (peer && peer->sa_family == AF_INET)
                bytes = &((const struct sockaddr_in *)(const void *)peer)->sin_addr;
        else if (peer && peer->sa_family == AF_INET6)
                bytes = &((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr;
        if (bytes && !inet_ntop(peer->sa_family, bytes, text, SWB_ADDRESS_TEXT))
                text[0] = '\0';
}

/* The last address of X-Forwarded-For is the one that the proxy itself has seen. */
static const char *last_forwarded(const char *list)
{
        const char *comma = list ? strrchr(list, ',') : NULL;

        if (comma)
                list = comma + 1;
        while (list && *list == ' ')
                list++;
        return list;
}

bool swb_exchange_address(const struct swb_exchange *exchange, char *text)
{
        const char *forwarded;
        bool trusted;

        peer_of(exchange, text);
        trusted = is_trusted(&exchange->service->config.api, text);
        forwarded =
                trusted ? last_forwarded(swb_exchange_header(exchange, "X-Forwarded-For")) : NULL;
        if (forwarded && *forwarded)
                swb_copy_bounded(text, forwarded, SWB_ADDRESS_TEXT - 1);
        return trusted;
}

static bool copy_address(struct swb_api_exchange *api)
{
        const char *header = api->exchange->service->config.api.identity_header;
        char text[SWB_ADDRESS_TEXT];
        bool trusted = swb_exchange_address(api->exchange, text);

        if (trusted && header && !copy_header(api, header, &api->request.identity))
                return false;
        return copy(api, text, &api->request.address);
}

static bool copy_request(struct swb_api_exchange *api, const char *method)
{
        struct swb_exchange *exchange = api->exchange;
        struct swb_api_request *request = &api->request;

        request->body = exchange->body.data;
        request->n_body = exchange->body.n_bytes;
        return copy(api, method, &request->method) &&
               copy(api, exchange->path + strlen(SWB_API_PATH), &request->path) &&
               copy(api,
                    MHD_lookup_connection_value(exchange->connection, MHD_COOKIE_KIND,
                                                SWB_SESSION_COOKIE),
                    &request->session) &&
               copy_header(api, "Authorization", &request->authorization) &&
               copy_header(api, "X-CSRF-Token", &request->csrf) &&
               copy_header(api, "Origin", &request->origin) &&
               copy_header(api, "Host", &request->host) &&
               copy_header(api, "Content-Type", &request->content_type) &&
               copy_header(api, "If-Match", &request->if_match) &&
               copy_header(api, "Idempotency-Key", &request->idempotency_key) && copy_address(api);
}

/* --- the answer --- */

static bool add_headers(struct MHD_Response *response, const struct swb_api_answer *answer)
{
        char retry_after[16] = "";
        const struct {
                const char *name, *value;
        } headers[] = {
                {"Content-Type", answer->body.n_bytes ? answer->content_type : ""},
                {"Cache-Control", "no-store"},
                {"X-Content-Type-Options", "nosniff"},
                {"ETag", answer->etag},
                {"X-Next-Cursor", answer->next},
                {"Location", answer->location},
                {"Set-Cookie", answer->cookie},
                {"Allow", answer->allow},
                {"Retry-After", retry_after},
                {"WWW-Authenticate", answer->status == 401 ? "Bearer" : ""},
        };

        if (answer->retry_after)
                (void)snprintf(retry_after, sizeof(retry_after), "%u", answer->retry_after);
        for (size_t i = 0; i < SWB_ELEMENTS(headers); i++)
                if (*headers[i].value &&
                    MHD_add_response_header(response, headers[i].name, headers[i].value) == MHD_NO)
                        return false;
        return true;
}

static enum MHD_Result send_answer(struct swb_exchange *exchange, struct swb_api_answer *answer)
{
        struct MHD_Response *response;
        unsigned status = answer->status;

        response = MHD_create_response_from_buffer(answer->body.n_bytes, answer->body.data,
                                                   MHD_RESPMEM_MUST_COPY);
        if (response && !add_headers(response, answer)) {
                MHD_destroy_response(response);
                response = NULL;
        }
        return swb_answer_response(exchange, status, response);
}

enum MHD_Result swb_api_exchange_refuse(struct swb_exchange *exchange, unsigned status,
                                        const char *detail)
{
        struct swb_api_answer answer;
        enum MHD_Result result;

        swb_api_refuse(&answer, status, detail);
        result = send_answer(exchange, &answer);
        swb_api_answer_done(&answer);
        return result;
}

/* Whoever may listen to the stream gets no answer, but the stream. */
static enum MHD_Result finish(struct swb_exchange *exchange)
{
        const struct swb_api_exchange *api = exchange->api;

        if (strcmp(api->request.path, SWB_API_STREAM) == 0 && api->answer.status == 204) {
                if (strcmp(api->request.method, "GET") == 0)
                        return swb_board_listen(exchange->service->board, exchange);
                return swb_api_exchange_refuse(exchange, 405, "a stream has no end to measure");
        }
        return send_answer(exchange, &exchange->api->answer);
}

/* A worker's thread calls this. */
static void run(struct swb_work *work, struct swb_db *db)
{
        struct swb_api_exchange *api = (struct swb_api_exchange *)(void *)work;
        struct swb_exchange *exchange = api->exchange;

        if (db)
                swb_api_run(&exchange->service->api, db, &api->request, &api->answer);
        else
                swb_api_refuse(&api->answer, 503, "the server is stopping");
        MHD_resume_connection(exchange->connection);
}

enum MHD_Result swb_finish_api(struct swb_exchange *exchange)
{
        struct swb_api_exchange *api = calloc(1, sizeof(*api));

        exchange->api = api;
        if (!api)
                return MHD_NO;
        api->work.run = run;
        api->exchange = exchange;
        api->pool = swb_pool_new();
        if (!api->pool)
                return MHD_NO;
        if (!copy_query(api) || !copy_request(api, exchange->method))
                return swb_api_exchange_refuse(exchange, 400, "the query has too many parts");
        exchange->stage = SWB_STAGE_WAITING;
        exchange->resume = finish;
        MHD_suspend_connection(exchange->connection);
        if (swb_workers_put(exchange->service->workers, &api->work) < 0) {
                swb_api_refuse(&api->answer, 503, "too many requests wait already");
                MHD_resume_connection(exchange->connection);
        }
        return MHD_YES;
}
