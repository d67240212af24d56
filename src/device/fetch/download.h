/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/fetch/download.h - the bytes of a payload from an offset to its end, whatever the network
 * does
 *
 * Place: swb-fetch get. Blocking.
 * Retries from where it was. A failure that may pass (connection, time-out, HTTP 408, 429, 5xx) is
 * tried again after a wait, the next URL takes over after failures_per_url of them in a row; a
 * URL that is wrong (other HTTP status, broken protocol), or that wants to be left alone for longer
 * than SWB_DOWNLOAD_WAIT_MAX_USEC (Retry-After), is not asked again. Gives up when that holds for
 * all URLs, after `retries` failures without 1 MiB of progress between them, and when the output
 * fails.
 */
#include "os/http.h"

#define SWB_DOWNLOAD_URLS_MAX 16
#define SWB_DOWNLOAD_WAIT_MAX_USEC (5 * 60 * UINT64_C(1000000))

struct swb_download_progress {
        uint64_t n_bytes; /* by this download */
        uint64_t offset;  /* of the next byte, in the payload */
        uint64_t total;
        uint64_t rate_bytes; /* a second, over the last seconds; 0 while it waits */
};

struct swb_download_config {
        struct swb_http_config http;
        const char *const *urls; /* in order of preference */
        size_t n_urls;           /* 1 .. SWB_DOWNLOAD_URLS_MAX */
        uint64_t offset, total;  /* of the payload; offset == total: nothing to do */
        int output;
        /* The output is a socket, over which swb-install --pieces asks for what it wants (see
         * docs/ARCHITECTURE.md). Then `offset` of the progress counts the bytes that came. */
        bool pieces;
        uint64_t retries;          /* 0: none */
        uint64_t retry_wait_usec;  /* between two tries; a longer Retry-After counts instead */
        uint64_t failures_per_url; /* at least 1 */
        /* May be NULL. Called after each piece of data and once a second while it waits. */
        void (*progress)(void *context, const struct swb_download_progress *progress);
        void *context;
};

/* ret_status: of the last request, also after a failure. Faults: os/http.h's, IO for the output. */
int swb_download(const struct swb_download_config *config, struct swb_http_status *ret_status,
                 struct swb_error *err) _warn_unused_;
