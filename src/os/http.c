/* SPDX-License-Identifier: Apache-2.0 */
#include "os/http.h"

#include <inttypes.h>
#include <sys/socket.h>
#include <time.h>

#include <curl/curl.h>

#include "base/text.h"

#define SECOND UINT64_C(1000000)
#define HEADERS_MAX_BYTES (256u << 10)
#define REDIRECTS_MAX 10L
#define RECEIVE_BUFFER_BYTES (1 << 20)

struct swb_http {
        CURL *curl;
        uint64_t connect_timeout_usec, stall_usec, answer_usec, max_rate_bytes;
        const char *ca_file;
        char curl_text[CURL_ERROR_SIZE];
};

/* One request in work: what the callbacks of libcurl share. */
struct transfer {
        struct swb_http *http;
        const char *url;
        swb_http_sink sink;
        void *context;
        uint64_t offset, total; /* GET only */
        uint64_t skip;          /* bytes still to throw away */
        uint64_t n_passed;      /* bytes given to the sink */
        bool is_get, has_body, sink_failed;
        bool any_status;                /* what a status means is the caller's to know */
        const struct swb_range *ranges; /* swb_http_get_ranges(), with what follows */
        size_t n_ranges;
        swb_part_sink part_sink;
        struct swb_multipart multipart;
        bool is_multipart, has_enough;
        uint64_t part_end; /* offset: of the next byte */
        size_t n_headers;  /* bytes, over all redirects */
        uint64_t started_usec;
        struct swb_error *err; /* never NULL; code < 0: a callback has failed */
};

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

static unsigned status_of(const struct transfer *transfer)
{
        long status = 0;

        (void)curl_easy_getinfo(transfer->http->curl, CURLINFO_RESPONSE_CODE, &status);
        return status > 0 ? (unsigned)status : 0;
}

static int protocol_error(struct transfer *transfer, const char *what)
{
        return swb_fail(transfer->err, -EPROTO, SWB_FAULT_PROTOCOL, "%s", what);
}

/* "bytes FIRST-LAST/TOTAL", exactly what was asked for. */
static int check_content_range(struct transfer *transfer)
{
        struct curl_header *header;
        char want[80];

        if (curl_easy_header(transfer->http->curl, "Content-Range", 0, CURLH_HEADER, -1, &header) !=
            CURLHE_OK)
                return protocol_error(transfer, "answers 206 without Content-Range");
        (void)snprintf(want, sizeof(want), "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64,
                       transfer->offset, transfer->total - 1, transfer->total);
        if (strcasecmp(header->value, want) != 0)
                return swb_fail(transfer->err, -EPROTO, SWB_FAULT_PROTOCOL,
                                "answers with Content-Range '%.60s', wanted '%s'", header->value,
                                want);
        return 0;
}

