/* SPDX-License-Identifier: Apache-2.0 */
#include "server/jobs/pack.h"

#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "os/process.h"

#define NICE 10
#define WORDS_MAX 400
#define TICK_MSEC 1000

/* What the program writes to its standard error, cut into lines. */
struct listener {
        const struct swb_pack_run *run;
        char line[1024];
        size_t n_line;
        char stage[64], words[WORDS_MAX]; /* the last line that is no progress */
        unsigned percent;
        int64_t told_msec;
        bool is_cancelled;
};

static int64_t now_msec(void)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now); /* can't fail for this clock */
        return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void take_line(struct listener *l)
{
        json_t *json = *l->line == '{' ? json_loads(l->line, 0, NULL) : NULL;
        const char *stage = json_string_value(json_object_get(json, "stage"));

        if (stage) {
                (void)snprintf(l->stage, sizeof(l->stage), "%s", stage);
                l->percent = (unsigned)json_integer_value(json_object_get(json, "percent"));
        } else if (!json && *l->line) {
                (void)snprintf(l->words, sizeof(l->words), "%.*s", WORDS_MAX - 1, l->line);
        }
        json_decref(json);
}

static void take_bytes(struct listener *l, const char *bytes, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                if (bytes[i] != '\n' && l->n_line < sizeof(l->line) - 1) {
                        l->line[l->n_line++] = bytes[i];
                        continue;
                }
                if (bytes[i] != '\n')
                        continue; /* the rest of a line that is too long */
                l->line[l->n_line] = '\0';
                l->n_line = 0;
                take_line(l);
        }
}

static void tell(struct listener *l, pid_t pid)
{
        if (now_msec() - l->told_msec < TICK_MSEC || l->is_cancelled)
                return;
        l->told_msec = now_msec();
        if (l->run->progress(l->stage, l->percent, l->run->userdata) == 0)
                return;
        l->is_cancelled = true;
        (void)kill(-pid, SIGKILL); /* it has a group of its own */
}

/* Until the program has closed its end. */
static void listen(struct listener *l, int fd, pid_t pid)
{
        char bytes[4096];
        ssize_t n = 1;

        while (n != 0) {
                struct pollfd p = {.fd = fd, .events = POLLIN};

                tell(l, pid);
                if (poll(&p, 1, TICK_MSEC) <= 0)
                        continue;
                n = read(fd, bytes, sizeof(bytes));
                if (n > 0)
                        take_bytes(l, bytes, (size_t)n);
                else if (n < 0 && errno != EINTR)
                        return;
        }
}

static void limit(pid_t pid, uint64_t cpu_seconds)
{
        struct rlimit cpu = {.rlim_cur = cpu_seconds, .rlim_max = cpu_seconds + 1};

        (void)setpriority(PRIO_PROCESS, (id_t)pid, NICE); /* it works without */
        if (cpu_seconds > 0)
                (void)prlimit(pid, RLIMIT_CPU, &cpu, NULL);
}

static int judge(const struct listener *l, int status, struct swb_error *err)
{
        const char *words = *l->words ? l->words : "no word why";

        if (l->is_cancelled)
                return swb_fail(err, -ECANCELED, SWB_FAULT_CANCELLED, "ended by hand");
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
                return 0;
        if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGXCPU ||
                                    (WTERMSIG(status) == SIGKILL && l->run->cpu_seconds_max > 0)))
                return swb_fail(err, -EDQUOT, SWB_FAULT_LIMIT, "the budget of CPU time is used up");
        if (WIFSIGNALED(status))
                return swb_fail(err, -EIO, SWB_FAULT_IO, "%s was killed by signal %d: %s",
                                l->run->argv[0], WTERMSIG(status), words);
        return swb_fail(err, -EIO, SWB_FAULT_IO, "%s", words);
}

int swb_pack_run(const struct swb_pack_run *run, int64_t *ret_cpu_msec, struct swb_error *err)
{
        struct swb_process process = SWB_PROCESS_INIT;
        struct listener l = {.run = run, .told_msec = now_msec()};
        struct rusage used;
        int pipe_fds[2], status, r;
        pid_t pid;

        *ret_cpu_msec = 0;
        if (pipe2(pipe_fds, O_CLOEXEC) < 0)
                return swb_fail_errno(err, errno, "make a pipe");
        process.argv = run->argv;
        process.errors = pipe_fds[1];
        r = swb_process_start(&process, &pid, err);
        (void)swb_close(pipe_fds[1]);
        if (r >= 0) {
                limit(pid, run->cpu_seconds_max);
                listen(&l, pipe_fds[0], pid);
        }
        (void)swb_close(pipe_fds[0]);
        if (r < 0)
                return r;
        while (wait4(pid, &status, 0, &used) < 0)
                if (errno != EINTR)
                        return swb_fail_errno(err, errno, "wait for %s", run->argv[0]);
        *ret_cpu_msec = (int64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000 +
                        (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1000;
        return judge(&l, status, err);
}
