/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* server/jobs/image_files.h - the images' bytes: one file each, named by its SHA-256 in hex */
#include "server/store/payload_files.h"

#define SWB_IMAGE_FOLDER "images"

/* Takes an image into the data folder, by its SHA-256. Whoever holds ret_lock_fd keeps it there
 * until its row is committed. */
int swb_image_file_store(const char *data, const char *path, struct swb_payload_file *ret,
                         int *ret_lock_fd, struct swb_error *err) _warn_unused_;
/* Its place; owned by the caller. NULL: out of memory. */
char *swb_image_file_path(const char *data, const char *sha256);
