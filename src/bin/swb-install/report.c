/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swb-install/report.h"

#include <inttypes.h>

#include "base/control.h"
#include "base/kv.h"
#include "base/log.h"
#include "base/text.h"

#define PROGRESS_MSEC 200
#define BAR_WIDTH 40u

int report_init(struct report *report, const char *control, struct swb_error *err)
{
        *report = (struct report){.control_fd = -EBADF, .is_terminal = isatty(STDOUT_FILENO)};
        return swb_control_open(control, &report->control_fd, err);
}

/* ---- messages ---- */

/* Progress may be lost when the engine is slow to read; `need` and `outcome` may not. */
static void send_message(struct report *report, const struct swb_buf *buf, int r, bool may_drop)
{
        if (r < 0)
                swb_log(SWB_LOG_ERROR, "message to the engine: %s", strerror(-r));
        else if (swb_control_send(report->control_fd, buf, may_drop) < 0)
                report->deaf = true;
}

static void send_need(struct report *report, uint64_t offset)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(SWB_CONTROL_MESSAGE_MAX_BYTES);
        int r;

        r = swb_kv_put(&buf, "TYPE", "need");
        if (r >= 0)
                r = swb_kv_put_u64(&buf, "OFFSET", offset);
        send_message(report, &buf, r, false);
}

static void send_progress(struct report *report, const struct swb_install_progress *p)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(SWB_CONTROL_MESSAGE_MAX_BYTES);
        bool readback = p->stage_bytes_total > 0;
        int r;

        r = swb_kv_put(&buf, "TYPE", "progress");
        if (r >= 0)
                r = swb_kv_put(&buf, "STAGE", p->stage);
        if (r >= 0)
                r = swb_kv_put_u64(&buf, "PERCENT", p->percent);
        if (r >= 0)
                r = swb_kv_put_u64(&buf, "BYTES_DONE",
                                   readback ? p->stage_bytes_done : p->payload_bytes_done);
        if (r >= 0)
                r = swb_kv_put_u64(&buf, "BYTES_TOTAL",
                                   readback ? p->stage_bytes_total : p->payload_bytes_total);
        if (r >= 0)
                r = swb_kv_put_u64(&buf, "OPERATIONS_DONE", p->operations_done);
        if (r >= 0)
                r = swb_kv_put_u64(&buf, "OPERATIONS_TOTAL", p->operations_total);
        send_message(report, &buf, r, true);
}

static void send_outcome(struct report *report, const struct swb_error *failure,
                         const char *version)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(SWB_CONTROL_MESSAGE_MAX_BYTES);
        int r;

        r = swb_control_put_outcome(&buf, failure);
        if (r >= 0 && !failure && *version)
                r = swb_kv_put(&buf, "VERSION", version);
        send_message(report, &buf, r, false);
}

/* ---- for a person ---- */

static void print_bar(const struct swb_install_progress *p)
{
        char size[SWB_SIZE_TEXT];
        unsigned n = p->percent * BAR_WIDTH / 100;

        (void)printf("\r%-8s [%.*s%*s] %3u%%  %s  %" PRIu64 "/%" PRIu64 " operations ", p->stage,
                     (int)n, "########################################", (int)(BAR_WIDTH - n), "",
                     p->percent, swb_format_size(p->payload_bytes_done, size), p->operations_done,
                     p->operations_total);
        (void)fflush(stdout);
}

static void print_line(const struct swb_install_progress *p)
{
        char size[SWB_SIZE_TEXT];

        (void)printf("%s %u%%, %s of the payload, %" PRIu64 " of %" PRIu64 " operations\n",
                     p->stage, p->percent, swb_format_size(p->payload_bytes_done, size),
                     p->operations_done, p->operations_total);
        (void)fflush(stdout);
}

/* ---- either ---- */

static uint64_t now_msec(void)
{
        struct timespec ts = {0};

        (void)clock_gettime(CLOCK_MONOTONIC, &ts); /* fails for an unknown clock only */
        return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

void report_need(struct report *report, uint64_t offset)
{
        if (report->control_fd >= 0)
                send_need(report, offset);
        else if (offset > 0)
                (void)printf("going on at byte %" PRIu64 " of the payload\n", offset);
}

void report_progress(struct report *report, const struct swb_install_progress *progress)
{
        bool new_stage = report->last_stage != progress->stage;
        uint64_t now = now_msec();

        if (!new_stage && now - report->last_msec < PROGRESS_MSEC)
                return;
        report->last_msec = now;
        report->last_stage = progress->stage;
        if (report->control_fd >= 0) {
                send_progress(report, progress);
        } else if (report->is_terminal) {
                print_bar(progress);
        } else if (new_stage || progress->percent >= report->last_percent + 10) {
                report->last_percent = progress->percent;
                print_line(progress);
        }
}

void report_outcome(struct report *report, const struct swb_error *failure, const char *version)
{
        if (report->control_fd >= 0) {
                send_outcome(report, failure, version);
                return;
        }
        if (report->is_terminal && report->last_stage)
                (void)printf("\n");
        if (!failure)
                (void)printf("installed%s%s, read back and right\n", *version ? " version " : "",
                             version);
}
