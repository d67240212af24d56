/* SPDX-License-Identifier: Apache-2.0 */
#include "base/control.h"
#include "base/kv.h"
#include "base/log.h"
#include "bin/swb-post-install/post_install.h"

int report_init(struct report *report, const char *control, struct swb_error *err)
{
        *report = (struct report){.control_fd = -EBADF};
        return swb_control_open(control, &report->control_fd, err);
}

/* When nobody listens any more, this process is about to be killed. */
static void send_message(const struct report *report, const struct swb_buf *buf, int r)
{
        if (r >= 0)
                r = swb_control_send(report->control_fd, buf, false);
        if (r < 0)
                swb_log(SWB_LOG_ERROR, "message to the engine: %s", strerror(-r));
}

void report_progress(struct report *report, unsigned percent)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(SWB_CONTROL_MESSAGE_MAX_BYTES);
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
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(SWB_CONTROL_MESSAGE_MAX_BYTES);

        if (report->control_fd >= 0)
                send_message(report, &buf, swb_control_put_outcome(&buf, failure));
}
