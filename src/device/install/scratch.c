/* SPDX-License-Identifier: Apache-2.0 */
#include "device/install/scratch.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/log.h"
#include "os/file.h"

#define NAME "scratch"

/* One that an ended process left behind under the name was cut off between two calls. */
static int make_file(struct swb_scratch_file *scratch)
{
        _cleanup_free_ char *path = NULL;

        if (!scratch->folder) {
                scratch->fd = memfd_create(NAME, MFD_CLOEXEC);
                return scratch->fd < 0 ? -errno : 0;
        }
        if (asprintf(&path, "%s/" NAME, scratch->folder) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        (void)unlink(path);
        scratch->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (scratch->fd < 0)
                return -errno;
        (void)unlink(path);
        return 0;
}

static int write_scratch(void *context, uint64_t offset, const uint8_t *data, size_t n)
{
        struct swb_scratch_file *scratch = context;
        struct swb_error error = SWB_ERROR_INIT;
        int r = scratch->fd < 0 ? make_file(scratch) : 0;

        if (r < 0)
                return r;
        r = swb_pwrite(scratch->fd, NAME, data, n, offset, &error);
        if (r < 0)
                swb_log(SWB_LOG_DEBUG, "%s", error.text);
        return r;
}

static int read_scratch(void *context, uint64_t offset, uint8_t *data, size_t n)
{
        const struct swb_scratch_file *scratch = context;

        return scratch->fd < 0 ? -EIO : swb_pread(scratch->fd, NAME, data, n, offset, NULL);
}

int swb_scratch_file_reserve(struct swb_scratch_file *scratch, uint64_t n)
{
        int r;

        if (!scratch->folder || n == 0)
                return 0;
        r = scratch->fd < 0 ? make_file(scratch) : 0;
        if (r < 0)
                return r;
        r = fallocate(scratch->fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)n) < 0 ? -errno : 0;
        return r == -ENOSPC || r == -EDQUOT || r == -EFBIG ? -ENOSPC : 0;
}

int swb_scratch_file_init(struct swb_scratch_file *scratch, const char *folder)
{
        *scratch =
                (struct swb_scratch_file){.fd = -EBADF, .folder = folder ? strdup(folder) : NULL};
        scratch->open = (struct swb_open_scratch){.context = scratch,
                                                  .max_bytes = SWB_OPEN_SCRATCH_BYTES,
                                                  .write = write_scratch,
                                                  .read = read_scratch};
        return folder && !scratch->folder ? -ENOMEM : 0;
}

void swb_scratch_file_done(struct swb_scratch_file *scratch)
{
        scratch->fd = swb_close(scratch->fd);
        free(scratch->folder);
        scratch->folder = NULL;
}
