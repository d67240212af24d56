/* SPDX-License-Identifier: Apache-2.0 */
#include "os/http.h"

#include <inttypes.h>
#include <sys/socket.h>
#include <time.h>

#include "base/text.h"
#include "os/http_transfer.h"

#define SECOND UINT64_C(1000000)
#define HEADERS_MAX_BYTES (256u << 10)
#define REDIRECTS_MAX 10L
#define RECEIVE_BUFFER_BYTES (1 << 20)

static uint64_t now_usec(void)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_BOOTTIME, &now);
        return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec / 1000;
}

int swb_http_new(const struct swb_http_config *config, struct swb_http **ret, struct swb_error *err)
{
        struct swb_http *http = calloc(1, sizeof(*http));

        if (!http)
                return swb_oom(err);
        http->curl = curl_easy_init();
        if (!http->curl) {
                free(http);
                return swb_oom(err);
        }
        http->connect_timeout_usec = config->connect_timeout_usec ?: 30 * SECOND;
        http->stall_usec = config->stall_usec ?: 30 * SECOND;
        http->answer_usec = config->answer_usec ?: 120 * SECOND;
        http->max_rate_bytes = config->max_rate_bytes;
        http->ca_file = config->ca_file && *config->ca_file ? config->ca_file : NULL;
        *ret = http;
        return 0;
}

struct swb_http *swb_http_free(struct swb_http *http)
{
        if (!http)
                return NULL;
        curl_easy_cleanup(http->curl);
        free(http);
        return NULL;
}

static void free_list(struct curl_slist **list)
{
        curl_slist_free_all(*list);
}

/* A URL for messages: a query may hold a token. */
static int shown_length(const char *url)
{
        return (int)SWB_MIN(strcspn(url, "?#"), 200u);
}

static size_t on_header(char *data, size_t size, size_t n, void *context)
{
        struct swb_transfer *transfer = context;

        (void)data;
        (void)size;
        transfer->n_headers += n;
        if (transfer->n_headers <= HEADERS_MAX_BYTES)
                return n;
        (void)swb_fail(transfer->err, -E2BIG, SWB_FAULT_LIMIT,
                       "sends more than %u bytes of headers", HEADERS_MAX_BYTES);
        return 0;
}

/* Called at least once a second: a server that dribbles its headers does not hold us. */
static int on_progress(void *context, curl_off_t dl_total, curl_off_t dl_now, curl_off_t ul_total,
                       curl_off_t ul_now)
{
        struct swb_transfer *transfer = context;

        (void)dl_total;
        (void)dl_now;
        (void)ul_total;
        (void)ul_now;
        if ((transfer->is_get && transfer->has_body) ||
            now_usec() - transfer->started_usec < transfer->http->answer_usec)
                return 0;
        (void)swb_fail(transfer->err, -ETIMEDOUT, SWB_FAULT_TIMEOUT,
                       "gave no %s within %" PRIu64 " s", transfer->is_get ? "data" : "answer",
                       transfer->http->answer_usec / SECOND);
        return 1;
}

static enum swb_fault fault_of(CURLcode code)
{
        switch ((int)code) { /* the enum has a hundred values and grows */
        case CURLE_OPERATION_TIMEDOUT:
                return SWB_FAULT_TIMEOUT;
        case CURLE_URL_MALFORMAT:
        case CURLE_UNSUPPORTED_PROTOCOL:
        case CURLE_TOO_MANY_REDIRECTS:
        case CURLE_WEIRD_SERVER_REPLY:
        case CURLE_BAD_CONTENT_ENCODING:
                return SWB_FAULT_PROTOCOL;
        case CURLE_SSL_CACERT_BADFILE:
                return SWB_FAULT_CONFIG;
        case CURLE_OUT_OF_MEMORY:
                return SWB_FAULT_NO_MEMORY;
        case CURLE_BAD_FUNCTION_ARGUMENT:
        case CURLE_UNKNOWN_OPTION:
        case CURLE_NOT_BUILT_IN:
                return SWB_FAULT_INTERNAL;
        default:
                return SWB_FAULT_NETWORK;
        }
}

