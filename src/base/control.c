/* SPDX-License-Identifier: Apache-2.0 */
#include "base/control.h"

#include <fcntl.h>
#include <sys/socket.h>

#include "base/kv.h"
#include "base/text.h"

int swb_control_open(const char *option, int *ret_fd, struct swb_error *err)
{
        socklen_t n = sizeof(int);
        uint64_t fd;
        int type;

        if (!option) {
                *ret_fd = -EBADF;
                return 0;
        }
        if (swb_parse_u64(option, &fd) < 0 || fd > INT32_MAX)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "option --control: '%s' is not a file descriptor", option);
        if (getsockopt((int)fd, SOL_SOCKET, SO_TYPE, &type, &n) < 0 || type != SOCK_SEQPACKET)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "option --control: %s is not a SOCK_SEQPACKET socket", option);
        (void)fcntl((int)fd, F_SETFD, FD_CLOEXEC); /* fails for a bad descriptor only */
        *ret_fd = (int)fd;
        return 0;
}

int swb_control_send(int fd, const struct swb_buf *message, bool may_drop)
{
        int flags = MSG_NOSIGNAL | (may_drop ? MSG_DONTWAIT : 0);
        ssize_t n;

        do
                n = send(fd, message->data, message->n_bytes, flags);
        while (n < 0 && errno == EINTR);
        return n >= 0 || (may_drop && errno == EAGAIN) ? 0 : -errno;
}

int swb_control_put_outcome(struct swb_buf *message, const struct swb_error *failure)
{
        int r;

        r = swb_kv_put(message, "TYPE", "outcome");
        if (r >= 0)
                r = swb_kv_put(message, "RESULT", failure ? "failed" : "ok");
        if (r >= 0 && failure)
                r = swb_kv_put(message, "FAULT", swb_fault_to_string(failure->fault));
        if (r >= 0 && failure)
                r = swb_kv_put_i64(message, "CODE", failure->code);
        if (r >= 0 && failure)
                r = swb_kv_put(message, "TEXT", failure->text);
        return r;
}
