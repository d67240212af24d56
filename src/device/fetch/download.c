/* SPDX-License-Identifier: Apache-2.0 */
#include "device/fetch/download.h"

#include <inttypes.h>
#include <time.h>

#include "base/log.h"
#include "base/text.h"
#include "device/fetch/local.h"
#include "os/file.h"

#define SECOND UINT64_C(1000000)
#define FORGIVING_BYTES (1u << 20) /* so much progress makes the failures before it forgotten */
#define RATE_WINDOW_USEC (3 * SECOND)

struct source {
        const char *url;
        uint64_t n_failures; /* in a row without a byte */
        bool is_wrong;
};

struct download {
        const struct swb_download_config *config;
        struct source sources[SWB_DOWNLOAD_URLS_MAX];
        size_t current;
        uint64_t offset;
        uint64_t n_failures, forgiven_at; /* failures since this offset */
        bool got_bytes, output_failed;    /* in the request that runs */
        uint64_t window_usec, window_offset, rate_bytes;
};

static uint64_t now_usec(void)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_BOOTTIME, &now);
        return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec / 1000;
}

static void tell(struct download *d)
{
        struct swb_download_progress progress = {
                .n_bytes = d->offset - d->config->offset,
                .offset = d->offset,
                .total = d->config->total,
                .rate_bytes = d->rate_bytes,
        };

        if (d->config->progress)
                d->config->progress(d->config->context, &progress);
}

static void measure(struct download *d)
{
        uint64_t now = now_usec(), elapsed = now - d->window_usec;

        if (elapsed < RATE_WINDOW_USEC / 3)
                return;
        d->rate_bytes = (d->offset - d->window_offset) * SECOND / elapsed;
        if (elapsed >= RATE_WINDOW_USEC) {
                d->window_usec = now;
                d->window_offset = d->offset;
        }
}

static void start_measuring(struct download *d)
{
        d->window_usec = now_usec();
        d->window_offset = d->offset;
        d->rate_bytes = 0;
}

static int take(void *context, const void *data, size_t n_bytes, struct swb_error *err)
{
        struct download *d = context;
        int r;

        r = swb_write_all(d->config->output, "output", data, n_bytes, err);
        if (r < 0) {
                d->output_failed = true;
                return r;
        }
        d->got_bytes = true;
        d->offset += n_bytes;
        if (d->offset - d->forgiven_at >= FORGIVING_BYTES) {
                d->forgiven_at = d->offset;
                d->n_failures = 0;
        }
        measure(d);
        tell(d);
        return 0;
}

/* Will the same request perhaps succeed later? */
static bool may_pass(const struct swb_error *err, unsigned status)
{
        switch (err->fault) {
        case SWB_FAULT_NETWORK:
        case SWB_FAULT_TIMEOUT:
                return true;
        case SWB_FAULT_HTTP:
                return status == 408 || status == 429 || status >= 500;
        case SWB_FAULT_NONE:
        case SWB_FAULT_INTERNAL:
        case SWB_FAULT_USAGE:
        case SWB_FAULT_CONFIG:
        case SWB_FAULT_NO_MEMORY:
        case SWB_FAULT_IO:
        case SWB_FAULT_NO_SPACE:
        case SWB_FAULT_NOT_FOUND:
        case SWB_FAULT_FORMAT:
        case SWB_FAULT_UNSUPPORTED:
        case SWB_FAULT_LIMIT:
        case SWB_FAULT_SIGNATURE:
        case SWB_FAULT_HASH:
        case SWB_FAULT_SOURCE:
        case SWB_FAULT_READBACK:
        case SWB_FAULT_PROTOCOL:
        case SWB_FAULT_BOOT:
        case SWB_FAULT_HEALTH:
        case SWB_FAULT_FELL_BACK:
        case SWB_FAULT_BUSY:
        case SWB_FAULT_DENIED:
        case SWB_FAULT_CANCELLED:
        case SWB_FAULT_DOWNGRADE:
        case _SWB_FAULT_MAX:
        case _SWB_FAULT_INVALID:
        default:
                return false;
        }
}

/* Faults that are not the server's: no other URL will help. */
static bool is_ours(const struct download *d, const struct swb_error *err)
{
        return d->output_failed || err->fault == SWB_FAULT_CONFIG ||
               err->fault == SWB_FAULT_NO_MEMORY || err->fault == SWB_FAULT_INTERNAL;
}

