/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/store/images.h - which images are stored, for deltas to be made from and to
 *
 * jobs.h adds and finds them; the bytes are in DATA/images, by their SHA-256.
 */
#include "server/store/jobs.h"

struct swb_image {
        int64_t id, app;
        char appid[SWB_APPID_MAX + 1], version[SWB_VERSION_MAX + 1];
        char sha256[65]; /* hex */
        uint64_t n_bytes;
        int64_t created; /* seconds since 1970 */
};

/* By app, newest first. app 0: of all. */
int swb_image_list(struct swb_db *db, int64_t app,
                   int (*each)(const struct swb_image *image, void *userdata,
                               struct swb_error *err),
                   void *userdata, struct swb_error *err) _warn_unused_;
/* NOT_FOUND. */
int swb_image_read(struct swb_db *db, int64_t app, const char *version, struct swb_image *ret,
                   struct swb_error *err) _warn_unused_;
/* The row; inside the caller's transaction. */
int swb_image_remove(struct swb_db *db, const struct swb_image *image,
                     struct swb_error *err) _warn_unused_;
/* Does any image still have this file? */
int swb_image_file_used(struct swb_db *db, const char *sha256, bool *ret,
                        struct swb_error *err) _warn_unused_;
