/* SPDX-License-Identifier: Apache-2.0 */
#include "os/sandbox.h"

#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#define BINARY_TREE 2 /* libseccomp's number for it */

/* What any program needs of what it has already. One name a call; older architectures have several
 * calls for one job. */
static const char *const everybody[] = {
        /* memory; mmap and mprotect are below */
        "brk", "madvise", "mremap", "munmap",
        /* descriptors that are open */
        "close", "close_range", "dup", "dup2", "dup3", "fcntl", "fcntl64", "fstat", "fstat64",
        "lseek", "_llseek", "pread64", "preadv", "pwrite64", "pwritev", "read", "readv", "write",
        "writev",
        /* waiting */
        "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait", "eventfd2",
        "_newselect", "pipe", "pipe2", "poll", "ppoll", "ppoll_time64", "pselect6",
        "pselect6_time64", "restart_syscall", "select", "timerfd_create", "timerfd_settime",
        "timerfd_settime64",
        /* time */
        "clock_getres", "clock_getres_time64", "clock_gettime", "clock_gettime64",
        "clock_nanosleep", "clock_nanosleep_time64", "gettimeofday", "nanosleep", "time", "times",
        /* threads; clone is below */
        "futex", "futex_time64", "get_robust_list", "membarrier", "rseq", "sched_getaffinity",
        "sched_yield", "set_robust_list", "set_tid_address",
        /* signals */
        "rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait",
        "rt_sigtimedwait_time64", "sigaltstack", "signalfd4", "sigreturn",
        /* about itself */
        "exit", "exit_group", "getcwd", "getegid", "getegid32", "geteuid", "geteuid32", "getgid",
        "getgid32", "getpgrp", "getpid", "getppid", "getrandom", "getrlimit", "getrusage", "gettid",
        "getuid", "getuid32", "sysinfo", "ugetrlimit", "uname", NULL};

/* The sanitizers look for leaks from a process of their own, and read what they like. */
static const char *const sanitizers[] = {
#ifdef SWB_SANITIZED
        "clone", "clone3",     "getdents", "getdents64", "open",       "openat",
        "prctl", "prlimit64",  "ptrace",   "readlink",   "readlinkat", "sched_getaffinity",
        "wait4", "newfstatat", "stat",     "mmap",       "mprotect",
#endif
        NULL};

static void release(scmp_filter_ctx *filter)
{
        if (*filter)
                seccomp_release(*filter);
}

/* A call that this architecture does not have is no failure. */
static int allow(scmp_filter_ctx filter, const char *name, unsigned n,
                 const struct scmp_arg_cmp *conditions)
{
        int r, number = seccomp_syscall_resolve_name(name);

        if (number == __NR_SCMP_ERROR)
                return 0;
        r = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, n, conditions);
        return r == -EDOM ? 0 : r;
}

static int allow_if(scmp_filter_ctx filter, const char *name, struct scmp_arg_cmp condition)
{
        return allow(filter, name, 1, &condition);
}

static int allow_all(scmp_filter_ctx filter, const char *const *names)
{
        int r = 0;

        for (; r >= 0 && *names; names++)
                r = allow(filter, *names, 0, NULL);
        return r;
}

static int allow_memory(scmp_filter_ctx filter, bool is_code)
{
        static const char *const names[] = {"mmap", "mmap2", "mprotect"};
        int r = 0;

        for (size_t i = 0; r >= 0 && i < SWB_ELEMENTS(names); i++)
                r = is_code ? allow(filter, names[i], 0, NULL)
                            : allow_if(filter, names[i], SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
        return r;
}

/* Threads but no processes. clone3 keeps its flags in memory where no filter sees them: the C
 * library does without. */
static int allow_threads(scmp_filter_ctx filter)
{
        int r = allow_if(filter, "clone", SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));

        return r < 0 ? r : allow_if(filter, "prctl", SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME));
}

/* So that abort() works, and nobody else is reached. */
static int allow_own_signals(scmp_filter_ctx filter)
{
        static const char *const names[] = {"kill", "tgkill"};
        int r = 0;

        for (size_t i = 0; r >= 0 && i < SWB_ELEMENTS(names); i++)
                r = allow_if(filter, names[i], SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
        return r;
}

static int add_rules(scmp_filter_ctx filter, const struct swb_sandbox_rules *rules)
{
        int r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, BINARY_TREE);

        if (r >= 0)
                r = allow_all(filter, everybody);
        if (r >= 0)
                r = allow_all(filter, sanitizers);
        if (r >= 0)
                r = allow_all(filter, rules->calls);
        if (r >= 0)
                r = allow_memory(filter, rules->may_map_code);
        if (r >= 0)
                r = allow_threads(filter);
        if (r >= 0)
                r = allow_own_signals(filter);
        for (size_t i = 0; r >= 0 && i < rules->n_families; i++)
                r = allow_if(filter, "socket",
                             SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)rules->families[i]));
        for (size_t i = 0; r >= 0 && i < rules->n_ioctls; i++)
                r = allow_if(filter, "ioctl",
                             SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, rules->ioctls[i]));
        return r;
}

int swb_sandbox_enter(const struct swb_sandbox_rules *rules, struct swb_error *err)
{
        _cleanup_(release) scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
        int r;

        if (!filter)
                return swb_oom(err);
        if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0)
                return 0; /* a kernel without seccomp */
        r = add_rules(filter, rules);
        if (r < 0)
                return swb_fail_errno(err, r, "list the system calls that are allowed");
        r = seccomp_load(filter);
        if (r == -EINVAL || r == -ENOSYS)
                return 0; /* or without filters */
        return r < 0 ? swb_fail_errno(err, r, "give up system calls") : 1;
}