/* The next URL that is not wrong; false if there is none, also when only the current one is left
 * and `other`. */
static bool next_source(struct download *d)
{
        for (size_t i = 1; i <= d->config->n_urls; i++) {
                size_t k = (d->current + i) % d->config->n_urls;

                if (!d->sources[k].is_wrong) {
                        d->current = k;
                        return true;
                }
        }
        return false;
}

/* In steps, so that whoever watches sees that we live. */
static void wait_for(struct download *d, uint64_t usec)
{
        d->rate_bytes = 0;
        while (usec > 0) {
                uint64_t step = SWB_MIN(usec, SECOND);
                struct timespec pause = {.tv_sec = (time_t)(step / SECOND),
                                         .tv_nsec = (long)(step % SECOND) * 1000};

                tell(d);
                (void)nanosleep(&pause, NULL); /* a signal may cut it short */
                usec -= step;
        }
}

/* After a failure: plans the next try. 0 go on, else the failure. */
static int recover(struct download *d, const struct swb_http_status *status, int failure,
                   const struct swb_error *err)
{
        struct source *source = &d->sources[d->current];
        uint64_t wait = SWB_MAX(d->config->retry_wait_usec, status->retry_after_sec * SECOND);

        if (is_ours(d, err))
                return failure;
        if (!may_pass(err, status->status) || wait > SWB_DOWNLOAD_WAIT_MAX_USEC) {
                source->is_wrong = true; /* or busy for longer than we wait */
                return next_source(d) ? 0 : failure;
        }
        if (d->n_failures++ >= d->config->retries)
                return failure;
        source->n_failures = d->got_bytes ? 1 : source->n_failures + 1;
        if (source->n_failures >= d->config->failures_per_url) {
                source->n_failures = 0;
                (void)next_source(d); /* there is one: this */
        }
        swb_log(SWB_LOG_DEBUG, "%s, going on at byte %" PRIu64 " in %" PRIu64 " s", err->text,
                d->offset, wait / SECOND);
        wait_for(d, wait);
        return 0;
}

static int begin(struct download *d, const struct swb_download_config *config,
                 struct swb_error *err)
{
        if (config->n_urls == 0 || config->n_urls > SWB_DOWNLOAD_URLS_MAX)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "not 1 to %d URLs",
                                SWB_DOWNLOAD_URLS_MAX);
        if (config->offset > config->total)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "offset %" PRIu64 " is behind the payload's end, %" PRIu64,
                                config->offset, config->total);
        d->config = config;
        d->offset = d->forgiven_at = config->offset;
        for (size_t i = 0; i < config->n_urls; i++)
                d->sources[i].url = config->urls[i];
        return 0;
}

/* From where the current source is: the network, or a stick. */
static int get(struct download *d, struct swb_http *http, struct swb_http_status *ret_status,
               struct swb_error *err)
{
        const char *url = d->sources[d->current].url;

        if (swb_starts_with(url, SWB_LOCAL_SCHEME))
                return swb_local_get(url, d->offset, d->config->total, take, d, err);
        return swb_http_get(http, url, d->offset, d->config->total, take, d, ret_status, err);
}

int swb_download(const struct swb_download_config *config, struct swb_http_status *ret_status,
                 struct swb_error *err)
{
        _cleanup_(swb_http_freep) struct swb_http *http = NULL;
        struct download d = {0};
        struct swb_error own;
        int r;

        *ret_status = (struct swb_http_status){0};
        r = begin(&d, config, err);
        if (r >= 0)
                r = swb_http_new(&config->http, &http, err);
        if (r < 0)
                return r;
        while (d.offset < config->total) {
                own = SWB_ERROR_INIT;
                d.got_bytes = false;
                start_measuring(&d);
                r = get(&d, http, ret_status, &own);
                if (r < 0 && d.offset == config->total && own.fault != SWB_FAULT_PROTOCOL)
                        break; /* all is here, the connection may end as it likes */
                if (r < 0)
                        r = recover(&d, ret_status, r, &own);
                if (r < 0) {
                        if (err)
                                *err = own;
                        return r;
                }
        }
        return 0;
}
