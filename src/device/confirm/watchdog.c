/* SPDX-License-Identifier: Apache-2.0 */
#include "device/confirm/watchdog.h"

#include <fcntl.h>
#include <linux/watchdog.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "os/file.h"

#define SECOND UINT64_C(1000000)
#define FEED "w" /* any byte but the next */
#define STOP "V" /* before close: on purpose */

struct swb_watchdog {
        int fd;
        const char *path; /* borrowed */
        uint64_t timeout_usec;
};

/* What tells nothing can't be trusted to stop; what is no device is no watchdog. */
static bool has_way_out(const char *path)
{
        _cleanup_(swb_buf_done) struct swb_buf text = SWB_BUF_INIT(16);
        struct stat st;
        char attribute[80];

        if (stat(path, &st) < 0 || !S_ISCHR(st.st_mode))
                return true;
        (void)snprintf(attribute, sizeof(attribute), "/sys/dev/char/%u:%u/nowayout",
                       major(st.st_rdev), minor(st.st_rdev));
        return swb_read_file(attribute, &text, NULL) >= 0 && text.n_bytes > 0 &&
               text.data[0] == '0';
}

int swb_watchdog_open(const char *path, uint64_t timeout_usec, struct swb_watchdog **ret,
                      struct swb_error *err)
{
        _cleanup_(swb_watchdog_freep) struct swb_watchdog *watchdog = calloc(1, sizeof(*watchdog));
        int seconds = (int)(timeout_usec / SECOND);

        if (!watchdog)
                return swb_oom(err);
        watchdog->path = path;
        watchdog->timeout_usec = timeout_usec;
        watchdog->fd = -EBADF;
        if (!has_way_out(path)) /* before it is opened, which starts it */
                return swb_fail(err, -EOPNOTSUPP, SWB_FAULT_UNSUPPORTED,
                                "watchdog '%s' can't be stopped again once it runs (nowayout)",
                                path);
        watchdog->fd = open(path, O_WRONLY | O_CLOEXEC | O_APPEND | O_NONBLOCK);
        if (watchdog->fd < 0)
                return swb_fail_errno(err, errno, "open watchdog '%s'", path);
        /* It takes what is near; one that takes none keeps its own, which it then tells. */
        if (ioctl(watchdog->fd, WDIOC_SETTIMEOUT, &seconds) == 0 ||
            ioctl(watchdog->fd, WDIOC_GETTIMEOUT, &seconds) == 0)
                watchdog->timeout_usec = (uint64_t)SWB_MAX(seconds, 1) * SECOND;
        *ret = SWB_TAKE_PTR(watchdog);
        return 0;
}

uint64_t swb_watchdog_timeout(const struct swb_watchdog *watchdog)
{
        return watchdog->timeout_usec;
}

int swb_watchdog_feed(struct swb_watchdog *watchdog, struct swb_error *err)
{
        return swb_write_all(watchdog->fd, watchdog->path, FEED, strlen(FEED), err);
}

int swb_watchdog_stop(struct swb_watchdog *watchdog, struct swb_error *err)
{
        return swb_write_all(watchdog->fd, watchdog->path, STOP, strlen(STOP), err);
}

struct swb_watchdog *swb_watchdog_free(struct swb_watchdog *watchdog)
{
        if (!watchdog)
                return NULL;
        (void)swb_close(watchdog->fd);
        free(watchdog);
        return NULL;
}
