/* SPDX-License-Identifier: Apache-2.0 */
#include "os/file.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#define READ_CHUNK_BYTES 16384

/* Linux transfers at most 0x7ffff000 bytes a call; asking for less keeps the counts in ssize_t. */
#define TRANSFER_MAX_BYTES ((size_t)1 << 30)

static int check_range(const char *name, size_t n_bytes, uint64_t offset, struct swb_error *err)
{
        if (offset > INT64_MAX || n_bytes > INT64_MAX - offset)
                return swb_fail(err, -EFBIG, SWB_FAULT_IO, "%s: byte %ju is beyond any file", name,
                                (uintmax_t)offset);
        return 0;
}

int swb_pread(int fd, const char *name, void *data, size_t n_bytes, uint64_t offset,
              struct swb_error *err)
{
        uint8_t *p = data;
        int r;

        r = check_range(name, n_bytes, offset, err);
        if (r < 0)
                return r;
        while (n_bytes > 0) {
                ssize_t n = pread(fd, p, SWB_MIN(n_bytes, TRANSFER_MAX_BYTES), (off_t)offset);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return swb_fail_errno(err, errno, "read %s at byte %ju", name,
                                              (uintmax_t)offset);
                if (n == 0)
                        return swb_fail(err, -EIO, SWB_FAULT_IO,
                                        "%s ends at byte %ju, %zu more were wanted", name,
                                        (uintmax_t)offset, n_bytes);
                p += n;
                n_bytes -= (size_t)n;
                offset += (uint64_t)n;
        }
        return 0;
}

int swb_pwrite(int fd, const char *name, const void *data, size_t n_bytes, uint64_t offset,
               struct swb_error *err)
{
        const uint8_t *p = data;
        int r;

        r = check_range(name, n_bytes, offset, err);
        if (r < 0)
                return r;
        while (n_bytes > 0) {
                ssize_t n = pwrite(fd, p, SWB_MIN(n_bytes, TRANSFER_MAX_BYTES), (off_t)offset);

                if (n < 0 && errno == EINTR)
                        continue;
                /* A block device answers 0 beyond its end in some kernels, ENOSPC in others. */
                if (n <= 0)
                        return swb_fail_errno(err, n < 0 ? errno : ENOSPC, "write %s at byte %ju",
                                              name, (uintmax_t)offset);
                p += n;
                n_bytes -= (size_t)n;
                offset += (uint64_t)n;
        }
        return 0;
}

ssize_t swb_read_some(int fd, const char *name, void *data, size_t n_bytes, struct swb_error *err)
{
        ssize_t n;

        do
                n = read(fd, data, SWB_MIN(n_bytes, TRANSFER_MAX_BYTES));
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return swb_fail_errno(err, errno, "read %s", name);
        return n;
}

int swb_write_all(int fd, const char *name, const void *data, size_t n_bytes, struct swb_error *err)
{
        const uint8_t *p = data;

        while (n_bytes > 0) {
                ssize_t n = write(fd, p, SWB_MIN(n_bytes, TRANSFER_MAX_BYTES));

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return swb_fail_errno(err, n < 0 ? errno : ENOSPC, "write %s", name);
                p += n;
                n_bytes -= (size_t)n;
        }
        return 0;
}

int swb_fd_size(int fd, const char *name, uint64_t *ret_bytes, struct swb_error *err)
{
        struct stat st;
        uint64_t n;

        if (fstat(fd, &st) < 0)
                return swb_fail_errno(err, errno, "%s", name);
        if (S_ISREG(st.st_mode)) {
                *ret_bytes = (uint64_t)st.st_size;
                return 0;
        }
        if (!S_ISBLK(st.st_mode))
                return swb_fail(err, -EINVAL, SWB_FAULT_IO,
                                "%s is neither a file nor a block device", name);
        if (ioctl(fd, BLKGETSIZE64, &n) < 0)
                return swb_fail_errno(err, errno, "size of %s", name);
        *ret_bytes = n;
        return 0;
}

