/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* os/http_transfer.h - one request in work, for the files that wrap libcurl */
#include "os/http.h"

#include <curl/curl.h>

struct swb_http {
        CURL *curl;
        uint64_t connect_timeout_usec, stall_usec, answer_usec, max_rate_bytes;
        const char *ca_file;
        char curl_text[CURL_ERROR_SIZE];
};

/* One request in work: what the callbacks of libcurl share. */
struct swb_transfer {
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

/* Of the answer; 0: there is none. */
unsigned swb_transfer_status(const struct swb_transfer *transfer);
/* Before the first byte of a body, or when there is none: is it the right answer? */
int swb_transfer_begin_body(struct swb_transfer *transfer);
/* libcurl's write callback: anything but `n` ends the transfer. */
size_t swb_transfer_on_body(char *data, size_t size, size_t n, void *context);
/* Has all come that was asked for? */
int swb_transfer_check_end(struct swb_transfer *transfer);
