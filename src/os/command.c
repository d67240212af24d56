/* SPDX-License-Identifier: Apache-2.0 */
#include "os/command.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#include "os/process.h"

#define READS_A_STEP 16 /* a command that never stops talking must not hold the caller's loop */
#define REAP_MSEC 1000

struct swb_command {
        pid_t pid; /* also its process group; 0 before the start and once it is reaped */
        int epoll, pidfd, timer, output;
        struct swb_command_result result;
};

/* The pid is ours until it is reaped, so the group's number can't belong to somebody else. A
 * process that hangs in the kernel does not die of SIGKILL: it is left behind after REAP_MSEC. */
static void kill_group(struct swb_command *command)
{
        struct pollfd ended = {.fd = command->pidfd, .events = POLLIN};

        if (command->pid <= 0)
                return;
        (void)kill(-command->pid, SIGKILL);
        (void)poll(&ended, 1, REAP_MSEC);
        (void)waitpid(command->pid, NULL, WNOHANG);
        command->pid = 0;
}

struct swb_command *swb_command_free(struct swb_command *command)
{
        if (!command)
                return NULL;
        kill_group(command);
        (void)swb_close(command->output);
        (void)swb_close(command->timer);
        (void)swb_close(command->pidfd);
        (void)swb_close(command->epoll);
        free(command);
        return NULL;
}

static int watch(const struct swb_command *command, int fd)
{
        struct epoll_event event = {.events = EPOLLIN};

        return fd < 0 ? -1 : epoll_ctl(command->epoll, EPOLL_CTL_ADD, fd, &event);
}

static int arm(int timer, uint64_t usec)
{
        struct itimerspec when = {.it_value = {.tv_sec = (time_t)(usec / 1000000),
                                               .tv_nsec = (long)(usec % 1000000) * 1000}};

        return timerfd_settime(timer, 0, &when, NULL);
}

/* < 0 with errno set. `ret_writer` is the end for the command. */
static int open_descriptors(struct swb_command *command, uint64_t timeout_usec, int *ret_writer)
{
        int ends[2];

        command->epoll = epoll_create1(EPOLL_CLOEXEC);
        command->timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
        if (command->epoll < 0 || watch(command, command->timer) < 0 ||
            arm(command->timer, timeout_usec) < 0 || pipe2(ends, O_CLOEXEC) < 0)
                return -1;
        command->output = ends[0];
        *ret_writer = ends[1];
        if (fcntl(command->output, F_SETFL, O_NONBLOCK) < 0)
                return -1;
        return watch(command, command->output);
}

int swb_command_start(const char *const *argv, uint64_t timeout_usec, struct swb_command **ret,
                      struct swb_error *err)
{
        _cleanup_(swb_command_freep) struct swb_command *command = NULL;
        struct swb_process process = SWB_PROCESS_INIT;
        _cleanup_close_ int writer = -EBADF;
        int r;

        command = calloc(1, sizeof(*command));
        if (!command)
                return swb_oom(err);
        command->epoll = command->timer = command->pidfd = command->output = -EBADF;
        if (open_descriptors(command, timeout_usec, &writer) < 0)
                return swb_fail_errno(err, errno, "prepare to run '%s'", argv[0]);
        process.argv = argv;
        process.output = process.errors = writer;
        r = swb_process_start(&process, &command->pid, err);
        if (r < 0)
                return r;
        command->pidfd = pidfd_open(command->pid, 0);
        if (watch(command, command->pidfd) < 0)
                return swb_fail_errno(err, errno, "watch '%s'", argv[0]);
        *ret = SWB_TAKE_PTR(command);
        return 0;
}

int swb_command_fd(const struct swb_command *command)
{
        return command->epoll;
}

static void keep_output(struct swb_command_result *result, const char *data, size_t n)
{
        size_t keep;

        if (n > SWB_COMMAND_OUTPUT_MAX) {
                data += n - SWB_COMMAND_OUTPUT_MAX;
                n = SWB_COMMAND_OUTPUT_MAX;
        }
        keep = SWB_MIN(result->n_output, SWB_COMMAND_OUTPUT_MAX - n);
        memmove(result->output, result->output + result->n_output - keep, keep);
        memcpy(result->output + keep, data, n);
        result->n_output = keep + n;
        result->output[result->n_output] = '\0';
        for (size_t i = keep; i < result->n_output; i++)
                if (result->output[i] == '\0')
                        result->output[i] = '?';
}

static void drain(struct swb_command *command)
{
        char data[4096];

        for (int i = 0; i < READS_A_STEP && command->output >= 0; i++) {
                ssize_t n = read(command->output, data, sizeof(data));

                if (n > 0)
                        keep_output(&command->result, data, (size_t)n);
                else if (n < 0 && (errno == EAGAIN || errno == EINTR))
                        return;
                else
                        command->output = swb_close(command->output);
        }
}

/* WNOWAIT: it stays a zombie until the rest of its group is killed. */
static bool has_ended(const struct swb_command *command, siginfo_t *ret)
{
        *ret = (siginfo_t){0};
        return waitid(P_PID, (id_t)command->pid, ret, WEXITED | WNOHANG | WNOWAIT) == 0 &&
               ret->si_pid == command->pid;
}

static bool time_is_over(const struct swb_command *command)
{
        uint64_t expirations;

        return read(command->timer, &expirations, sizeof(expirations)) ==
               (ssize_t)sizeof(expirations);
}

int swb_command_step(struct swb_command *command, struct swb_command_result *ret)
{
        struct swb_command_result *result = &command->result;
        bool exited;
        siginfo_t info;

        drain(command);
        if (has_ended(command, &info)) {
                drain(command); /* what it wrote between the first drain and its end */
                exited = info.si_code == CLD_EXITED;
                result->exit_status = exited ? info.si_status : -1;
                result->signal = exited ? 0 : info.si_status;
        } else if (time_is_over(command)) {
                result->timed_out = true;
                result->exit_status = -1;
                result->signal = SIGKILL;
        } else {
                return SWB_COMMAND_RUNNING;
        }
        kill_group(command);
        *ret = *result;
        return SWB_COMMAND_ENDED;
}

int swb_command_run(const char *const *argv, uint64_t timeout_usec, struct swb_command_result *ret,
                    struct swb_error *err)
{
        _cleanup_(swb_command_freep) struct swb_command *command = NULL;
        int r;

        r = swb_command_start(argv, timeout_usec, &command, err);
        if (r < 0)
                return r;
        do {
                struct pollfd wait = {.fd = command->epoll, .events = POLLIN};

                if (poll(&wait, 1, -1) < 0 && errno != EINTR)
                        return swb_fail_errno(err, errno, "wait for '%s'", argv[0]);
        } while (swb_command_step(command, ret) == SWB_COMMAND_RUNNING);
        return 0;
}

const char *swb_command_describe(const struct swb_command_result *result, char *text)
{
        if (result->timed_out)
                (void)snprintf(text, SWB_COMMAND_TEXT, "not done when its time was over");
        else if (result->signal)
                (void)snprintf(text, SWB_COMMAND_TEXT, "killed by signal %d (%s)", result->signal,
                               strsignal(result->signal));
        else
                (void)snprintf(text, SWB_COMMAND_TEXT, "exit status %d", result->exit_status);
        return text;
}
