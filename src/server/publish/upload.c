/* SPDX-License-Identifier: Apache-2.0 */
#include "server/publish/upload.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "os/file.h"
#include "server/store/payload_files.h"

#define FOLDER "uploads"

static int check_name(const char *sha256, struct swb_error *err)
{
        if (swb_is_payload_file_name(sha256))
                return 0;
        return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "'%.80s' is not a SHA-256 in lower-case hex",
                        sha256);
}

/* Room for one more: drops what nobody goes on with. */
static int make_room(int folder, const char *sha256, int64_t now, struct swb_error *err)
{
        int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *list = fd < 0 ? NULL : fdopendir(fd);
        const struct dirent *entry;
        struct stat st;
        size_t n = 0;

        if (!list) {
                (void)swb_close(fd);
                return swb_fail_errno(err, errno, "list the uploads");
        }
        while ((entry = readdir(list))) {
                if (!swb_is_payload_file_name(entry->d_name) || strcmp(entry->d_name, sha256) == 0)
                        continue;
                if (fstatat(folder, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
                    now - st.st_mtime > SWB_UPLOAD_SECONDS)
                        (void)unlinkat(folder, entry->d_name, 0); /* best effort */
                else
                        n++;
        }
        (void)closedir(list);
        if (n < SWB_UPLOADS_MAX)
                return 0;
        return swb_fail(err, -EDQUOT, SWB_FAULT_LIMIT,
                        "%d uploads are under way already: wait until one is published",
                        SWB_UPLOADS_MAX);
}

static int add_piece(int fd, const char *sha256, uint64_t offset, const void *data, size_t n_bytes,
                     struct swb_error *err)
{
        uint64_t there;
        int r;

        if (flock(fd, LOCK_EX) < 0)
                return swb_fail_errno(err, errno, "lock upload %s", sha256);
        r = swb_fd_size(fd, sha256, &there, err);
        if (r >= 0 && offset == 0 && there > 0 && ftruncate(fd, 0) < 0)
                r = swb_fail_errno(err, errno, "empty upload %s", sha256);
        if (r < 0)
                return r;
        if (offset != 0 && offset != there)
                return swb_fail(err, -EEXIST, SWB_FAULT_USAGE,
                                "upload %s has %llu bytes: go on there, or begin at 0", sha256,
                                (unsigned long long)there);
        return swb_pwrite(fd, sha256, data, n_bytes, offset, err);
}

int swb_upload_add(const char *data_folder, const char *sha256, uint64_t offset, const void *data,
                   size_t n_bytes, int64_t now, uint64_t *ret_bytes, struct swb_error *err)
{
        _cleanup_close_ int folder = -EBADF, fd = -EBADF;
        int r;

        r = check_name(sha256, err);
        if (r >= 0 && (offset > SWB_UPLOAD_MAX_BYTES || n_bytes > SWB_UPLOAD_MAX_BYTES - offset))
                return swb_fail(err, -E2BIG, SWB_FAULT_LIMIT, "an upload has at most %llu bytes",
                                SWB_UPLOAD_MAX_BYTES);
        if (r >= 0)
                r = swb_open_folder(data_folder, FOLDER, 0750, &folder, err);
        if (r >= 0 && offset == 0)
                r = make_room(folder, sha256, now, err);
        if (r < 0)
                return r;
        fd = openat(folder, sha256, O_RDWR | O_CLOEXEC | O_NOFOLLOW | (offset == 0 ? O_CREAT : 0),
                    0640);
        if (fd < 0)
                return swb_fail_errno(err, errno, "open upload %s", sha256);
        r = add_piece(fd, sha256, offset, data, n_bytes, err);
        if (r < 0)
                return r;
        *ret_bytes = offset + n_bytes;
        return 0;
}

int swb_upload_find(const char *data_folder, const char *sha256, char **ret_path,
                    struct swb_error *err)
{
        _cleanup_free_ char *path = NULL;
        int r = check_name(sha256, err);

        if (r < 0)
                return r;
        if (asprintf(&path, "%s/" FOLDER "/%s", data_folder, sha256) < 0) {
                path = NULL;
                return swb_oom(err);
        }
        if (access(path, F_OK) < 0)
                return swb_fail(err, -ENOENT, SWB_FAULT_NOT_FOUND, "nothing was uploaded as %s",
                                sha256);
        *ret_path = SWB_TAKE_PTR(path);
        return 0;
}
