/* SPDX-License-Identifier: Apache-2.0 */
#include "device/boot/medium.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>

#include "os/file.h"

#define LOCK_TRIES 100
#define LOCK_PAUSE_NSEC 100000000

struct file {
        struct swb_medium medium;
        int fd;
};

static int is_boots(struct swb_error *err, int r)
{
        if (r < 0 && err)
                err->fault = SWB_FAULT_BOOT;
        return r;
}

static int file_read(struct swb_medium *medium, void *data, size_t n_bytes, uint64_t offset,
                     struct swb_error *err)
{
        struct file *file = (struct file *)medium;

        (void)posix_fadvise(file->fd, (off_t)offset, (off_t)n_bytes, POSIX_FADV_DONTNEED);
        return is_boots(err, swb_pread(file->fd, medium->name, data, n_bytes, offset, err));
}

static int file_write(struct swb_medium *medium, const void *data, size_t n_bytes, uint64_t offset,
                      struct swb_error *err)
{
        struct file *file = (struct file *)medium;

        return is_boots(err, swb_pwrite(file->fd, medium->name, data, n_bytes, offset, err));
}

static int file_sync(struct swb_medium *medium, struct swb_error *err)
{
        struct file *file = (struct file *)medium;

        if (fsync(file->fd) < 0)
                return swb_fail(err, -errno, SWB_FAULT_BOOT, "sync %s: %s", medium->name,
                                strerror(errno));
        return 0;
}

/* The lock that udev and the partitioning tools honour. Held for milliseconds by others; whoever
 * keeps it for seconds must not get us stuck as well. */
static int file_lock(struct swb_medium *medium, struct swb_error *err)
{
        const struct timespec pause = {.tv_nsec = LOCK_PAUSE_NSEC};
        struct file *file = (struct file *)medium;

        for (int i = 0; i < LOCK_TRIES; i++) {
                if (flock(file->fd, LOCK_EX | LOCK_NB) == 0)
                        return 0;
                if (errno != EWOULDBLOCK)
                        return swb_fail(err, -errno, SWB_FAULT_BOOT, "lock %s: %s", medium->name,
                                        strerror(errno));
                (void)nanosleep(&pause, NULL);
        }
        return swb_fail(err, -EBUSY, SWB_FAULT_BOOT, "%s: another program keeps it locked",
                        medium->name);
}

static void file_unlock(struct swb_medium *medium)
{
        struct file *file = (struct file *)medium;

        (void)flock(file->fd, LOCK_UN);
}

static void file_close(struct swb_medium *medium)
{
        struct file *file = (struct file *)medium;

        (void)swb_close(file->fd);
        free(medium->name);
        free(file);
}

static void closep(struct file **file)
{
        if (*file)
                file_close(&(*file)->medium);
}

static const struct swb_medium_ops file_ops = {
        .read = file_read,
        .write = file_write,
        .sync = file_sync,
        .lock = file_lock,
        .unlock = file_unlock,
        .close = file_close,
};

int swb_medium_open(const char *path, struct swb_medium **ret, struct swb_error *err)
{
        _cleanup_(closep) struct file *file = calloc(1, sizeof(*file));
        struct stat st;
        int bytes, r;

        if (!file)
                return swb_oom(err);
        file->fd = -EBADF;
        file->medium.ops = &file_ops;
        file->medium.name = strdup(path);
        if (!file->medium.name)
                return swb_oom(err);
        file->fd = open(path, O_RDWR | O_CLOEXEC);
        if (file->fd < 0 || fstat(file->fd, &st) < 0)
                return swb_fail(err, -errno, SWB_FAULT_BOOT, "open %s for reading and writing: %s",
                                path, strerror(errno));
        if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
                return swb_fail(err, -ENOTBLK, SWB_FAULT_BOOT, "%s: is no block device", path);
        if (S_ISBLK(st.st_mode) && ioctl(file->fd, BLKSSZGET, &bytes) == 0 && bytes > 0)
                file->medium.sector_bytes = (size_t)bytes;
        r = swb_fd_size(file->fd, path, &file->medium.n_bytes, err);
        if (r < 0)
                return is_boots(err, r);
        *ret = &SWB_TAKE_PTR(file)->medium;
        return 0;
}
