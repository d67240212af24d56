/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * os/http.h - HTTP client: POST with a bounded answer, GET from an offset (wraps libcurl)
 *
 * Blocking, one request at a time; a client keeps its connections for the next request.
 * Only http and https, TLS 1.2 or newer with the server's certificate checked, at most 10
 * redirects, never from https to http. Answers' headers are bounded (256 KiB a request).
 *
 * Faults: NETWORK no connection, connection lost, certificate not accepted; TIMEOUT a time limit;
 * HTTP a status that is not 2xx (number in the status struct); PROTOCOL an answer that breaks
 * the rules, too many redirects, not a URL; LIMIT more data than wanted; CONFIG the CA file.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/ranges.h"
#include "os/multipart.h"

/* Bytes of a body that are thrown away when a server ignores Range, at most. */
#define SWB_HTTP_SKIP_MAX (256ull << 20)
#define SWB_HTTP_RETRY_AFTER_MAX 86400u /* seconds */

struct swb_http_config {
        uint64_t connect_timeout_usec; /* 0: 30 s */
        uint64_t stall_usec;           /* no byte for so long: TIMEOUT; 0: 30 s */
        uint64_t answer_usec;    /* until a POST's whole answer or a GET's first byte; 0: 2 min */
        uint64_t max_rate_bytes; /* of the answer, a second; 0: no limit */
        const char *ca_file;     /* trusted certificates; NULL or "": the system's */
};

/* Filled as far as it got, also when the call fails. */
struct swb_http_status {
        unsigned status;          /* 0: no answer came */
        uint64_t retry_after_sec; /* Retry-After or X-Retry-After, the longer; 0: none */
};

struct swb_http;

/* config's strings are borrowed until _free(). */
int swb_http_new(const struct swb_http_config *config, struct swb_http **ret,
                 struct swb_error *err) _warn_unused_;
struct swb_http *swb_http_free(struct swb_http *http);
SWB_DEFINE_CLEANUP(struct swb_http *, swb_http_free)

/*
 * headers: NULL-terminated "Name: value" lines, or NULL. Appends the body of a 2xx answer; LIMIT
 * when it is larger than the buffer's ceiling.
 */
int swb_http_post(struct swb_http *http, const char *url, const char *const *headers,
                  const void *body, size_t n_bytes, struct swb_buf *answer,
                  struct swb_http_status *ret_status, struct swb_error *err) _warn_unused_;

/* Any method, with a body or without (NULL). A status that is not 2xx is no error: its body is
 * appended, too. Redirects are not followed. */
int swb_http_request(struct swb_http *http, const char *method, const char *url,
                     const char *const *headers, const void *body, size_t n_bytes,
                     struct swb_buf *answer, struct swb_http_status *ret_status,
                     struct swb_error *err) _warn_unused_;

/* GET of a short text, otherwise as swb_http_post(). */
int swb_http_get_text(struct swb_http *http, const char *url, struct swb_buf *answer,
                      struct swb_http_status *ret_status, struct swb_error *err) _warn_unused_;

/* The last header of this name in the answer to the last request; NULL when it had none. Borrowed
 * until the next request. */
const char *swb_http_answer_header(struct swb_http *http, const char *name);

/* < 0 with err filled ends the transfer with that error. May block. */
typedef int (*swb_http_sink)(void *context, const void *data, size_t n_bytes,
                             struct swb_error *err);

/*
 * Bytes offset .. total - 1 of a file that has exactly `total` bytes, in order, never more. With
 * offset > 0 a 206 whose Content-Range says exactly that is demanded; a server that ignores Range
 * and answers 200 is put up with by throwing away the first `offset` bytes, up to
 * SWB_HTTP_SKIP_MAX, else PROTOCOL. A body or Content-Length that does not fit to `total` is
 * PROTOCOL; one that ends early is NETWORK. offset must be below total.
 */
int swb_http_get(struct swb_http *http, const char *url, uint64_t offset, uint64_t total,
                 swb_http_sink sink, void *context, struct swb_http_status *ret_status,
                 struct swb_error *err) _warn_unused_;

/*
 * These ranges (ascending and apart) of a file that has exactly `total` bytes. The sink is told
 * where in the file each byte stands: the answer may hold more than was asked for, in one part or
 * several, and with n == 1 the whole file (status 200, from a server that ignores Range); it must
 * begin at ranges[0] or before. A sink that returns 1 has enough: the transfer ends, successfully.
 * An answer that ends before the last byte asked for is no failure here. -EOPNOTSUPP, PROTOCOL:
 * several ranges are too much for this server, ask for one at a time. n: 1 .. SWB_RANGES_MAX.
 */
int swb_http_get_ranges(struct swb_http *http, const char *url, const struct swb_range *ranges,
                        size_t n, uint64_t total, swb_part_sink sink, void *context,
                        struct swb_http_status *ret_status, struct swb_error *err) _warn_unused_;