static int errno_of(enum swb_fault fault)
{
        if (fault == SWB_FAULT_TIMEOUT)
                return -ETIMEDOUT;
        if (fault == SWB_FAULT_PROTOCOL)
                return -EPROTO;
        if (fault == SWB_FAULT_NO_MEMORY)
                return -ENOMEM;
        return fault == SWB_FAULT_NETWORK ? -ECONNABORTED : -EINVAL;
}

static uint64_t retry_after(CURL *curl)
{
        struct curl_header *header;
        curl_off_t seconds = 0;
        uint64_t longest, other;

        (void)curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &seconds); /* number or date */
        longest = seconds > 0 ? (uint64_t)seconds : 0;
        if (curl_easy_header(curl, "X-Retry-After", 0, CURLH_HEADER, -1, &header) == CURLHE_OK &&
            swb_parse_u64(header->value, &other) >= 0)
                longest = SWB_MAX(longest, other);
        return SWB_MIN(longest, (uint64_t)SWB_HTTP_RETRY_AFTER_MAX);
}

/*
 * What the kernel has taken in and nobody has read is lost with the plug, and it runs ahead of any
 * limit of the rate: by default it may be 6 MiB. This is enough for 80 Mbit/s at 100 ms.
 */
static int on_socket(void *userdata, curl_socket_t fd, curlsocktype purpose)
{
        int bytes = RECEIVE_BUFFER_BYTES;

        (void)userdata;
        (void)purpose;
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)); /* it works without */
        return CURL_SOCKOPT_OK;
}

static long to_msec(uint64_t usec)
{
        return (long)SWB_MIN(usec / 1000 + 1, 24u * 3600 * 1000ull);
}

/* Everything is set anew for each request; connections and DNS answers stay. */
static int set_options(struct swb_transfer *transfer, struct curl_slist *headers)
{
        struct swb_http *http = transfer->http;
        CURL *curl = http->curl;
        bool secure = strncasecmp(transfer->url, "https:", 6) == 0;
        CURLcode code = CURLE_OK;

        curl_easy_reset(curl);
        http->curl_text[0] = '\0';
#define SET(option, value) (code = code ?: curl_easy_setopt(curl, option, value))
        SET(CURLOPT_URL, transfer->url);
        SET(CURLOPT_PROTOCOLS_STR, "http,https");
        SET(CURLOPT_REDIR_PROTOCOLS_STR, secure ? "https" : "http,https");
        SET(CURLOPT_FOLLOWLOCATION, 1L);
        SET(CURLOPT_MAXREDIRS, REDIRECTS_MAX);
        SET(CURLOPT_POSTREDIR, (long)CURL_REDIR_POST_ALL);
        SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
        if (http->ca_file)
                SET(CURLOPT_CAINFO, http->ca_file);
        SET(CURLOPT_CONNECTTIMEOUT_MS, to_msec(http->connect_timeout_usec));
        SET(CURLOPT_LOW_SPEED_LIMIT, 1L);
        SET(CURLOPT_LOW_SPEED_TIME, (long)SWB_MAX(http->stall_usec / SECOND, 1ull));
        SET(CURLOPT_MAX_RECV_SPEED_LARGE, (curl_off_t)http->max_rate_bytes);
        SET(CURLOPT_NOSIGNAL, 1L);
        SET(CURLOPT_SOCKOPTFUNCTION, on_socket);
        SET(CURLOPT_USERAGENT, "switchback/" SWB_VERSION);
        SET(CURLOPT_HTTPHEADER, headers);
        SET(CURLOPT_ERRORBUFFER, http->curl_text);
        SET(CURLOPT_HEADERFUNCTION, on_header);
        SET(CURLOPT_HEADERDATA, transfer);
        SET(CURLOPT_WRITEFUNCTION, swb_transfer_on_body);
        SET(CURLOPT_WRITEDATA, transfer);
        SET(CURLOPT_XFERINFOFUNCTION, on_progress);
        SET(CURLOPT_XFERINFODATA, transfer);
        SET(CURLOPT_NOPROGRESS, 0L);
#undef SET
        if (code != CURLE_OK)
                return swb_fail(transfer->err, -EINVAL, SWB_FAULT_INTERNAL, "libcurl: %s",
                                curl_easy_strerror(code));
        return 0;
}

