/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "os/http.h"

#define OK "HTTP/1.1 200 OK\r\nConnection: close\r\n"
#define PARTIAL "HTTP/1.1 206 Partial Content\r\nConnection: close\r\n"

/* A server that says one thing to each of its connections, whatever it was asked. */
struct server {
        pid_t pid;
        char url[64];
};

/* Until the empty line; requests here have bodies that come with their headers. */
static void read_request(int fd)
{
        char request[8192];
        size_t n = 0;

        while (n + 1 < sizeof(request)) {
                ssize_t got = read(fd, request + n, sizeof(request) - 1 - n);

                if (got <= 0)
                        return;
                n += (size_t)got;
                request[n] = '\0';
                if (strstr(request, "\r\n\r\n"))
                        return;
        }
}

static void serve(int listener, const char *const *answers, unsigned pause_seconds)
{
        for (; *answers; answers++) {
                int fd = accept(listener, NULL, NULL);

                read_request(fd);
                if (write(fd, *answers, strlen(*answers)) < 0)
                        _exit(1);
                (void)sleep(pause_seconds);
                (void)close(fd);
        }
        _exit(0);
}

static struct server start(const char *const *answers, unsigned pause_seconds)
{
        struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t n = sizeof(address);
        int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct server server;

        assert_true(listener >= 0);
        assert_int_equal(bind(listener, (struct sockaddr *)&address, n), 0);
        assert_int_equal(listen(listener, 8), 0);
        assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &n), 0);
        (void)snprintf(server.url, sizeof(server.url), "http://127.0.0.1:%u/file?token=x",
                       ntohs(address.sin_port));
        server.pid = fork();
        assert_true(server.pid >= 0);
        if (server.pid == 0)
                serve(listener, answers, pause_seconds);
        (void)close(listener);
        return server;
}

static void stop(const struct server *server)
{
        (void)kill(server->pid, SIGKILL);
        (void)waitpid(server->pid, NULL, 0);
}

static int append(void *context, const void *data, size_t n, struct swb_error *err)
{
        int r = swb_buf_append(context, data, n);

        return r < 0 ? swb_oom(err) : 0;
}

static int refuse(void *context, const void *data, size_t n, struct swb_error *err)
{
        (void)context;
        (void)data;
        (void)n;
        return swb_fail(err, -EPIPE, SWB_FAULT_IO, "the reader went away");
}

/* The answer is given once, to a GET of bytes `offset` to 9. */
static int get(const char *answer, uint64_t offset, struct swb_buf *body,
               struct swb_http_status *status, struct swb_error *err)
{
        _cleanup_(swb_http_freep) struct swb_http *http = NULL;
        const char *answers[] = {answer, NULL};
        struct server server = start(answers, 0);
        int r;

        *err = SWB_ERROR_INIT;
        swb_buf_reset(body);
        assert_ok(swb_http_new(&(struct swb_http_config){0}, &http, err), err);
        r = swb_http_get(http, server.url, offset, 10, append, body, status, err);
        stop(&server);
        return r;
}

static void takes_whole_files_and_ends_of_files(void **state)
{
        static const struct {
                const char *answer;
                uint64_t offset;
                const char *want;
        } cases[] = {
                {OK "Content-Length: 10\r\n\r\n0123456789", 0, "0123456789"},
                {OK "\r\n0123456789", 0, "0123456789"},
                {OK "Transfer-Encoding: chunked\r\n\r\n4\r\n0123\r\n6\r\n456789\r\n0\r\n\r\n", 0,
                 "0123456789"},
                {PARTIAL "Content-Range: bytes 7-9/10\r\nContent-Length: 3\r\n\r\n789", 7, "789"},
                {PARTIAL "content-range: Bytes 9-9/10\r\n\r\n9", 9, "9"},
                {OK "Content-Length: 10\r\n\r\n0123456789", 7, "789"}, /* ignores Range */
        };
        _cleanup_(swb_buf_done) struct swb_buf body = SWB_BUF_INIT(4096);
        struct swb_http_status status;
        struct swb_error err;

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(cases); i++) {
                assert_ok(get(cases[i].answer, cases[i].offset, &body, &status, &err), &err);
                assert_int_equal(body.n_bytes, strlen(cases[i].want));
                assert_memory_equal(body.data, cases[i].want, body.n_bytes);
                assert_int_equal(status.status,
                                 cases[i].answer[9] == '2' && cases[i].answer[11] == '6' ? 206
                                                                                         : 200);
        }
}

