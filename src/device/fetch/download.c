/* SPDX-License-Identifier: Apache-2.0 */
#include "device/fetch/download.h"

#include <inttypes.h>
#include <time.h>

#include "base/log.h"
#include "base/text.h"
#include "device/fetch/local.h"
#include "device/fetch/wanted.h"
#include "os/file.h"

#define SECOND UINT64_C(1000000)
#define FORGIVING_BYTES (1u << 20) /* so much progress makes the failures before it forgotten */
#define RATE_WINDOW_USEC (3 * SECOND)

struct source {
        const char *url;
        uint64_t n_failures; /* in a row without a byte */
        bool is_wrong;
        bool one_by_one; /* takes no more than one range a request */
};

struct download {
        const struct swb_download_config *config;
        struct source sources[SWB_DOWNLOAD_URLS_MAX];
        size_t current;
        uint64_t offset; /* without pieces: of the next byte; with them: config's, and what came */
        uint64_t n_failures, forgiven_at; /* failures since this offset */
        bool got_bytes, output_failed;    /* in the request that runs */
        uint64_t window_usec, window_offset, rate_bytes;
        struct swb_wanted *wanted; /* with pieces: what is asked for */
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
        case SWB_FAULT_POST_INSTALL:
        case _SWB_FAULT_MAX:
        case _SWB_FAULT_INVALID:
        default:
                return false;
        }
}

/* Faults that are not the server's: no other URL will help. */
static bool is_ours(const struct download *d, const struct swb_error *err)
{
        return d->output_failed || (d->wanted && swb_wanted_is_abandoned(d->wanted)) ||
               err->fault == SWB_FAULT_CONFIG || err->fault == SWB_FAULT_NO_MEMORY ||
               err->fault == SWB_FAULT_INTERNAL;
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

/* Front to back, from where the current source is: the network, or a stick. */
static int get_rest(struct download *d, struct swb_http *http, struct swb_http_status *ret_status,
                    struct swb_error *own)
{
        const char *url = d->sources[d->current].url;
        int r;

        if (swb_starts_with(url, SWB_LOCAL_SCHEME))
                return swb_local_get(url, d->offset, d->config->total, take, d, own);
        r = swb_http_get(http, url, d->offset, d->config->total, take, d, ret_status, own);
        /* All is here: the connection may end as it likes. */
        return r < 0 && d->offset == d->config->total && own->fault != SWB_FAULT_PROTOCOL ? 0 : r;
}

static int on_part(void *context, uint64_t offset, const void *data, size_t n,
                   struct swb_error *err)
{
        struct download *d = context;

        return swb_wanted_take(d->wanted, offset, data, n, err);
}

/* A file on a stick is read on from the first wanted byte, as long as something of it is wanted. */
struct local_read {
        struct download *d;
        uint64_t offset;
        bool has_enough;
};

static int on_local(void *context, const void *data, size_t n, struct swb_error *err)
{
        struct local_read *read = context;
        int r = swb_wanted_take(read->d->wanted, read->offset, data, n, err);

        read->offset += n;
        read->has_enough = r > 0;
        return r > 0 ? -ECANCELED : r;
}

static int get_wanted_local(struct download *d, uint64_t offset, struct swb_error *own)
{
        struct local_read read = {.d = d, .offset = offset};
        int r = swb_local_get(d->sources[d->current].url, offset, d->config->total, on_local, &read,
                              own);

        return read.has_enough ? 0 : r;
}

/* The ranges that are wanted now, or some of them. */
static int get_wanted(struct download *d, struct swb_http *http, struct swb_http_status *ret_status,
                      struct swb_error *own)
{
        struct source *source = &d->sources[d->current];
        struct swb_range ranges[SWB_RANGES_MAX], left[SWB_RANGES_MAX];
        size_t n = swb_wanted_ranges(d->wanted, ranges), n_left;
        int r;

        if (swb_starts_with(source->url, SWB_LOCAL_SCHEME))
                return get_wanted_local(d, ranges[0].start, own);
        r = swb_http_get_ranges(http, source->url, ranges, source->one_by_one ? 1 : n,
                                d->config->total, on_part, d, ret_status, own);
        if (r == -EOPNOTSUPP) {
                source->one_by_one = true;
                return 0;
        }
        n_left = swb_wanted_ranges(d->wanted, left);
        if (r < 0 && n_left == 0 && own->fault != SWB_FAULT_PROTOCOL)
                return 0;
        if (r >= 0 && n_left == n && left[0].start == ranges[0].start)
                return swb_fail(own, -ECONNABORTED, SWB_FAULT_NETWORK,
                                "the server sent none of the bytes that were asked for");
        return r;
}

static bool is_done(const struct download *d)
{
        struct swb_range ranges[SWB_RANGES_MAX];

        return d->wanted ? swb_wanted_ranges(d->wanted, ranges) == 0
                         : d->offset >= d->config->total;
}

/* Until what is to be got now has come. */
static int get_all(struct download *d, struct swb_http *http, struct swb_http_status *ret_status,
                   struct swb_error *err)
{
        struct swb_error own;
        int r = 0;

        while (r >= 0 && !is_done(d)) {
                own = SWB_ERROR_INIT;
                d->got_bytes = false;
                start_measuring(d);
                r = d->wanted ? get_wanted(d, http, ret_status, &own)
                              : get_rest(d, http, ret_status, &own);
                if (r < 0)
                        r = recover(d, ret_status, r, &own);
        }
        if (r < 0 && err)
                *err = own;
        return r;
}

static void on_waiting(void *context)
{
        tell(context);
}

static int get_pieces(struct download *d, struct swb_http *http, struct swb_http_status *ret_status,
                      struct swb_error *err)
{
        const struct swb_wanted_config config = {.socket = d->config->output,
                                                 .offset = d->config->offset,
                                                 .total = d->config->total,
                                                 .put = take,
                                                 .waiting = on_waiting,
                                                 .context = d};
        int r;

        r = swb_wanted_new(&config, &d->wanted, err);
        while (r >= 0) {
                r = swb_wanted_next(d->wanted, err);
                if (r <= 0)
                        break;
                r = get_all(d, http, ret_status, err);
        }
        d->wanted = swb_wanted_free(d->wanted);
        return r;
}

int swb_download(const struct swb_download_config *config, struct swb_http_status *ret_status,
                 struct swb_error *err)
{
        _cleanup_(swb_http_freep) struct swb_http *http = NULL;
        struct download d = {0};
        int r;

        *ret_status = (struct swb_http_status){0};
        r = begin(&d, config, err);
        if (r >= 0)
                r = swb_http_new(&config->http, &http, err);
        if (r < 0)
                return r;
        return config->pieces ? get_pieces(&d, http, ret_status, err)
                              : get_all(&d, http, ret_status, err);
}
