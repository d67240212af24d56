/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swb-install/confine.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/ioprio.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/log.h"
#include "os/file.h"
#include "os/landlock.h"
#include "os/sandbox.h"

/* Slots, sources, a direct descriptor each, and the rest: 3 * 16 + 8. */
#define FILES_MAX 64
#define OOM_SCORE "500"
#define STACK_BYTES ((size_t)1 << 20) /* of a library's thread; usual are 8 MiB of the limit */
#define CPU_SECONDS (6 * 3600) /* of a slow processor with the largest payload; not for ever */

static int set_limit(int resource, rlim_t value, const char *what, struct swb_error *err)
{
        const struct rlimit limit = {.rlim_cur = value, .rlim_max = value};

        if (setrlimit((__rlimit_resource_t)resource, &limit) < 0)
                return swb_fail_errno(err, errno, "limit %s", what);
        return 0;
}

static int limit_stacks(struct swb_error *err)
{
        pthread_attr_t attr;
        int r = pthread_attr_init(&attr);

        if (r == 0) {
                r = pthread_attr_setstacksize(&attr, STACK_BYTES);
                if (r == 0)
                        r = pthread_setattr_default_np(&attr);
                (void)pthread_attr_destroy(&attr);
        }
        return r == 0 ? 0 : swb_fail_errno(err, r, "limit the stacks of threads");
}

int confine_memory(uint64_t limit_bytes, struct swb_error *err)
{
        int r = limit_stacks(err);

        if (r < 0)
                return r;
        /* Large buffers go back to the system when freed, instead of leaving holes in the heap. */
        (void)mallopt(M_MMAP_THRESHOLD, 128 << 10);
        (void)mallopt(M_ARENA_MAX, 1); /* a second thread would take all of the limit for its own */
        if (limit_bytes == 0)
                return 0;
        return set_limit(RLIMIT_AS, limit_bytes, "memory", err);
}

int confine_streams(struct swb_error *err)
{
        int fd;

        do {
                fd = open("/dev/null", O_RDWR | O_CLOEXEC);
                if (fd < 0)
                        return swb_fail_errno(err, errno, "open /dev/null");
        } while (fd <= STDERR_FILENO);
        swb_close(fd);
        return 0;
}

/* Each may be refused by a sandbox around us; then the update is less polite, but as good. */
static void lower_priority(void)
{
        _cleanup_close_ int fd = -EBADF;

        if (syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0,
                    IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0)) < 0)
                swb_log(SWB_LOG_DEBUG, "I/O priority: %s, ignoring", strerror(errno));
        if (setpriority(PRIO_PROCESS, 0, 19) < 0)
                swb_log(SWB_LOG_DEBUG, "CPU priority: %s, ignoring", strerror(errno));
        fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
        if (fd < 0 || swb_write_all(fd, "oom_score_adj", OOM_SCORE, strlen(OOM_SCORE), NULL) < 0)
                swb_log(SWB_LOG_DEBUG, "memory priority: %s, ignoring", strerror(errno));
}

int confine_process(bool foreground, struct swb_error *err)
{
        int r;

        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return swb_fail_errno(err, errno, "give up new privileges");
        (void)umask(077);
        /* A reader that went away and a file at its size limit are errors of the call. */
        if (sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL) < 0 ||
            sigaction(SIGXFSZ, &(struct sigaction){.sa_handler = SIG_IGN}, NULL) < 0)
                return swb_fail_errno(err, errno, "ignore signals");
        r = set_limit(RLIMIT_CORE, 0, "core dumps", err);
        if (r >= 0)
                r = set_limit(RLIMIT_NOFILE, FILES_MAX, "open files", err);
        if (r >= 0)
                r = set_limit(RLIMIT_CPU, CPU_SECONDS, "processor time", err);
        if (r >= 0 && !foreground)
                lower_priority();
        return r;
}

/* What applying needs beyond what any program does: the state folder, the slots, one more thread.
 */
static const char *const calls[] = {
        /* checkpoints; Landlock says where */
        "access", "faccessat", "faccessat2", "fchmod", "getdents64", "lstat", "mkdir", "mkdirat",
        "newfstatat", "open", "openat", "readlink", "readlinkat", "rename", "renameat", "renameat2",
        "stat", "stat64", "fstatat64", "lstat64", "statx", "unlink", "unlinkat",
        /* slots */
        "arm_fadvise64_64", "fadvise64", "fadvise64_64", "fallocate", "fdatasync", "flock", "fsync",
        "ftruncate", "ftruncate64", "preadv2", "pwritev2", "sync_file_range", "sync_file_range2",
        /* scratch space where there is no state folder */
        "memfd_create",
        /* politeness, and messages over the socket that is open */
        "getpriority", "ioprio_get", "ioprio_set", "sendmsg", "sendto", "setpriority", NULL};

static const unsigned long ioctls[] =
        {
                BLKDISCARD, BLKDISCARDZEROES, BLKFLSBUF, BLKGETSIZE64,  BLKIOMIN,
                BLKIOOPT,   BLKPBSZGET,       BLKROGET,  BLKROTATIONAL, BLKSECDISCARD,
                BLKSSZGET,  BLKZEROOUT,       TCGETS, /* is it a terminal? */
                TIOCGWINSZ,
};

#ifdef SWB_SANITIZED
#define ALSO_READ "/proc" /* where LeakSanitizer looks for threads */
#else
#define ALSO_READ NULL
#endif

static int confine_files(const char *folder, struct swb_error *err)
{
        _cleanup_close_ int rules = -EBADF;
        int r;

        r = swb_landlock_begin(SWB_LANDLOCK_READ | SWB_LANDLOCK_WRITE | SWB_LANDLOCK_EXECUTE,
                               &rules, err);
        if (r == 0)
                swb_log(SWB_LOG_DEBUG, "no Landlock in this kernel, going on without");
        if (r <= 0)
                return r;
        if (ALSO_READ)
                r = swb_landlock_allow(rules, ALSO_READ, SWB_LANDLOCK_READ, err);
        if (r >= 0 && folder)
                r = swb_landlock_allow(rules, folder, SWB_LANDLOCK_READ | SWB_LANDLOCK_WRITE, err);
        if (r >= 0)
                r = swb_landlock_enter(rules, err);
        return r < 0 ? r : CONFINED_FILES;
}

int confine_rest(const char *folder, struct swb_error *err)
{
        const struct swb_sandbox_rules rules = {
                .calls = calls, .ioctls = ioctls, .n_ioctls = SWB_ELEMENTS(ioctls)};
        int files, r;

        files = confine_files(folder, err);
        if (files < 0)
                return files;
        r = swb_sandbox_enter(&rules, err);
        if (r == 0)
                swb_log(SWB_LOG_DEBUG, "no seccomp in this kernel or build, going on without");
        return r < 0 ? r : files | (r > 0 ? CONFINED_CALLS : 0);
}
