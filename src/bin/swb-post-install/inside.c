/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Process 1 of the new namespaces. When it ends, or is killed, the kernel kills whatever the
 * program has left behind, and unmounts everything.
 */
#include <fcntl.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "bin/swb-post-install/post_install.h"

#define NOBODY 65534
#define ENVIRONMENT_TEXT 128

static const struct {
        int what;
        rlim_t limit;
} limits[] = {
        {RLIMIT_CORE, 0},
        {RLIMIT_NOFILE, 256},
        {RLIMIT_DATA, 256u << 20},
        {RLIMIT_FSIZE, 16u << 20},
};

/* For good: nothing that is executed from here on has any privilege, whatever its mode says. */
static int drop(struct swb_error *err)
{
        for (size_t i = 0; i < SWB_ELEMENTS(limits); i++) {
                struct rlimit limit = {limits[i].limit, limits[i].limit};

                if (setrlimit((__rlimit_resource_t)limits[i].what, &limit) < 0)
                        return swb_fail_errno(err, errno, "limit the program");
        }
        (void)umask(077);
        if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
            setresuid(NOBODY, NOBODY, NOBODY) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return swb_fail_errno(err, errno, "become nobody");
        /* After the change of user, which clears it. */
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
                return swb_fail_errno(err, errno, "ask for the parent's end");
        return 0;
}

static void give_verdict(int fd, const struct swb_error *verdict)
{
        /* Shorter than a pipe's page, so it is written whole. Nobody there to read it: our end. */
        if (write(fd, verdict, sizeof(*verdict)) < 0)
                _exit(1);
        _exit(0);
}

/* "NAME=value" */
static char *variable(char *text, const char *name, const char *value)
{
        (void)snprintf(text, ENVIRONMENT_TEXT, "%s=%s", name, value ? value : "");
        return text;
}

/* In the program's own process. Returns only on failure. */
static void execute(const struct post_install_options *options,
                    const struct post_install_pipes *pipes, int null)
{
        char old_version[ENVIRONMENT_TEXT], new_version[ENVIRONMENT_TEXT], slot[ENVIRONMENT_TEXT];
        char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", home[] = "HOME=/tmp";
        char *environment[] = {
                path,
                home,
                variable(old_version, "SWB_OLD_VERSION", options->old_version),
                variable(new_version, "SWB_NEW_VERSION", options->new_version),
                variable(slot, "SWB_SLOT", options->slot),
                NULL,
        };
        char *program = (char *)options->program;
        char *argv[] = {program, NULL};

        if (setsid() < 0 || dup2(null, 0) < 0 || dup2(pipes->output, 1) < 0 ||
            dup2(pipes->output, 2) < 0 || dup2(pipes->progress, 3) < 0 ||
            close_range(4, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
                return;
        (void)execve(program, argv, environment);
}

static void judge(const char *program, int status, struct swb_error *ret)
{
        if (WIFSIGNALED(status))
                (void)swb_fail(ret, -EIO, SWB_FAULT_POST_INSTALL, "%s: killed by signal %d (%s)",
                               program, WTERMSIG(status), strsignal(WTERMSIG(status)));
        else if (WEXITSTATUS(status) != 0)
                (void)swb_fail(ret, -EIO, SWB_FAULT_POST_INSTALL, "%s: exit status %d", program,
                               WEXITSTATUS(status));
}

/* Orphans come to process 1, and are reaped here. */
static void wait_for(pid_t pid, const char *program, struct swb_error *ret)
{
        int status = 0;
        pid_t ended;

        do
                ended = wait(&status);
        while (ended != pid && (ended > 0 || errno == EINTR));
        if (ended == pid)
                judge(program, status, ret);
        else
                (void)swb_fail_errno(ret, errno, "wait for %s", program);
}

void post_install_inside(const struct post_install_options *options,
                         const struct post_install_pipes *pipes)
{
        struct swb_error verdict = SWB_ERROR_INIT;
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        pid_t pid;

        if (null < 0)
                (void)swb_fail_errno(&verdict, errno, "open /dev/null");
        if (null < 0 || post_install_enter(options->root, options->place, &verdict) < 0 ||
            drop(&verdict) < 0)
                give_verdict(pipes->verdict, &verdict);
        if (options->optional && access(options->program, F_OK) < 0 && errno == ENOENT)
                give_verdict(pipes->verdict, &verdict);
        pid = fork();
        if (pid == 0) {
                execute(options, pipes, null);
                (void)swb_fail(&verdict, -errno, SWB_FAULT_POST_INSTALL,
                               "start %s of the new system: %s", options->program, strerror(errno));
                give_verdict(pipes->verdict, &verdict);
        }
        if (pid < 0)
                (void)swb_fail_errno(&verdict, errno, "start %s", options->program);
        else
                wait_for(pid, options->program, &verdict);
        give_verdict(pipes->verdict, &verdict);
        _exit(1);
}
