/* SPDX-License-Identifier: Apache-2.0 */
#include "device/confirm/confirm.h"

#include <ctype.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>

#include "device/confirm/check.h"
#include "os/command.h"

#define SECOND UINT64_C(1000000)

struct swb_confirm {
        const struct swb_config *config;
        size_t next;                 /* check that runs or runs next */
        struct swb_command *command; /* the one that runs, or NULL: waiting for the timer */
        bool started;                /* min-uptime is over */
        uint64_t deadline_usec;      /* CLOCK_BOOTTIME; valid once started */
        int epoll, timer;
        struct swb_command_result last;
        struct swb_confirm_result reason; /* check NULL: none has failed yet */
};

static uint64_t now_usec(void)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_BOOTTIME, &now);
        return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec / 1000;
}

/* Absolute, CLOCK_BOOTTIME. */
static int wake_at(const struct swb_confirm *confirm, uint64_t usec, struct swb_error *err)
{
        struct itimerspec when = {.it_value = {.tv_sec = (time_t)(usec / SECOND),
                                               .tv_nsec = (long)(usec % SECOND) * 1000 + 1}};

        if (timerfd_settime(confirm->timer, TFD_TIMER_ABSTIME, &when, NULL) < 0)
                return swb_fail_errno(err, errno, "set the timer of the health checks");
        return 0;
}

static int watch(const struct swb_confirm *confirm, int fd, struct swb_error *err)
{
        struct epoll_event event = {.events = EPOLLIN};

        if (epoll_ctl(confirm->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
                return swb_fail_errno(err, errno, "watch a health check");
        return 0;
}

int swb_confirm_new(const struct swb_config *config, struct swb_confirm **ret,
                    struct swb_error *err)
{
        _cleanup_(swb_confirm_freep) struct swb_confirm *confirm = NULL;
        int r;

        confirm = calloc(1, sizeof(*confirm));
        if (!confirm)
                return swb_oom(err);
        confirm->config = config;
        confirm->timer = -EBADF;
        confirm->epoll = epoll_create1(EPOLL_CLOEXEC);
        if (confirm->epoll >= 0)
                confirm->timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
        if (confirm->timer < 0)
                return swb_fail_errno(err, errno, "prepare the health checks");
        r = watch(confirm, confirm->timer, err);
        if (r >= 0)
                r = wake_at(confirm, config->health.min_uptime_usec, err);
        if (r < 0)
                return r;
        *ret = SWB_TAKE_PTR(confirm);
        return 0;
}

struct swb_confirm *swb_confirm_free(struct swb_confirm *confirm)
{
        if (!confirm)
                return NULL;
        (void)swb_command_free(confirm->command);
        (void)swb_close(confirm->timer);
        (void)swb_close(confirm->epoll);
        free(confirm);
        return NULL;
}

int swb_confirm_fd(const struct swb_confirm *confirm)
{
        return confirm->epoll;
}

static int start_check(struct swb_confirm *confirm, struct swb_error *err)
{
        const struct swb_config_check *check = &confirm->config->health.checks[confirm->next];
        _cleanup_(swb_check_done) struct swb_check command = {0};
        uint64_t now = now_usec();
        uint64_t left = confirm->deadline_usec > now ? confirm->deadline_usec - now : 1;
        int r;

        r = swb_check_prepare(confirm->config, check, &command, err);
        if (r >= 0)
                r = swb_command_start(command.argv,
                                      SWB_MIN(confirm->config->health.check_timeout_usec, left),
                                      &confirm->command, err);
        if (r >= 0)
                r = watch(confirm, swb_command_fd(confirm->command), err);
        return r < 0 ? swb_wrap(err, r, "health check %s", check->name) : 0;
}

/* Starts the next check, if there is one. */
static int go_on(struct swb_confirm *confirm, struct swb_error *err)
{
        int r;

        if (confirm->next == confirm->config->health.n_checks)
                return SWB_CONFIRM_PASSED;
        r = start_check(confirm, err);
        return r < 0 ? r : SWB_CONFIRM_MORE;
}

/* A check that is cut off by the end of the whole time says less than one that failed by itself. */
static void note_failure(struct swb_confirm *confirm)
{
        const struct swb_command_result *last = &confirm->last;
        struct swb_confirm_result *reason = &confirm->reason;
        size_t n = last->n_output;
        char how[SWB_COMMAND_TEXT];

        if (reason->check && last->timed_out && now_usec() >= confirm->deadline_usec)
                return;
        while (n > 0 && isspace((unsigned char)last->output[n - 1]))
                n--;
        reason->check = confirm->config->health.checks[confirm->next].name;
        (void)snprintf(reason->text, sizeof(reason->text), "%s%s%.*s",
                       swb_command_describe(last, how), n > 0 ? ": " : "", (int)n, last->output);
}

/* After a failure all of them run again, as long as that can begin before the deadline: what passed
 * minutes ago proves nothing about now. */
static int try_later(struct swb_confirm *confirm, struct swb_confirm_result *ret,
                     struct swb_error *err)
{
        uint64_t next_usec = now_usec() + confirm->config->health.interval_usec;
        int r;

        note_failure(confirm);
        if (next_usec >= confirm->deadline_usec) {
                *ret = confirm->reason;
                return SWB_CONFIRM_FAILED;
        }
        confirm->next = 0;
        r = wake_at(confirm, next_usec, err);
        return r < 0 ? r : SWB_CONFIRM_MORE;
}

static int step_command(struct swb_confirm *confirm, struct swb_confirm_result *ret,
                        struct swb_error *err)
{
        if (swb_command_step(confirm->command, &confirm->last) == SWB_COMMAND_RUNNING)
                return SWB_CONFIRM_MORE;
        confirm->command = swb_command_free(confirm->command); /* and leaves the epoll set */
        if (!swb_command_succeeded(&confirm->last))
                return try_later(confirm, ret, err);
        confirm->next++;
        return go_on(confirm, err);
}

static bool timer_rang(const struct swb_confirm *confirm)
{
        uint64_t expirations;

        return read(confirm->timer, &expirations, sizeof(expirations)) ==
               (ssize_t)sizeof(expirations);
}

int swb_confirm_step(struct swb_confirm *confirm, struct swb_confirm_result *ret,
                     struct swb_error *err)
{
        if (confirm->command)
                return step_command(confirm, ret, err);
        if (!timer_rang(confirm))
                return SWB_CONFIRM_MORE;
        if (!confirm->started) {
                confirm->started = true;
                confirm->deadline_usec = now_usec() + confirm->config->health.timeout_usec;
        }
        return go_on(confirm, err);
}
