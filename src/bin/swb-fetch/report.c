/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swb-fetch/report.h"

#include "base/control.h"
#include "base/kv.h"
#include "base/log.h"
#include "base/text.h"

#define PROGRESS_MSEC 200

int report_init(struct report *report, const char *control, struct swb_error *err)
{
        *report = (struct report){.control_fd = -EBADF, .is_terminal = isatty(STDERR_FILENO)};
        return swb_control_open(control, &report->control_fd, err);
}

/* Progress may be lost when the engine is slow to read, an outcome may not. That nobody listens any
 * more is no failure of ours: the engine has gone, and we end soon. */
static void send_message(const struct report *report, const struct swb_buf *buf, bool may_drop)
{
        int r = swb_control_send(report->control_fd, buf, may_drop);

        if (r < 0)
                swb_log(SWB_LOG_DEBUG, "message to the engine: %s, ignoring", strerror(-r));
}

static void send_progress(const struct report *report, const struct swb_download_progress *p)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(SWB_CONTROL_MESSAGE_MAX_BYTES);

        if (swb_kv_put(&buf, "TYPE", "progress") >= 0 &&
            swb_kv_put_u64(&buf, "BYTES_DONE", p->n_bytes) >= 0 &&
            swb_kv_put_u64(&buf, "OFFSET", p->offset) >= 0 &&
            swb_kv_put_u64(&buf, "RATE", p->rate_bytes) >= 0)
                send_message(report, &buf, true);
}

static void print_progress(struct report *report, const struct swb_download_progress *p)
{
        char done[SWB_SIZE_TEXT], total[SWB_SIZE_TEXT], rate[SWB_SIZE_TEXT];

        (void)fprintf(stderr, "\r%3u%%  %s of %s  %s/s   ",
                      (unsigned)(p->total ? (double)p->offset * 100.0 / (double)p->total : 100),
                      swb_format_size(p->offset, done), swb_format_size(p->total, total),
                      swb_format_size(p->rate_bytes, rate));
        report->has_progress = true;
}

static uint64_t now_msec(void)
{
        struct timespec ts = {0};

        (void)clock_gettime(CLOCK_MONOTONIC, &ts); /* fails for an unknown clock only */
        return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

void report_progress(struct report *report, const struct swb_download_progress *progress)
{
        uint64_t now = now_msec();

        if (now - report->last_msec < PROGRESS_MSEC && progress->offset < progress->total)
                return;
        report->last_msec = now;
        if (report->control_fd >= 0)
                send_progress(report, progress);
        else if (report->is_terminal)
                print_progress(report, progress);
}

static int put_outcome(struct swb_buf *buf, const struct swb_error *failure,
                       const struct swb_http_status *status, const struct swb_buf *more)
{
        int r;

        r = swb_control_put_outcome(buf, failure);
        if (r >= 0 && status->status)
                r = swb_kv_put_u64(buf, "HTTP_STATUS", status->status);
        if (r >= 0 && status->retry_after_sec)
                r = swb_kv_put_u64(buf, "RETRY_AFTER", status->retry_after_sec);
        if (r >= 0 && !failure && more)
                r = swb_buf_append(buf, more->data, more->n_bytes);
        return r;
}

static void print_outcome(const struct report *report, const struct swb_error *failure,
                          const struct swb_http_status *status, const struct swb_buf *more)
{
        if (report->has_progress)
                (void)fprintf(stderr, "\n");
        if (failure && status->retry_after_sec)
                swb_log(SWB_LOG_WARNING, "the server asks to come back in %u s",
                        (unsigned)status->retry_after_sec);
        if (!failure && more && more->n_bytes > 0)
                (void)fwrite(more->data, 1, more->n_bytes, stdout);
}

void report_outcome(struct report *report, const struct swb_error *failure,
                    const struct swb_http_status *status, const struct swb_buf *more)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(SWB_CONTROL_MESSAGE_MAX_BYTES);
        int r;

        if (report->control_fd < 0) {
                print_outcome(report, failure, status, more);
                return;
        }
        r = put_outcome(&buf, failure, status, more);
        if (r < 0)
                swb_log(SWB_LOG_ERROR, "outcome for the engine: %s", strerror(-r));
        else
                send_message(report, &buf, false);
}