static int perform(struct swb_transfer *transfer, struct swb_http_status *status)
{
        struct swb_http *http = transfer->http;
        enum swb_fault fault;
        CURLcode code;

        transfer->started_usec = now_usec();
        code = curl_easy_perform(http->curl);
        status->status = swb_transfer_status(transfer);
        status->retry_after_sec = retry_after(http->curl);
        if (transfer->err->code < 0) /* a callback said why */
                return transfer->err->code;
        if (transfer->has_enough)
                return 0;
        if (code != CURLE_OK) {
                fault = fault_of(code);
                return swb_fail(transfer->err, errno_of(fault), fault, "%s",
                                *http->curl_text ? http->curl_text : curl_easy_strerror(code));
        }
        if (!transfer->has_body) /* an empty one: the checks of its start are still to be made */
                return swb_transfer_begin_body(transfer);
        return 0;
}

/* The transfer's own error becomes the caller's, with the URL in front, except what the sink said.
 */
static int finish(const struct swb_transfer *transfer, int r, struct swb_error *err)
{
        if (r >= 0)
                return 0;
        if (err)
                *err = *transfer->err;
        if (transfer->sink_failed)
                return r;
        return swb_wrap(err, r, "%.*s", shown_length(transfer->url), transfer->url);
}

static int make_list(const char *const *headers, struct curl_slist **ret, struct swb_error *err)
{
        for (; headers && *headers; headers++) {
                struct curl_slist *longer = curl_slist_append(*ret, *headers);

                if (!longer)
                        return swb_oom(err);
                *ret = longer;
        }
        return 0;
}

static int append_answer(void *context, const void *data, size_t n, struct swb_error *err)
{
        struct swb_buf *buf = context;
        int r = swb_buf_append(buf, data, n);

        if (r == -E2BIG)
                return swb_fail(err, r, SWB_FAULT_LIMIT,
                                "the server's answer is larger than %zu bytes", buf->max_bytes);
        return r < 0 ? swb_oom(err) : 0;
}

int swb_http_post(struct swb_http *http, const char *url, const char *const *headers,
                  const void *body, size_t n_bytes, struct swb_buf *answer,
                  struct swb_http_status *ret_status, struct swb_error *err)
{
        _cleanup_(free_list) struct curl_slist *list = NULL;
        struct swb_error own = SWB_ERROR_INIT;
        struct swb_transfer transfer = {
                .http = http, .url = url, .sink = append_answer, .context = answer, .err = &own};
        int r;

        *ret_status = (struct swb_http_status){0};
        r = make_list(headers, &list, &own);
        if (r >= 0)
                r = set_options(&transfer, list);
        if (r >= 0 && (curl_easy_setopt(http->curl, CURLOPT_POSTFIELDS, body) != CURLE_OK ||
                       curl_easy_setopt(http->curl, CURLOPT_POSTFIELDSIZE_LARGE,
                                        (curl_off_t)n_bytes) != CURLE_OK))
                r = swb_oom(&own);
        if (r >= 0)
                r = perform(&transfer, ret_status);
        return finish(&transfer, r, err);
}

/* POSTFIELDS makes a POST of it, CUSTOMREQUEST names it. */
static int set_method(struct swb_http *http, const char *method, const void *body, size_t n_bytes,
                      struct swb_error *err)
{
        CURLcode code = CURLE_OK;

        if (body) {
                code = curl_easy_setopt(http->curl, CURLOPT_POSTFIELDS, body);
                code = code
                               ?: curl_easy_setopt(http->curl, CURLOPT_POSTFIELDSIZE_LARGE,
                                                   (curl_off_t)n_bytes);
        }
        code = code ?: curl_easy_setopt(http->curl, CURLOPT_CUSTOMREQUEST, method);
        code = code ?: curl_easy_setopt(http->curl, CURLOPT_FOLLOWLOCATION, 0L);
        return code == CURLE_OK ? 0 : swb_oom(err);
}