static void refuses_wrong_answers(void **state)
{
        static const struct {
                const char *answer;
                uint64_t offset;
                enum swb_fault want;
                const char *passed; /* what came through before */
        } cases[] = {
                /* another range, another size, none at all */
                {PARTIAL "Content-Range: bytes 6-9/10\r\n\r\n6789", 7, SWB_FAULT_PROTOCOL, ""},
                {PARTIAL "Content-Range: bytes 7-9/11\r\n\r\n789", 7, SWB_FAULT_PROTOCOL, ""},
                {PARTIAL "Content-Range: bytes 7-8/10\r\n\r\n78", 7, SWB_FAULT_PROTOCOL, ""},
                {PARTIAL "Content-Range: bytes 7-9/*\r\n\r\n789", 7, SWB_FAULT_PROTOCOL, ""},
                {PARTIAL "\r\n789", 7, SWB_FAULT_PROTOCOL, ""},
                {PARTIAL "Content-Range: bytes 7-9/10\r\nContent-Length: 4\r\n\r\n7890", 7,
                 SWB_FAULT_PROTOCOL, ""},
                {PARTIAL "Content-Range: bytes 0-9/10\r\n\r\n0123456789", 0, SWB_FAULT_PROTOCOL,
                 ""},
                /* another file */
                {OK "Content-Length: 11\r\n\r\n01234567890", 0, SWB_FAULT_PROTOCOL, ""},
                {OK "Content-Length: 3\r\n\r\n789", 7, SWB_FAULT_PROTOCOL, ""},
                {OK "Content-Length: 0\r\n\r\n", 0, SWB_FAULT_PROTOCOL, ""},
                {OK "\r\n0123456789A", 0, SWB_FAULT_PROTOCOL, ""},
                {"HTTP/1.1 204 No Content\r\n\r\n", 0, SWB_FAULT_PROTOCOL, ""},
                /* cut */
                {OK "Content-Length: 10\r\n\r\n0123", 0, SWB_FAULT_NETWORK, "0123"},
                {OK "\r\n0123", 0, SWB_FAULT_NETWORK, "0123"},
                {OK "\r\n", 0, SWB_FAULT_NETWORK, ""},
                {"", 0, SWB_FAULT_NETWORK, ""},
                {PARTIAL "Content-Range: bytes 7-9/10\r\n\r\n78", 7, SWB_FAULT_NETWORK, "78"},
                /* refused */
                {"HTTP/1.1 404 No\r\nContent-Length: 10\r\n\r\n0123456789", 0, SWB_FAULT_HTTP, ""},
                {"HTTP/1.1 416 No\r\nConnection: close\r\n\r\n", 7, SWB_FAULT_HTTP, ""},
                {"SSH-2.0-OpenSSH_9.2\r\n", 0, SWB_FAULT_PROTOCOL, ""},
        };
        _cleanup_(swb_buf_done) struct swb_buf body = SWB_BUF_INIT(4096);
        struct swb_http_status status;
        struct swb_error err;

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(cases); i++) {
                int r = get(cases[i].answer, cases[i].offset, &body, &status, &err);

                if (r >= 0 || r != err.code || err.fault != cases[i].want)
                        fail_msg("case %zu: %d, %s: %s", i, r, swb_fault_to_string(err.fault),
                                 err.text);
                assert_int_equal(body.n_bytes, strlen(cases[i].passed));
                assert_non_null(strstr(err.text, "http://127.0.0.1:"));
                assert_null(strstr(err.text, "token")); /* a query may be a secret */
        }
}

static void tells_when_to_come_back(void **state)
{
        static const struct {
                const char *header;
                uint64_t want;
        } cases[] = {
                {"Retry-After: 120\r\n", 120},
                {"Retry-After: 99999999\r\n", SWB_HTTP_RETRY_AFTER_MAX},
                {"Retry-After: soon\r\n", 0},
                {"Retry-After: -5\r\n", 0},
                {"X-Retry-After: 77\r\n", 77},
                {"Retry-After: 5\r\nX-Retry-After: 6\r\n", 6},
                {"", 0},
        };
        _cleanup_(swb_buf_done) struct swb_buf body = SWB_BUF_INIT(4096);
        struct swb_http_status status;
        struct swb_error err;

        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(cases); i++) {
                char answer[256];

                (void)snprintf(answer, sizeof(answer),
                               "HTTP/1.1 503 Busy\r\n%sConnection: close\r\n\r\n", cases[i].header);
                assert_fault(get(answer, 0, &body, &status, &err), &err, SWB_FAULT_HTTP);
                assert_int_equal(status.status, 503);
                assert_int_equal(status.retry_after_sec, cases[i].want);
        }
}

static void the_sinks_failure_is_the_failure(void **state)
{
        _cleanup_(swb_http_freep) struct swb_http *http = NULL;
        const char *answers[] = {OK "Content-Length: 10\r\n\r\n0123456789", NULL};
        struct server server = start(answers, 0);
        struct swb_http_status status;
        struct swb_error err = SWB_ERROR_INIT;

        (void)state;
        assert_ok(swb_http_new(&(struct swb_http_config){0}, &http, &err), &err);
        assert_fault(swb_http_get(http, server.url, 0, 10, refuse, NULL, &status, &err), &err,
                     SWB_FAULT_IO);
        assert_string_equal(err.text, "the reader went away");
        stop(&server);
}

