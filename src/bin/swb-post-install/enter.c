/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The new system's root, read-only, becomes the only files there are.
 *
 * A read-only mount of some file systems writes after all, to put a journal in order; what was just
 * proved right must stay so, hence the options.
 */
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "bin/swb-post-install/post_install.h"

#define ROOT_FLAGS (MS_RDONLY | MS_NOSUID | MS_NODEV)
#define ADVICE                                                                                     \
        "is not permitted: swbd needs CAP_SYS_ADMIN for a post-install program, see "              \
        "post-install.conf in docs/walls.md"

static const struct {
        const char *name, *options;
} file_systems[] = {
        {"squashfs", NULL},     {"erofs", NULL},       {"ext4", "noload"},
        {"ext2", NULL},         {"xfs", "norecovery"}, {"btrfs", "rescue=nologreplay"},
        {"f2fs", "norecovery"},
};

static const char *const devices[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random",
                                      "/dev/urandom"};

static int failed(struct swb_error *err, const char *what, const char *path)
{
        int error = errno;

        if (error == EPERM || error == EACCES)
                return swb_fail(err, -error, SWB_FAULT_DENIED, "%s '%s': " ADVICE, what, path);
        return swb_fail_errno(err, error, "%s '%s'", what, path);
}

static int mount_device(const char *device, const char *place, struct swb_error *err)
{
        for (size_t i = 0; i < SWB_ELEMENTS(file_systems); i++) {
                if (mount(device, place, file_systems[i].name, ROOT_FLAGS,
                          file_systems[i].options) == 0)
                        return 0;
                if (errno != EINVAL && errno != ENODEV)
                        return failed(err, "mount", device);
        }
        return swb_fail(err, -EINVAL, SWB_FAULT_UNSUPPORTED,
                        "mount '%s': no file system that is known here", device);
}

static int mount_folder(const char *folder, const char *place, struct swb_error *err)
{
        if (mount(folder, place, NULL, MS_BIND, NULL) < 0 ||
            mount(NULL, place, NULL, MS_REMOUNT | MS_BIND | ROOT_FLAGS, NULL) < 0)
                return failed(err, "mount", folder);
        return 0;
}

static int mount_root(const char *root, const char *place, struct swb_error *err)
{
        struct stat st;

        if (stat(root, &st) < 0)
                return swb_fail_errno(err, errno, "look at '%s'", root);
        /* Nothing that is mounted from now on is seen outside, nor the other way round. */
        if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                return failed(err, "make private", "/");
        return S_ISDIR(st.st_mode) ? mount_folder(root, place, err)
                                   : mount_device(root, place, err);
}

/* An image without this folder does without. */
static int furnish(const char *type, const char *place, unsigned long flags, const char *options,
                   struct swb_error *err)
{
        if (mount(type, place, type, flags, options) < 0 && errno != ENOENT && errno != ENOTDIR)
                return failed(err, "mount", place);
        return 0;
}

/* The devices as mounts of their own, which need no place yet. -EBADF: not there. */
static void pick_devices(int *fds)
{
        for (size_t i = 0; i < SWB_ELEMENTS(devices); i++)
                fds[i] = open_tree(AT_FDCWD, devices[i], OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
}

static int place_devices(const int *fds, struct swb_error *err)
{
        struct stat st;
        int r;

        if (stat("/dev", &st) < 0 || !S_ISDIR(st.st_mode))
                return 0;
        r = furnish("tmpfs", "/dev", MS_NOSUID | MS_NOEXEC, "mode=0755,size=64k", err);
        for (size_t i = 0; r >= 0 && i < SWB_ELEMENTS(devices); i++) {
                _cleanup_close_ int file = -EBADF;

                if (fds[i] < 0)
                        continue;
                file = open(devices[i], O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
                if (file < 0 ||
                    move_mount(fds[i], "", AT_FDCWD, devices[i], MOVE_MOUNT_F_EMPTY_PATH) < 0)
                        r = failed(err, "place", devices[i]);
        }
        if (r >= 0 && mount(NULL, "/dev", NULL,
                            MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NOEXEC, NULL) < 0)
                r = failed(err, "make read-only", "/dev");
        return r;
}

static int change_root(const char *place, struct swb_error *err)
{
        /* Both roots at one place, the old one on top of it until it is taken off. */
        if (chdir(place) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
            umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
                return failed(err, "make the root of", place);
        return 0;
}

int post_install_enter(const char *root, const char *place, struct swb_error *err)
{
        int fds[SWB_ELEMENTS(devices)], r;

        r = mount_root(root, place, err);
        if (r < 0)
                return r;
        pick_devices(fds);
        r = change_root(place, err);
        if (r >= 0)
                r = furnish("proc", "/proc", ROOT_FLAGS | MS_NOEXEC, NULL, err);
        if (r >= 0)
                r = furnish("tmpfs", "/tmp", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=1777,size=16m",
                            err);
        if (r >= 0)
                r = place_devices(fds, err);
        for (size_t i = 0; i < SWB_ELEMENTS(fds); i++)
                (void)swb_close(fds[i]);
        return r;
}
