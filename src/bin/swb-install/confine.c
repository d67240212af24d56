/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swb-install/confine.h"

#include <fcntl.h>
#include <linux/ioprio.h>
#include <linux/landlock.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/log.h"
#include "os/file.h"

/* Slots, sources, a direct descriptor each, and the rest: 3 * 16 + 8. */
#define FILES_MAX 64
#define OOM_SCORE "500"

static int set_limit(int resource, rlim_t value, const char *what, struct swb_error *err)
{
        const struct rlimit limit = {.rlim_cur = value, .rlim_max = value};

        if (setrlimit((__rlimit_resource_t)resource, &limit) < 0)
                return swb_fail_errno(err, errno, "limit %s", what);
        return 0;
}

int confine_memory(uint64_t limit_bytes, struct swb_error *err)
{
        /* Large buffers go back to the system when freed, instead of leaving holes in the heap. */
        (void)mallopt(M_MMAP_THRESHOLD, 128 << 10);
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
        if (r >= 0 && !foreground)
                lower_priority();
        return r;
}

#define WRITING                                                                                    \
        (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                           \
         LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR |                           \
         LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |                               \
         LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |                             \
         LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)

static int allow_folder(int rules, const char *folder, struct swb_error *err)
{
        _cleanup_close_ int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
        const struct landlock_path_beneath_attr rule = {.allowed_access = WRITING, .parent_fd = fd};

        if (fd < 0)
                return swb_fail_errno(err, errno, "open folder '%s'", folder);
        if (syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
                return swb_fail_errno(err, errno, "allow writes in '%s'", folder);
        return 0;
}

int confine_writes(const char *folder, struct swb_error *err)
{
        const struct landlock_ruleset_attr attr = {.handled_access_fs = WRITING};
        _cleanup_close_ int rules = -EBADF;

        rules = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
        if (rules < 0) {
                swb_log(SWB_LOG_DEBUG, "no Landlock: %s, going on without", strerror(errno));
                return 0;
        }
        if (folder) {
                int r = allow_folder(rules, folder, err);

                if (r < 0)
                        return r;
        }
        if (syscall(SYS_landlock_restrict_self, rules, 0) < 0)
                return swb_fail_errno(err, errno, "give up writing");
        return 1;
}