static void posts_with_a_bounded_answer(void **state)
{
        const char *answers[] = {OK "Content-Length: 5\r\n\r\nhello",
                                 OK "Content-Length: 6\r\n\r\nhello!", OK "\r\nhello, all of you",
                                 "HTTP/1.1 500 Oops\r\nConnection: close\r\n\r\nbody", NULL};
        struct server server = start(answers, 0);
        static const enum swb_fault want[] = {SWB_FAULT_LIMIT, SWB_FAULT_LIMIT, SWB_FAULT_HTTP};
        _cleanup_(swb_http_freep) struct swb_http *http = NULL;
        _cleanup_(swb_buf_done) struct swb_buf answer = SWB_BUF_INIT(5);
        const char *headers[] = {"Content-Type: text/xml", NULL};
        struct swb_http_status status;
        struct swb_error err = SWB_ERROR_INIT;

        (void)state;
        assert_ok(swb_http_new(&(struct swb_http_config){0}, &http, &err), &err);
        assert_ok(swb_http_post(http, server.url, headers, "<x/>", 4, &answer, &status, &err),
                  &err);
        assert_memory_equal(answer.data, "hello", 5);
        for (size_t i = 0; i < SWB_ELEMENTS(want); i++) {
                swb_buf_reset(&answer);
                assert_fault(
                        swb_http_post(http, server.url, headers, "<x/>", 4, &answer, &status, &err),
                        &err, want[i]);
        }
        stop(&server);
}

static void does_not_wait_for_ever(void **state)
{
        static const char *const silent[] = {"", NULL};
        _cleanup_(swb_buf_done) struct swb_buf body = SWB_BUF_INIT(4096);
        _cleanup_(swb_http_freep) struct swb_http *http = NULL;
        struct swb_http_config config = {.answer_usec = 200000};
        struct server server = start(silent, 30);
        struct swb_http_status status;
        struct swb_error err = SWB_ERROR_INIT;

        (void)state;
        assert_ok(swb_http_new(&config, &http, &err), &err);
        assert_fault(swb_http_get(http, server.url, 0, 10, append, &body, &status, &err), &err,
                     SWB_FAULT_TIMEOUT);
        stop(&server);
        /* nobody there */
        assert_fault(swb_http_get(http, server.url, 0, 10, append, &body, &status, &err), &err,
                     SWB_FAULT_NETWORK);
        assert_int_equal(status.status, 0);
}

static void only_http(void **state)
{
        static const char *const urls[] = {"file:///etc/passwd", "ftp://127.0.0.1/x", "nonsense",
                                           "", "http://"};
        static const char *const answers[] = {
                "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nConnection: close\r\n\r\n",
                NULL};
        _cleanup_(swb_buf_done) struct swb_buf body = SWB_BUF_INIT(4096);
        _cleanup_(swb_http_freep) struct swb_http *http = NULL;
        struct swb_http_status status;
        struct swb_error err = SWB_ERROR_INIT;
        struct server server;

        (void)state;
        assert_ok(swb_http_new(&(struct swb_http_config){0}, &http, &err), &err);
        for (size_t i = 0; i < SWB_ELEMENTS(urls); i++)
                assert_true(swb_http_get(http, urls[i], 0, 10, append, &body, &status, &err) < 0);
        server = start(answers, 0);
        assert_fault(swb_http_get(http, server.url, 0, 10, append, &body, &status, &err), &err,
                     SWB_FAULT_PROTOCOL);
        assert_int_equal(body.n_bytes, 0);
        stop(&server);
}

static void endless_headers_end(void **state)
{
        _cleanup_free_ char *answer = malloc(512u << 10);
        _cleanup_(swb_buf_done) struct swb_buf body = SWB_BUF_INIT(4096);
        struct swb_http_status status;
        struct swb_error err;
        size_t n;

        (void)state;
        assert_non_null(answer);
        n = (size_t)snprintf(answer, 64, OK);
        while (n < (500u << 10))
                n += (size_t)snprintf(answer + n, 64, "X-%zu: %050d\r\n", n, 0);
        assert_fault(get(answer, 0, &body, &status, &err), &err, SWB_FAULT_LIMIT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(takes_whole_files_and_ends_of_files),
                cmocka_unit_test(refuses_wrong_answers),
                cmocka_unit_test(tells_when_to_come_back),
                cmocka_unit_test(the_sinks_failure_is_the_failure),
                cmocka_unit_test(posts_with_a_bounded_answer),
                cmocka_unit_test(does_not_wait_for_ever),
                cmocka_unit_test(only_http),
                cmocka_unit_test(endless_headers_end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
