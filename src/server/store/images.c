/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/images.h"

#define SELECT                                                                                     \
        "SELECT i.id, i.app, a.appid, i.version, i.sha256, i.size, i.created FROM images i"        \
        " JOIN apps a ON a.id = i.app WHERE "

static void read_row(const struct swb_query *q, struct swb_image *image)
{
        *image = (struct swb_image){.id = swb_query_i64(q, 0),
                                    .app = swb_query_i64(q, 1),
                                    .n_bytes = (uint64_t)swb_query_i64(q, 5),
                                    .created = swb_query_i64(q, 6)};
        swb_copy_bounded(image->appid, swb_query_text(q, 2), SWB_APPID_MAX);
        swb_copy_bounded(image->version, swb_query_text(q, 3), SWB_VERSION_MAX);
        swb_copy_bounded(image->sha256, swb_query_text(q, 4), 64);
}

int swb_image_list(struct swb_db *db, int64_t app,
                   int (*each)(const struct swb_image *image, void *userdata,
                               struct swb_error *err),
                   void *userdata, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        struct swb_image image;
        int r;

        r = swb_query_init(&q, db, SELECT "?1 = 0 OR i.app = ?1 ORDER BY a.appid, i.id DESC", err);
        if (r < 0)
                return r;
        swb_query_bind_i64(&q, app);
        while (r >= 0 && (r = swb_query_step(&q, err)) > 0) {
                read_row(&q, &image);
                r = each(&image, userdata, err);
        }
        return r;
}

int swb_image_read(struct swb_db *db, int64_t app, const char *version, struct swb_image *ret,
                   struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r;

        r = swb_query_init(&q, db, SELECT "i.app = ? AND i.version = ? AND i.partition = 'root'",
                           err);
        if (r < 0)
                return r;
        swb_query_bind_i64(&q, app);
        swb_query_bind_text(&q, version);
        r = swb_query_step(&q, err);
        if (r < 0)
                return r;
        if (r == 0)
                return swb_fail(err, -ENOENT, SWB_FAULT_NOT_FOUND,
                                "no image of version '%.64s' is here", version);
        read_row(&q, ret);
        return 0;
}

int swb_image_remove(struct swb_db *db, const struct swb_image *image, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r = swb_query_init(&q, db, "DELETE FROM images WHERE id = ?", err);

        if (r < 0)
                return r;
        swb_query_bind_i64(&q, image->id);
        return swb_query_run(&q, err);
}

int swb_image_file_used(struct swb_db *db, const char *sha256, bool *ret, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r = swb_query_init(&q, db, "SELECT 1 FROM images WHERE sha256 = ?", err);

        if (r < 0)
                return r;
        swb_query_bind_text(&q, sha256);
        r = swb_query_step(&q, err);
        if (r < 0)
                return r;
        *ret = r > 0;
        return 0;
}
