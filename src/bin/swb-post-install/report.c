/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <sys/socket.h>

#include "base/kv.h"
#include "base/log.h"
#include "base/text.h"
#include "bin/swb-post-install/post_install.h"

#define MESSAGE_MAX_BYTES (16u << 10)

int report_init(struct report *report, const char *control, struct swb_error *err)
{
        socklen_t n = sizeof(int);
        uint64_t fd;
        int type;

        *report = (struct report){.control_fd = -EBADF};
        if (!control)
                return 0;
        if (swb_parse_u64(control, &fd) < 0 || fd > INT32_MAX ||
            getsockopt((int)fd, SOL_SOCKET, SO_TYPE, &type, &n) < 0 || type != SOCK_SEQPACKET)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "option --control: '%s' is not a SOCK_SEQPACKET socket", control);
        report->control_fd = (int)fd;
        (void)fcntl(report->control_fd, F_SETFD, FD_CLOEXEC);
        return 0;
}

/* When nobody listens any more, this process is about to be killed. */
static void send_message(const struct report *report, const struct swb_buf *buf, int r)
{
        if (r >= 0 && send(report->control_fd, buf->data, buf->n_bytes, MSG_NOSIGNAL) < 0)
                r = -errno;
        if (r < 0)
                swb_log(SWB_LOG_ERROR, "message to the engine: %s", strerror(-r));
}

void report_progress(struct report *report, unsigned percent)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(MESSAGE_MAX_BYTES);
        int r;

        if (percent <= report->percent)
                return;
        report->percent = percent;
        if (report->control_fd < 0) {
                (void)printf("%u%%\n", percent);
                return;
        }
        r = swb_kv_put(&buf, "TYPE", "progress");
        if (r >= 0)
                r = swb_kv_put_u64(&buf, "PERCENT", percent);
        send_message(report, &buf, r);
}

void report_outcome(struct report *report, const struct swb_error *failure)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(MESSAGE_MAX_BYTES);
        int r;

        if (report->control_fd < 0)
                return;
        r = swb_kv_put(&buf, "TYPE", "outcome");
        if (r >= 0)
                r = swb_kv_put(&buf, "RESULT", failure ? "failed" : "ok");
        if (r >= 0 && failure)
                r = swb_kv_put(&buf, "FAULT", swb_fault_to_string(failure->fault));
        if (r >= 0 && failure)
                r = swb_kv_put_i64(&buf, "CODE", failure->code);
        if (r >= 0 && failure)
                r = swb_kv_put(&buf, "TEXT", failure->text);
        send_message(report, &buf, r);
}
