/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/log.h"
#include "base/text.h"
#include "bin/swb-post-install/post_install.h"

#define NAMESPACES (CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS)
#define FD_ASIDE 16 /* above the numbers that the program's own descriptors get */
#define LINE_MAX_BYTES 200

/* The line that is being received; what is longer is cut. */
struct line {
        char text[LINE_MAX_BYTES + 1];
        size_t n;
        bool is_over; /* the next byte begins another one */
};

struct job {
        const struct post_install_options *options;
        struct report report;
        int verdict, progress, output; /* ends to read from */
        struct line step;              /* of progress */
        struct line last;              /* that the program printed */
        pid_t pid;                     /* process 1 inside; 0: none */
        uint64_t end_msec;             /* CLOCK_BOOTTIME */
};

/* Kills all that runs inside: process 1 takes the rest with it. */
static void job_done(struct job *job)
{
        if (job->pid > 0) {
                (void)kill(job->pid, SIGKILL);
                (void)waitpid(job->pid, NULL, 0);
        }
        (void)swb_close(job->verdict);
        (void)swb_close(job->progress);
        (void)swb_close(job->output);
}

static void pipes_done(struct post_install_pipes *pipes)
{
        pipes->verdict = swb_close(pipes->verdict);
        pipes->progress = swb_close(pipes->progress);
        pipes->output = swb_close(pipes->output);
}

static int open_pipe(int *ret_reader, int *ret_writer, struct swb_error *err)
{
        int ends[2];

        if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
                return swb_fail_errno(err, errno, "open a pipe");
        *ret_reader = ends[0];
        *ret_writer = fcntl(ends[1], F_DUPFD_CLOEXEC, FD_ASIDE);
        (void)swb_close(ends[1]);
        if (*ret_writer < 0 || fcntl(*ret_writer, F_SETFL, 0) < 0)
                return swb_fail_errno(err, errno, "open a pipe");
        return 0;
}

static uint64_t now_msec(void)
{
        struct timespec ts = {0};

        (void)clock_gettime(CLOCK_BOOTTIME, &ts); /* fails for an unknown clock only */
        return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static int start(struct job *job, struct swb_error *err)
{
        _cleanup_(pipes_done) struct post_install_pipes pipes = {-EBADF, -EBADF, -EBADF};
        int r;

        r = open_pipe(&job->verdict, &pipes.verdict, err);
        if (r >= 0)
                r = open_pipe(&job->progress, &pipes.progress, err);
        if (r >= 0)
                r = open_pipe(&job->output, &pipes.output, err);
        if (r < 0)
                return r;
        /* As fork(), but into new namespaces; clone3() is closed by RestrictNamespaces= of systemd.
         */
        job->pid = (pid_t)syscall(SYS_clone, NAMESPACES | SIGCHLD, NULL, NULL, NULL, NULL);
        if (job->pid < 0 && errno == EPERM)
                return swb_fail(err, -EPERM, SWB_FAULT_DENIED,
                                "make namespaces is not permitted: swbd needs CAP_SYS_ADMIN for a "
                                "post-install program, see post-install.conf in docs/walls.md");
        if (job->pid < 0)
                return swb_fail_errno(err, errno, "make namespaces");
        if (job->pid == 0)
                post_install_inside(job->options, &pipes);
        return 0;
}

/* ---- what the program says ---- */

/* "progress 0.42"; anything else is passed over. */
static void take_step(struct job *job, const char *text)
{
        char *end = NULL;
        double part;

        if (!swb_starts_with(text, "progress ") || text[9] < '0' || text[9] > '1')
                return;
        part = strtod(text + 9, &end);
        if (*end == '\0' && part >= 0 && part <= 1)
                report_progress(&job->report, (unsigned)(part * 100 + 0.5));
}

static void take_byte(struct job *job, struct line *line, char byte)
{
        if (line->is_over)
                line->n = 0;
        line->is_over = byte == '\n';
        if (!line->is_over) {
                if (line->n < LINE_MAX_BYTES)
                        line->text[line->n++] = byte >= ' ' && byte <= '~' ? byte : '?';
                else if (line == &job->step)
                        line->text[0] = '\0'; /* no number is that long */
                return;
        }
        line->text[line->n] = '\0';
        if (line == &job->step)
                take_step(job, line->text);
}

/* At most what fits into a buffer, so that time is looked at between. */
static void take(struct job *job, int *fd, struct line *line)
{
        char data[4096];
        ssize_t n = read(*fd, data, sizeof(data));

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (n <= 0)
                *fd = swb_close(*fd);
        for (ssize_t i = 0; i < n; i++)
                take_byte(job, line, data[i]);
}

/* What was written before the end, but not more: something left behind may still write. */
static void take_rest(struct job *job)
{
        for (int i = 0; i < 16; i++) {
                if (job->progress >= 0)
                        take(job, &job->progress, &job->step);
                if (job->output >= 0)
                        take(job, &job->output, &job->last);
        }
}

/* ---- its end ---- */

/* Return: 1 the verdict is there, 0 not yet. */
static int take_verdict(struct job *job, struct swb_error *ret)
{
        ssize_t n = read(job->verdict, ret, sizeof(*ret));

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (n != (ssize_t)sizeof(*ret)) {
                *ret = SWB_ERROR_INIT;
                (void)swb_fail(ret, -EIO, SWB_FAULT_INTERNAL,
                               "the process that runs %s ended without a word",
                               job->options->program);
        }
        return 1;
}

static int wait_for_verdict(struct job *job, struct swb_error *ret)
{
        for (;;) {
                struct pollfd fds[] = {{.fd = job->verdict, .events = POLLIN},
                                       {.fd = job->progress, .events = POLLIN},
                                       {.fd = job->output, .events = POLLIN}};
                uint64_t now = now_msec(), left = job->end_msec > now ? job->end_msec - now : 0;

                if (left == 0)
                        return swb_fail(ret, -ETIMEDOUT, SWB_FAULT_POST_INSTALL,
                                        "%s: not done when its time was over",
                                        job->options->program);
                if (poll(fds, SWB_ELEMENTS(fds), (int)SWB_MIN(left, UINT64_C(3600000))) < 0 &&
                    errno != EINTR)
                        return swb_fail_errno(ret, errno, "wait for %s", job->options->program);
                if (fds[1].revents)
                        take(job, &job->progress, &job->step);
                if (fds[2].revents)
                        take(job, &job->output, &job->last);
                if (fds[0].revents && take_verdict(job, ret) > 0)
                        return ret->code;
        }
}

static int run(struct job *job, struct swb_error *err)
{
        char text[SWB_ERROR_TEXT_MAX];
        int r;

        r = start(job, err);
        if (r < 0)
                return r;
        r = wait_for_verdict(job, err);
        take_rest(job);
        job->last.text[job->last.n] = '\0';
        if (r >= 0 || err->fault != SWB_FAULT_POST_INSTALL || job->last.n == 0)
                return r;
        (void)snprintf(text, sizeof(text), "%s", err->text);
        return swb_fail(err, r, SWB_FAULT_POST_INSTALL, "%.280s: %s", text, job->last.text);
}

int post_install_run(const struct post_install_options *options, struct swb_error *err)
{
        _cleanup_(job_done) struct job job = {
                .options = options, .verdict = -EBADF, .progress = -EBADF, .output = -EBADF};
        int r;

        job.end_msec = now_msec() + options->timeout_usec / 1000;
        r = report_init(&job.report, options->control, err);
        if (r < 0)
                return r;
        r = run(&job, err);
        report_outcome(&job.report, r < 0 ? err : NULL);
        return r < 0 ? r : SWB_EXIT_OK;
}
