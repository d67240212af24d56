/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/payload_files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/text.h"
#include "os/file.h"

#define COPY_CHUNK_BYTES ((size_t)256 << 10)
#define LOCK_FILE "lock"
/* Of the one who holds the lock; left behind by a power cut it is overwritten by the next. */
#define TEMPORARY_FILE "new.tmp"

int swb_payload_files_open(const char *data_folder, int *ret_folder_fd, struct swb_error *err)
{
        return swb_open_folder(data_folder, SWB_PAYLOAD_FOLDER, 0755, ret_folder_fd, err);
}

int swb_payload_files_lock(int folder_fd, int *ret_lock_fd, struct swb_error *err)
{
        _cleanup_close_ int fd = openat(folder_fd, LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC, 0640);

        if (fd < 0)
                return swb_fail_errno(err, errno, "open the payload folder's lock file");
        while (flock(fd, LOCK_EX) < 0)
                if (errno != EINTR)
                        return swb_fail_errno(err, errno, "lock the payload folder");
        *ret_lock_fd = SWB_TAKE_FD(fd);
        return 0;
}

int swb_payload_file_read(int fd, const char *path, struct swb_payload_file *ret,
                          struct swb_error *err)
{
        struct swb_payload_file file;
        int r;

        r = swb_fd_size(fd, path, &file.n_bytes, err);
        if (r >= 0)
                r = swb_sha256_fd(fd, path, file.n_bytes, file.sha256, err);
        if (r >= 0)
                r = swb_sha1_fd(fd, path, file.n_bytes, file.sha1, err);
        if (r < 0)
                return r;
        swb_hex_encode(file.sha256, sizeof(file.sha256), file.name);
        *ret = file;
        return 0;
}

static int copy(int from, const char *path, int to, const struct swb_payload_file *file,
                struct swb_error *err)
{
        _cleanup_free_ uint8_t *chunk = malloc(COPY_CHUNK_BYTES);
        uint8_t digest[SWB_SHA256_BYTES];
        struct swb_sha256 sha;
        int r;

        if (!chunk)
                return swb_oom(err);
        swb_sha256_init(&sha);
        for (uint64_t done = 0; done < file->n_bytes;) {
                size_t n = (size_t)SWB_MIN(file->n_bytes - done, (uint64_t)COPY_CHUNK_BYTES);

                r = swb_pread(from, path, chunk, n, done, err);
                if (r >= 0)
                        r = swb_write_all(to, TEMPORARY_FILE, chunk, n, err);
                if (r < 0)
                        return r;
                swb_sha256_update(&sha, chunk, n);
                done += n;
        }
        swb_sha256_final(&sha, digest);
        if (memcmp(digest, file->sha256, sizeof(digest)) != 0)
                return swb_fail(err, -EBADMSG, SWB_FAULT_HASH, "'%s' changed while it was copied",
                                path);
        return 0;
}

static int sync_fd(int fd, const char *what, struct swb_error *err)
{
        return fsync(fd) < 0 ? swb_fail_errno(err, errno, "sync %s", what) : 0;
}

int swb_payload_file_store(int folder_fd, int fd, const char *path,
                           const struct swb_payload_file *file, struct swb_error *err)
{
        _cleanup_close_ int to = -EBADF;
        uint64_t n_bytes;
        int there, r;

        r = swb_payload_file_open(folder_fd, file->name, &there, &n_bytes, NULL);
        if (r >= 0) {
                (void)swb_close(there);
                if (n_bytes == file->n_bytes)
                        return 0;
        }
        to = openat(folder_fd, TEMPORARY_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        if (to < 0)
                return swb_fail_errno(err, errno, "create a file in the payload folder");
        r = copy(fd, path, to, file, err);
        if (r >= 0)
                r = sync_fd(to, "the payload's copy", err);
        if (r >= 0 && renameat(folder_fd, TEMPORARY_FILE, folder_fd, file->name) < 0)
                r = swb_fail_errno(err, errno, "name the payload's copy '%s'", file->name);
        if (r >= 0)
                r = sync_fd(folder_fd, "the payload folder", err);
        if (r < 0)
                (void)unlinkat(folder_fd, TEMPORARY_FILE,
                               0); /* best effort: the next overwrites it */
        return r;
}

bool swb_is_payload_file_name(const char *name)
{
        return strlen(name) == 64 && strspn(name, "0123456789abcdef") == 64;
}

int swb_payload_file_open(int folder_fd, const char *sha256, int *ret_fd, uint64_t *ret_bytes,
                          struct swb_error *err)
{
        _cleanup_close_ int fd = -EBADF;
        struct stat st;

        if (!swb_is_payload_file_name(sha256))
                return swb_fail(err, -ENOENT, SWB_FAULT_NOT_FOUND, "no payload '%.80s'", sha256);
        fd = openat(folder_fd, sha256, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
                return swb_fail_errno(err, errno, "open payload %s", sha256);
        if (fstat(fd, &st) < 0)
                return swb_fail_errno(err, errno, "stat payload %s", sha256);
        if (!S_ISREG(st.st_mode))
                return swb_fail(err, -ENOENT, SWB_FAULT_NOT_FOUND, "payload %s is not a file",
                                sha256);
        *ret_fd = SWB_TAKE_FD(fd);
        *ret_bytes = (uint64_t)st.st_size;
        return 0;
}

int swb_payload_file_remove(int folder_fd, const char *sha256, struct swb_error *err)
{
        swb_assert(swb_is_payload_file_name(sha256));
        if (unlinkat(folder_fd, sha256, 0) < 0 && errno != ENOENT)
                return swb_fail_errno(err, errno, "remove payload file %s", sha256);
        return 0;
}
