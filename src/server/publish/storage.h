/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/publish/storage.h - stored images and payload files that nobody needs any more go
 *
 * As with unpublish.h: the lock, then rows inside the caller's transaction, then the file. A cut in
 * between leaves a file that nobody names; it is listed as such, and can be removed.
 */
#include "server/store/images.h"

struct swb_storage {
        int folder_fd, lock_fd;
};

#define SWB_STORAGE_INIT ((struct swb_storage){-EBADF, -EBADF})

/* DATA/images or DATA/payloads; keeps other changes of it out until _done(). */
int swb_storage_begin(struct swb_storage *s, const char *data_folder, const char *name,
                      struct swb_error *err) _warn_unused_;
void swb_storage_done(struct swb_storage *s);

/* The row. BUSY while something uses it; with is_forced only while a job may read it. */
int swb_storage_drop_image(struct swb_db *db, const struct swb_image *image, bool is_forced,
                           struct swb_error *err) _warn_unused_;
/* The file, unless another version has the same image; after the commit. */
int swb_storage_drop_image_file(struct swb_storage *s, struct swb_db *db, const char *sha256,
                                struct swb_error *err) _warn_unused_;
/* NOT_FOUND; BUSY while a release uses it. */
int swb_storage_check_payload(struct swb_storage *s, struct swb_db *db, const char *sha256,
                              struct swb_error *err) _warn_unused_;

#define SWB_STORAGE_FILES_MAX 100000

struct swb_storage_file {
        char sha256[65]; /* hex */
        uint64_t n_bytes;
        int64_t changed; /* seconds since 1970 */
};

/* The files of a folder, by name; owned by the caller. LIMIT: above SWB_STORAGE_FILES_MAX. */
int swb_storage_list(const char *data_folder, const char *name, struct swb_storage_file **ret,
                     size_t *ret_n, struct swb_error *err) _warn_unused_;