int swb_read_file(const char *path, struct swb_buf *buf, struct swb_error *err)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        uint8_t chunk[READ_CHUNK_BYTES];
        ssize_t n;
        int r;

        if (fd < 0)
                return swb_fail_errno(err, errno, "open %s", path);
        while ((n = swb_read_some(fd, path, chunk, sizeof(chunk), err)) > 0) {
                r = swb_buf_append(buf, chunk, (size_t)n);
                if (r == -E2BIG)
                        return swb_fail(err, r, SWB_FAULT_LIMIT, "%s is larger than %zu bytes",
                                        path, buf->max_bytes);
                if (r < 0)
                        return swb_fail_errno(err, r, "read %s", path);
        }
        return (int)n;
}

int swb_sync_folder_of(const char *path, struct swb_error *err)
{
        const char *slash = strrchr(path, '/');
        _cleanup_free_ char *folder = NULL;
        _cleanup_close_ int fd = -EBADF;

        if (!slash)
                folder = strdup(".");
        else
                folder = strndup(path, slash == path ? 1 : (size_t)(slash - path));
        if (!folder)
                return swb_oom(err);
        fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return swb_fail_errno(err, errno, "open folder %s", folder);
        if (fsync(fd) < 0)
                return swb_fail_errno(err, errno, "sync folder %s", folder);
        return 0;
}

/* mode is set on the open file: neither the umask nor a leftover's mode decides it. */
static int write_synced(const char *path, const void *data, size_t n_bytes, unsigned mode,
                        struct swb_error *err)
{
        _cleanup_close_ int fd =
                open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
        int r;

        if (fd < 0)
                return swb_fail_errno(err, errno, "create %s", path);
        if (fchmod(fd, mode) < 0)
                return swb_fail_errno(err, errno, "set mode of %s", path);
        r = swb_write_all(fd, path, data, n_bytes, err);
        if (r < 0)
                return r;
        if (fsync(fd) < 0)
                return swb_fail_errno(err, errno, "sync %s", path);
        return 0;
}

int swb_write_file_durable(const char *path, const void *data, size_t n_bytes, unsigned mode,
                           struct swb_error *err)
{
        _cleanup_free_ char *temporary = NULL;
        int r;

        /* A fixed name: what a power cut leaves behind is overwritten next time, never piled up. */
        if (asprintf(&temporary, "%s" SWB_TEMPORARY_SUFFIX, path) < 0) {
                temporary = NULL;
                return swb_oom(err);
        }
        r = write_synced(temporary, data, n_bytes, mode, err);
        if (r >= 0 && rename(temporary, path) < 0)
                r = swb_fail_errno(err, errno, "rename %s to %s", temporary, path);
        if (r < 0) {
                (void)unlink(temporary); /* best effort, the write's error is what counts */
                return r;
        }
        return swb_sync_folder_of(path, err);
}

int swb_remove_file_durable(const char *path, struct swb_error *err)
{
        if (unlink(path) < 0) {
                if (errno == ENOENT)
                        return 0;
                return swb_fail_errno(err, errno, "remove %s", path);
        }
        return swb_sync_folder_of(path, err);
}

static int make_dir(const char *path, unsigned mode, struct swb_error *err)
{
        struct stat st;

        if (mkdir(path, mode) == 0)
                return swb_sync_folder_of(path, err);
        if (errno == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
                return 0;
        return swb_fail_errno(err, errno, "make folder %s", path);
}

int swb_make_dirs(const char *path, unsigned mode, struct swb_error *err)
{
        _cleanup_free_ char *prefix = strdup(path);
        int r;

        if (!prefix)
                return swb_oom(err);
        for (char *p = prefix; *p; p++) {
                if (*p != '/' || p == prefix)
                        continue;
                *p = '\0';
                r = make_dir(prefix, mode, err);
                if (r < 0)
                        return r;
                *p = '/';
        }
        return make_dir(prefix, mode, err);
}

int swb_open_folder(const char *parent, const char *name, unsigned mode, int *ret_fd,
                    struct swb_error *err)
{
        _cleanup_free_ char *path = NULL;
        int fd, r;

        if (asprintf(&path, "%s/%s", parent, name) < 0) {
                path = NULL;
                return swb_oom(err);
        }
        r = swb_make_dirs(path, mode, err);
        if (r < 0)
                return r;
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return swb_fail_errno(err, errno, "open folder %s", path);
        *ret_fd = fd;
        return 0;
}