int swb_http_request(struct swb_http *http, const char *method, const char *url,
                     const char *const *headers, const void *body, size_t n_bytes,
                     struct swb_buf *answer, struct swb_http_status *ret_status,
                     struct swb_error *err)
{
        _cleanup_(free_list) struct curl_slist *list = NULL;
        struct swb_error own = SWB_ERROR_INIT;
        struct swb_transfer transfer = {.http = http,
                                        .url = url,
                                        .sink = append_answer,
                                        .context = answer,
                                        .any_status = true,
                                        .err = &own};
        int r;

        *ret_status = (struct swb_http_status){0};
        r = make_list(headers, &list, &own);
        if (r >= 0)
                r = set_options(&transfer, list);
        if (r >= 0)
                r = set_method(http, method, body, n_bytes, &own);
        if (r >= 0)
                r = perform(&transfer, ret_status);
        return finish(&transfer, r, err);
}

int swb_http_get_text(struct swb_http *http, const char *url, struct swb_buf *answer,
                      struct swb_http_status *ret_status, struct swb_error *err)
{
        struct swb_error own = SWB_ERROR_INIT;
        struct swb_transfer transfer = {
                .http = http, .url = url, .sink = append_answer, .context = answer, .err = &own};
        int r;

        *ret_status = (struct swb_http_status){0};
        r = set_options(&transfer, NULL);
        if (r >= 0)
                r = perform(&transfer, ret_status);
        return finish(&transfer, r, err);
}

const char *swb_http_answer_header(struct swb_http *http, const char *name)
{
        struct curl_header *header;

        return curl_easy_header(http->curl, name, 0, CURLH_HEADER, -1, &header) == CURLHE_OK
                       ? header->value
                       : NULL;
}

static int get_range(struct swb_transfer *transfer, const char *range,
                     struct swb_http_status *ret_status)
{
        int r = set_options(transfer, NULL);

        if (r >= 0 && range &&
            curl_easy_setopt(transfer->http->curl, CURLOPT_RANGE, range) != CURLE_OK)
                r = swb_oom(transfer->err);
        return r < 0 ? r : perform(transfer, ret_status);
}

int swb_http_get(struct swb_http *http, const char *url, uint64_t offset, uint64_t total,
                 swb_http_sink sink, void *context, struct swb_http_status *ret_status,
                 struct swb_error *err)
{
        struct swb_error own = SWB_ERROR_INIT;
        struct swb_transfer transfer = {.http = http,
                                        .url = url,
                                        .sink = sink,
                                        .context = context,
                                        .offset = offset,
                                        .total = total,
                                        .is_get = true,
                                        .err = &own};
        char range[32];
        int r;

        swb_assert(offset < total);
        *ret_status = (struct swb_http_status){0};
        (void)snprintf(range, sizeof(range), "%" PRIu64 "-", offset);
        r = get_range(&transfer, offset > 0 ? range : NULL, ret_status);
        if (r >= 0)
                r = swb_transfer_check_end(&transfer);
        return finish(&transfer, r, err);
}

int swb_http_get_ranges(struct swb_http *http, const char *url, const struct swb_range *ranges,
                        size_t n, uint64_t total, swb_part_sink sink, void *context,
                        struct swb_http_status *ret_status, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf text = SWB_BUF_INIT(SWB_RANGES_TEXT_MAX);
        struct swb_error own = SWB_ERROR_INIT;
        struct swb_transfer transfer = {.http = http,
                                        .url = url,
                                        .ranges = ranges,
                                        .n_ranges = n,
                                        .part_sink = sink,
                                        .context = context,
                                        .total = total,
                                        .is_get = true,
                                        .err = &own};
        int r;

        swb_assert(n > 0 && n <= SWB_RANGES_MAX);
        *ret_status = (struct swb_http_status){0};
        r = swb_ranges_put(&text, ranges, n) < 0 ? swb_oom(&own) : 0;
        if (r >= 0)
                r = get_range(&transfer, (const char *)text.data, ret_status);
        return finish(&transfer, r, err);
}
