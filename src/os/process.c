/* SPDX-License-Identifier: Apache-2.0 */
#include "os/process.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/text.h"

#define GROUPS_MAX 64
#define UID_LAST 65534 /* above are those of containers and of nobody at all */
#define FD_ASIDE 16    /* above all numbers that the child's own descriptors get */

/* Looked up before the fork: what the child calls must be async-signal-safe. */
struct identity {
        bool change;
        uid_t uid;
        gid_t gid, groups[GROUPS_MAX];
        int n_groups;
};

static int find_identity(const char *user, struct identity *ret, struct swb_error *err)
{
        const struct passwd *entry;
        uint64_t number;

        if (!user || !*user)
                return 0;
        if (swb_parse_u64(user, &number) >= 0 && number <= UID_LAST) {
                *ret = (struct identity){
                        .change = number != geteuid(), .uid = (uid_t)number, .gid = (gid_t)number};
                return 0;
        }
        entry = getpwnam(user);
        if (!entry)
                return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG, "user '%s' does not exist", user);
        ret->change = entry->pw_uid != geteuid();
        ret->uid = entry->pw_uid;
        ret->gid = entry->pw_gid;
        ret->n_groups = GROUPS_MAX;
        if (getgrouplist(user, entry->pw_gid, ret->groups, &ret->n_groups) < 0)
                return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG,
                                "user '%s' is in more than %d groups", user, GROUPS_MAX);
        return 0;
}

/* Up out of the way of 0 … 3, so that no dup2() below overwrites what a later one needs. */
static int move_aside(int fd)
{
        return fd < 0 ? fd : fcntl(fd, F_DUPFD_CLOEXEC, FD_ASIDE);
}

static int place(int fd, int number, int otherwise)
{
        int from = fd >= 0 ? fd : otherwise;

        return dup2(from, number) < 0 ? -errno : 0;
}

static int place_descriptors(const struct swb_process *process)
{
        int null = open("/dev/null", O_RDWR | O_CLOEXEC), high = move_aside(null);
        int input = move_aside(process->input), output = move_aside(process->output);
        int errors = move_aside(process->errors), extra = move_aside(process->extra);

        if (high < 0 || place(input, 0, high) < 0 || place(output, 1, high) < 0)
                return -errno;
        if (errors >= 0 && place(errors, 2, high) < 0)
                return -errno;
        if (extra >= 0 && place(extra, SWB_PROCESS_EXTRA_FD, high) < 0)
                return -errno;
        return 0;
}

static int become(const struct identity *identity)
{
        if (!identity->change)
                return 0;
        if (setgroups((size_t)identity->n_groups, identity->groups) < 0 ||
            setresgid(identity->gid, identity->gid, identity->gid) < 0 ||
            setresuid(identity->uid, identity->uid, identity->uid) < 0)
                return -errno;
        return 0;
}

static void reset_signals(void)
{
        sigset_t none;

        for (int number = 1; number < NSIG; number++)
                (void)signal(number, SIG_DFL); /* some can't be set, they have the default */
        sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* In the child; returns only on failure, with errno. */
static int run_child(const struct swb_process *process, const struct identity *identity,
                     pid_t parent, int *report)
{
        int r;

        reset_signals();
        (void)setpgid(0, 0); /* the parent does the same; whoever is first */
        *report = move_aside(*report);
        r = place_descriptors(process);
        if (r < 0)
                return r;
        /* Everything else closes at exec, also what some library opened without asking. */
        if (close_range(process->extra >= 0 ? SWB_PROCESS_EXTRA_FD + 1 : SWB_PROCESS_EXTRA_FD, ~0U,
                        CLOSE_RANGE_CLOEXEC) < 0)
                return -errno;
        if (chdir("/") < 0)
                return -errno;
        r = become(identity);
        if (r < 0)
                return r;
        /* After the change of user, which clears it. */
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
                return -errno;
        if (getppid() != parent)
                return -ECHILD; /* it died before the line above */
        execv(process->argv[0], (char *const *)process->argv);
        return -errno;
}

/* Return: 0 when exec succeeded (the pipe closed without a word), else the child's errno. */
static int read_report(int fd)
{
        int error = 0;
        ssize_t n;

        do
                n = read(fd, &error, sizeof(error));
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        return n == (ssize_t)sizeof(error) ? error : 0;
}

int swb_process_start(const struct swb_process *process, pid_t *ret_pid, struct swb_error *err)
{
        struct identity identity = {0};
        _cleanup_close_ int from = -EBADF, to = -EBADF;
        pid_t pid, parent = getpid();
        int ends[2], r;

        r = find_identity(process->user, &identity, err);
        if (r < 0)
                return r;
        if (pipe2(ends, O_CLOEXEC) < 0)
                return swb_fail_errno(err, errno, "start '%s'", process->argv[0]);
        from = ends[0];
        to = ends[1];
        pid = fork();
        if (pid < 0)
                return swb_fail_errno(err, errno, "start '%s'", process->argv[0]);
        if (pid == 0) {
                r = run_child(process, &identity, parent, &to);
                if (write(to, &r, sizeof(r)) < 0)
                        _exit(126); /* nobody is left to hear why */
                _exit(127);
        }
        (void)setpgid(pid, pid); /* fails when the child already did it and called exec */
        to = swb_close(to);
        r = read_report(from);
        if (r < 0) {
                (void)waitpid(pid, NULL, 0); /* it exits right away; its status says nothing more */
                return swb_fail_errno(err, r, "start '%s'", process->argv[0]);
        }
        *ret_pid = pid;
        return 0;
}