static int check_content_length(struct transfer *transfer, uint64_t want)
{
        curl_off_t length = -1;

        (void)curl_easy_getinfo(transfer->http->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
        if (length >= 0 && (uint64_t)length != want)
                return swb_fail(transfer->err, -EPROTO, SWB_FAULT_PROTOCOL,
                                "has %" PRIu64 " bytes there, wanted %" PRIu64, (uint64_t)length,
                                want);
        return 0;
}

static int plan_skip_failure(struct transfer *transfer, uint64_t n_bytes)
{
        return swb_fail(transfer->err, -EPROTO, SWB_FAULT_PROTOCOL,
                        "ignores Range, and %" PRIu64 " bytes are too many to load and throw away",
                        n_bytes);
}

/* The server ignored Range. */
static int plan_skip(struct transfer *transfer)
{
        if (transfer->offset > SWB_HTTP_SKIP_MAX)
                return plan_skip_failure(transfer, transfer->offset);
        transfer->skip = transfer->offset;
        return 0;
}

/* Answers of servers that could have meant: not so many at once. */
static bool is_too_much(const struct transfer *transfer, unsigned status)
{
        return transfer->n_ranges > 1 && (status == 200 || status == 400 || status == 413 ||
                                          status == 416 || status == 431 || status == 501);
}

static int begin_parts(struct transfer *transfer)
{
        CURL *curl = transfer->http->curl;
        struct curl_header *header;

        if (curl_easy_header(curl, "Content-Range", 0, CURLH_HEADER, -1, &header) == CURLHE_OK)
                return swb_content_range_parse(header->value, transfer->total, &transfer->offset,
                                               &transfer->part_end, transfer->err);
        if (curl_easy_header(curl, "Content-Type", 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
                return protocol_error(transfer, "answers 206 without Content-Range");
        transfer->is_multipart = true;
        return swb_multipart_init(&transfer->multipart, header->value, transfer->total,
                                  transfer->err);
}

/* Before the first byte of a body of ranges. */
static int begin_ranges(struct transfer *transfer, unsigned status)
{
        transfer->has_body = true;
        if (is_too_much(transfer, status))
                return swb_fail(transfer->err, -EOPNOTSUPP, SWB_FAULT_PROTOCOL,
                                "answers HTTP status %u to a request for several ranges", status);
        if (status < 200 || status > 299)
                return swb_fail(transfer->err, -EIO, SWB_FAULT_HTTP, "answers HTTP status %u",
                                status);
        if (status == 206)
                return begin_parts(transfer);
        if (status != 200)
                return swb_fail(transfer->err, -EPROTO, SWB_FAULT_PROTOCOL,
                                "answers HTTP status %u to a GET", status);
        transfer->offset = 0;
        transfer->part_end = transfer->total;
        if (transfer->ranges[0].start > SWB_HTTP_SKIP_MAX)
                return plan_skip_failure(transfer, transfer->ranges[0].start);
        return check_content_length(transfer, transfer->total);
}

/* Before the first byte of a body. */
static int begin_body(struct transfer *transfer)
{
        unsigned status = status_of(transfer);
        int r;

        if (transfer->ranges)
                return begin_ranges(transfer, status);
        transfer->has_body = true;
        if (!transfer->any_status && (status < 200 || status > 299))
                return swb_fail(transfer->err, -EIO, SWB_FAULT_HTTP, "answers HTTP status %u",
                                status);
        if (!transfer->is_get)
                return 0;
        if (status == 206 && transfer->offset > 0) {
                r = check_content_range(transfer);
                return r < 0 ? r
                             : check_content_length(transfer, transfer->total - transfer->offset);
        }
        if (status != 200)
                return swb_fail(transfer->err, -EPROTO, SWB_FAULT_PROTOCOL,
                                "answers HTTP status %u to a GET", status);
        r = check_content_length(transfer, transfer->total);
        return r < 0 ? r : plan_skip(transfer);
}

static int pass_on(struct transfer *transfer, const char *data, size_t n)
{
        size_t skip = (size_t)SWB_MIN(transfer->skip, (uint64_t)n);
        int r;

        transfer->skip -= skip;
        data += skip;
        n -= skip;
        if (n == 0)
                return 0;
        if (transfer->is_get && n > transfer->total - transfer->offset - transfer->n_passed)
                return swb_fail(transfer->err, -EPROTO, SWB_FAULT_PROTOCOL,
                                "sends more than the %" PRIu64 " bytes that the file must have",
                                transfer->total);
        transfer->n_passed += n;
        r = transfer->sink(transfer->context, data, n, transfer->err);
        transfer->sink_failed = r < 0;
        return r;
}

static int on_part(void *context, uint64_t offset, const void *data, size_t n,
                   struct swb_error *err)
{
        struct transfer *transfer = context;
        int r = transfer->part_sink(transfer->context, offset, data, n, err);

        transfer->sink_failed = r < 0;
        transfer->has_enough |= r > 0;
        return r < 0 ? r : 0;
}

static int pass_on_parts(struct transfer *transfer, const char *data, size_t n)
{
        int r;

        if (transfer->is_multipart)
                return swb_multipart_feed(&transfer->multipart, data, n, on_part, transfer,
                                          transfer->err);
        if (n > transfer->part_end - transfer->offset)
                return protocol_error(transfer, "sends more than its Content-Range says");
        r = on_part(transfer, transfer->offset, data, n, transfer->err);
        transfer->offset += n;
        return r;
}

/* libcurl's write callback: anything but `n` ends the transfer. */
static size_t on_body(char *data, size_t size, size_t n, void *context)
{
        struct transfer *transfer = context;
        int r = 0;

        (void)size; /* always 1 */
        if (!transfer->has_body)
                r = begin_body(transfer);
        if (r >= 0)
                r = transfer->ranges ? pass_on_parts(transfer, data, n)
                                     : pass_on(transfer, data, n);
        return r < 0 || transfer->has_enough ? CURL_WRITEFUNC_ERROR : n;
}

static size_t on_header(char *data, size_t size, size_t n, void *context)
{
        struct transfer *transfer = context;

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
        struct transfer *transfer = context;

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
static int set_options(struct transfer *transfer, struct curl_slist *headers)
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
        SET(CURLOPT_WRITEFUNCTION, on_body);
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

static int perform(struct transfer *transfer, struct swb_http_status *status)
{
        struct swb_http *http = transfer->http;
        enum swb_fault fault;
        CURLcode code;

        transfer->started_usec = now_usec();
        code = curl_easy_perform(http->curl);
        status->status = status_of(transfer);
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
                return begin_body(transfer);
        return 0;
}

/* The transfer's own error becomes the caller's, with the URL in front, except what the sink said.
 */
static int finish(const struct transfer *transfer, int r, struct swb_error *err)
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
        struct transfer transfer = {
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
        struct transfer transfer = {.http = http,
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
        struct transfer transfer = {
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

static int check_end(struct transfer *transfer)
{
        uint64_t want = transfer->total - transfer->offset;

        if (transfer->n_passed < want)
                return swb_fail(transfer->err, -ECONNABORTED, SWB_FAULT_NETWORK,
                                "ends after %" PRIu64 " of %" PRIu64 " bytes", transfer->n_passed,
                                want);
        return 0;
}

int swb_http_get(struct swb_http *http, const char *url, uint64_t offset, uint64_t total,
                 swb_http_sink sink, void *context, struct swb_http_status *ret_status,
                 struct swb_error *err)
{
        struct swb_error own = SWB_ERROR_INIT;
        struct transfer transfer = {.http = http,
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
        r = set_options(&transfer, NULL);
        if (r >= 0 && offset > 0 && curl_easy_setopt(http->curl, CURLOPT_RANGE, range) != CURLE_OK)
                r = swb_oom(&own);
        if (r >= 0)
                r = perform(&transfer, ret_status);
        if (r >= 0)
                r = check_end(&transfer);
        return finish(&transfer, r, err);
}

int swb_http_get_ranges(struct swb_http *http, const char *url, const struct swb_range *ranges,
                        size_t n, uint64_t total, swb_part_sink sink, void *context,
                        struct swb_http_status *ret_status, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf text = SWB_BUF_INIT(SWB_RANGES_TEXT_MAX);
        struct swb_error own = SWB_ERROR_INIT;
        struct transfer transfer = {.http = http,
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
                r = set_options(&transfer, NULL);
        if (r >= 0 &&
            curl_easy_setopt(http->curl, CURLOPT_RANGE, (const char *)text.data) != CURLE_OK)
                r = swb_oom(&own);
        if (r >= 0)
                r = perform(&transfer, ret_status);
        return finish(&transfer, r, err);
}
