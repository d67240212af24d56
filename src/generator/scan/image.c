/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/scan/image.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "os/file.h"

static int check_kind(const struct swb_image *image, struct swb_error *err)
{
        struct stat st;

        if (fstat(image->fd, &st) < 0)
                return swb_fail_errno(err, errno, "image '%s'", image->path);
        if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
                return swb_fail(err, -EINVAL, SWB_FAULT_FORMAT,
                                "'%s' is not an image: neither a regular file nor a block device",
                                image->path);
        return 0;
}

static int check_size(struct swb_image *image, struct swb_error *err)
{
        int r = swb_fd_size(image->fd, image->path, &image->n_bytes, err);

        if (r < 0)
                return r;
        if (image->n_bytes == 0)
                return swb_fail(err, -EINVAL, SWB_FAULT_FORMAT, "image '%s' is empty", image->path);
        if (image->n_bytes % SWB_BLOCK_BYTES)
                return swb_fail(
                        err, -EINVAL, SWB_FAULT_FORMAT,
                        "image '%s' has %" PRIu64 " bytes, no multiple of %d: pad it where it "
                        "is built (truncate --size=%%%d '%s')",
                        image->path, image->n_bytes, SWB_BLOCK_BYTES, SWB_BLOCK_BYTES, image->path);
        image->n_blocks = image->n_bytes / SWB_BLOCK_BYTES;
        if (image->n_blocks > SWB_IMAGE_BLOCKS_MAX)
                return swb_fail(err, -E2BIG, SWB_FAULT_LIMIT,
                                "image '%s' has %" PRIu64 " bytes, more than 16 TiB", image->path,
                                image->n_bytes);
        return 0;
}

int swb_image_open(const char *path, struct swb_image **ret, struct swb_error *err)
{
        _cleanup_(swb_image_freep) struct swb_image *image = calloc(1, sizeof(*image));
        int r;

        if (!image)
                return swb_oom(err);
        /* O_NONBLOCK: a FIFO given by mistake must not hang the open; no effect on files. */
        image->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (image->fd < 0)
                return swb_fail_errno(err, errno, "open image '%s'", path);
        image->path = strdup(path);
        if (!image->path)
                return swb_oom(err);
        r = check_kind(image, err);
        if (r < 0)
                return r;
        r = check_size(image, err);
        if (r < 0)
                return r;
        *ret = SWB_TAKE_PTR(image);
        return 0;
}

struct swb_image *swb_image_free(struct swb_image *image)
{
        if (!image)
                return NULL;
        (void)swb_close(image->fd);
        free(image->path);
        free(image);
        return NULL;
}

int swb_image_read(const struct swb_image *image, uint64_t block, uint64_t n_blocks, uint8_t *data,
                   struct swb_error *err)
{
        swb_assert(block <= image->n_blocks && n_blocks <= image->n_blocks - block);
        return swb_pread(image->fd, image->path, data, (size_t)(n_blocks * SWB_BLOCK_BYTES),
                         block * SWB_BLOCK_BYTES, err);
}

int swb_image_read_extents(const struct swb_image *image, const struct swb_extent *extents,
                           size_t n_extents, uint8_t *data, struct swb_error *err)
{
        for (size_t i = 0; i < n_extents; i++) {
                bool hole = extents[i].start_block == SWB_SPARSE_HOLE;
                int r = hole ? 0
                             : swb_image_read(image, extents[i].start_block, extents[i].n_blocks,
                                              data, err);

                if (r < 0)
                        return r;
                if (hole)
                        memset(data, 0, (size_t)extents[i].n_blocks * SWB_BLOCK_BYTES);
                data += extents[i].n_blocks * SWB_BLOCK_BYTES;
        }
        return 0;
}
