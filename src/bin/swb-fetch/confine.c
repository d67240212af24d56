/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swb-fetch/confine.h"

#include <dirent.h>
#include <grp.h>
#include <linux/sockios.h>
#include <pwd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/text.h"
#include "os/landlock.h"
#include "os/sandbox.h"

#define FILES_MAX 64
#define UID_LAST 65534

static int become_number(uid_t uid, struct swb_error *err)
{
        if (uid == geteuid() && uid == getuid())
                return 0;
        if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
                return swb_fail_errno(err, errno, "become user %u", uid);
        return 0;
}

static int become(const char *name, struct swb_error *err)
{
        const struct passwd *user = getpwnam(name);
        uint64_t number;

        if (!user && swb_parse_u64(name, &number) >= 0 && number <= UID_LAST)
                return become_number((uid_t)number, err);
        if (!user)
                return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG, "user '%s' does not exist", name);
        if (user->pw_uid == geteuid() && user->pw_uid == getuid())
                return 0;
        if (initgroups(name, user->pw_gid) < 0 ||
            setresgid(user->pw_gid, user->pw_gid, user->pw_gid) < 0 ||
            setresuid(user->pw_uid, user->pw_uid, user->pw_uid) < 0)
                return swb_fail_errno(err, errno, "become user '%s'", name);
        return 0;
}

static int set_limit(int resource, rlim_t value, const char *what, struct swb_error *err)
{
        const struct rlimit limit = {.rlim_cur = value, .rlim_max = value};

        if (setrlimit((__rlimit_resource_t)resource, &limit) < 0)
                return swb_fail_errno(err, errno, "limit %s", what);
        return 0;
}

/* ---- files ---- */

static void close_folder(DIR **folder)
{
        if (*folder)
                (void)closedir(*folder);
}

/* All of "/" but /dev. Resolvers, certificates and time zones lie where the maker wants them, so
 * there is no shorter list that is right. What can't be opened is not missed. */
static int allow_reading(int rules, struct swb_error *err)
{
        _cleanup_(close_folder) DIR *root = opendir("/");
        struct dirent *entry;
        char path[sizeof(entry->d_name) + 1];

        if (!root)
                return swb_fail_errno(err, errno, "open '/'");
        while ((entry = readdir(root))) {
                struct swb_error reason = SWB_ERROR_INIT;

                if (entry->d_name[0] == '.' || strcmp(entry->d_name, "dev") == 0)
                        continue;
                (void)snprintf(path, sizeof(path), "/%s", entry->d_name);
                if (swb_landlock_allow(rules, path, SWB_LANDLOCK_READ, &reason) < 0)
                        swb_log(SWB_LOG_DEBUG, "%s, going on without", reason.text);
        }
        return 0;
}

static int confine_files(struct swb_error *err)
{
        _cleanup_close_ int rules = -EBADF;
        int r;

        r = swb_landlock_begin(SWB_LANDLOCK_READ | SWB_LANDLOCK_WRITE | SWB_LANDLOCK_EXECUTE,
                               &rules, err);
        if (r == 0)
                swb_log(SWB_LOG_DEBUG, "no Landlock in this kernel, going on without");
        if (r <= 0)
                return r;
        r = allow_reading(rules, err);
        if (r >= 0)
                r = swb_landlock_enter(rules, err);
        return r < 0 ? r : CONFINED_FILES;
}

/* ---- system calls ---- */

/* What a download needs: connections that begin here, names, certificates, descriptors. */
static const char *const calls[] = {"access",           "alarm",      "bind",       "connect",
                                    "faccessat",        "faccessat2", "fadvise64",  "fadvise64_64",
                                    "arm_fadvise64_64", "flock",      "fstatat64",  "fstatfs",
                                    "fstatfs64",        "getdents",   "getdents64", "getpeername",
                                    "getsockname",      "getsockopt", "lstat",      "lstat64",
                                    "newfstatat",       "open",       "openat",     "readlink",
                                    "readlinkat",       "recv",       "recvfrom",   "recvmmsg",
                                    "recvmmsg_time64",  "recvmsg",    "send",       "sendmmsg",
                                    "sendmsg",          "sendto",     "setitimer",  "setsockopt",
                                    "shutdown",         "socketpair", "stat",       "stat64",
                                    "statfs",           "statfs64",   "statx",      NULL};

/* AF_UNIX and AF_NETLINK are how the C library asks for names and addresses. */
static const int families[] = {AF_INET, AF_INET6, AF_UNIX, AF_NETLINK};

static const unsigned long ioctls[] = {
        FIONBIO,      FIONREAD,    SIOCGIFADDR, SIOCGIFCONF, SIOCGIFFLAGS,
        SIOCGIFINDEX, SIOCGIFNAME, SIOCOUTQ,    TCGETS,      TIOCGWINSZ,
};

static int confine_calls(struct swb_error *err)
{
        const struct swb_sandbox_rules rules = {
                .calls = calls,
                .families = families,
                .n_families = SWB_ELEMENTS(families),
                .ioctls = ioctls,
                .n_ioctls = SWB_ELEMENTS(ioctls),
                .may_map_code = true, /* plug-ins of the C library's resolver */
        };
        int r = swb_sandbox_enter(&rules, err);

        if (r == 0)
                swb_log(SWB_LOG_DEBUG, "no seccomp in this kernel or build, going on without");
        return r > 0 ? CONFINED_CALLS : r;
}

static int give_up(struct swb_error *err)
{
        int files, r;

        files = confine_files(err);
        r = files < 0 ? files : confine_calls(err);
        return r < 0 ? r : files | r;
}

int confine(const char *user, struct swb_error *err)
{
        int r = 0;

        if (user && *user)
                r = become(user, err);
        if (r < 0)
                return r;
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return swb_fail_errno(err, errno, "give up new privileges");
        (void)umask(077);
        if (sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL) < 0)
                return swb_fail_errno(err, errno, "ignore a signal");
        r = set_limit(RLIMIT_CORE, 0, "core dumps", err);
        if (r >= 0)
                r = set_limit(RLIMIT_NOFILE, FILES_MAX, "open files", err);
        return r < 0 ? r : give_up(err);
}
