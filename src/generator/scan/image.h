/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/scan/image.h - an image of a partition, read by blocks
 *
 * A regular file or block device whose size is a multiple of SWB_BLOCK_BYTES. Opened read-only;
 * reading is safe from several threads.
 */
#include "payload/format.h"

struct swb_image {
        char *path;
        int fd;
        uint64_t n_bytes;
        uint64_t n_blocks; /* at most SWB_IMAGE_BLOCKS_MAX */
};

/* Block numbers fit 32 bits with room for marks: images below 16 TiB. */
#define SWB_IMAGE_BLOCKS_MAX 0xfffffff0u

/* NOT_FOUND, DENIED, FORMAT (a folder, empty, size no multiple of the block), LIMIT. */
int swb_image_open(const char *path, struct swb_image **ret, struct swb_error *err) _warn_unused_;
struct swb_image *swb_image_free(struct swb_image *image);
SWB_DEFINE_CLEANUP(struct swb_image *, swb_image_free)

/* n_blocks from `block` on; all must lie inside the image. */
int swb_image_read(const struct swb_image *image, uint64_t block, uint64_t n_blocks, uint8_t *data,
                   struct swb_error *err) _warn_unused_;
/* The extents' blocks one after the other; `data` has room for all of them. */
int swb_image_read_extents(const struct swb_image *image, const struct swb_extent *extents,
                           size_t n_extents, uint8_t *data, struct swb_error *err) _warn_unused_;
