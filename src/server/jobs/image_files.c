/* SPDX-License-Identifier: Apache-2.0 */
#include "server/jobs/image_files.h"

#include <fcntl.h>

#include "os/file.h"

int swb_image_file_store(const char *data, const char *path, struct swb_payload_file *ret,
                         int *ret_lock_fd, struct swb_error *err)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        _cleanup_close_ int folder = -EBADF;
        _cleanup_close_ int lock = -EBADF;
        int r;

        if (fd < 0)
                return swb_fail_errno(err, errno, "open '%s'", path);
        r = swb_open_folder(data, SWB_IMAGE_FOLDER, 0750, &folder, err);
        if (r >= 0)
                r = swb_payload_files_lock(folder, &lock, err);
        if (r >= 0)
                r = swb_payload_file_read(fd, path, ret, err);
        if (r >= 0)
                r = swb_payload_file_store(folder, fd, path, ret, err);
        if (r >= 0)
                *ret_lock_fd = SWB_TAKE_FD(lock);
        return r;
}

char *swb_image_file_path(const char *data, const char *sha256)
{
        char *path;

        return asprintf(&path, "%s/" SWB_IMAGE_FOLDER "/%s", data, sha256) < 0 ? NULL : path;
}
