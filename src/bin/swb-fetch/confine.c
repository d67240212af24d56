/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swb-fetch/confine.h"

#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define FILES_MAX 64

static int become(const char *name, struct swb_error *err)
{
        const struct passwd *user = getpwnam(name);

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
        return r;
}
