/* SPDX-License-Identifier: Apache-2.0 */
#include "os/landlock.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define READING (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITING                                                                                    \
        (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                           \
         LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR |                           \
         LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |                               \
         LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |                             \
         LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)
/* All that a rule for a file, not a folder, may name. */
#define OF_FILES                                                                                   \
        (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_EXECUTE)

static uint64_t access_of(unsigned rights)
{
        uint64_t access = 0;

        if (rights & SWB_LANDLOCK_READ)
                access |= READING;
        if (rights & SWB_LANDLOCK_WRITE)
                access |= WRITING;
        if (rights & SWB_LANDLOCK_EXECUTE)
                access |= LANDLOCK_ACCESS_FS_EXECUTE;
        return access;
}

int swb_landlock_begin(unsigned rights, int *ret_rules, struct swb_error *err)
{
        const struct landlock_ruleset_attr attr = {.handled_access_fs = access_of(rights)};
        int rules = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);

        if (rules < 0 && (errno == ENOSYS || errno == EOPNOTSUPP))
                return 0;
        if (rules < 0)
                return swb_fail_errno(err, errno, "prepare to give up files");
        *ret_rules = rules;
        return 1;
}

int swb_landlock_allow(int rules, const char *path, unsigned rights, struct swb_error *err)
{
        _cleanup_close_ int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        struct landlock_path_beneath_attr rule = {.allowed_access = access_of(rights),
                                                  .parent_fd = fd};
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return swb_fail_errno(err, errno, "open '%s'", path);
        if (S_ISLNK(st.st_mode))
                return swb_fail_errno(err, ELOOP, "allow '%s'", path);
        if (!S_ISDIR(st.st_mode))
                rule.allowed_access &= OF_FILES;
        if (syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
                return swb_fail_errno(err, errno, "allow '%s'", path);
        return 0;
}

int swb_landlock_enter(int rules, struct swb_error *err)
{
        if (syscall(SYS_landlock_restrict_self, rules, 0) < 0)
                return swb_fail_errno(err, errno, "give up files");
        return 0;
}
