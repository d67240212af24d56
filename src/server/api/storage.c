/* SPDX-License-Identifier: Apache-2.0 */
/* Images and payload files: what is stored, what uses it, and that it goes. */
#include "server/publish/storage.h"
#include "server/api/change.h"
#include "server/api/jobs.h"
#include "server/jobs/image_files.h"
#include "server/publish/upload.h"
#include "server/report/report.h"
#include "server/store/payload_files.h"
#include "server/store/uses.h"

static int add_user(const char *user, void *userdata, struct swb_error *err)
{
        (void)err;
        swb_json_str(userdata, NULL, user);
        return 0;
}

static int put_users(struct swb_api_call *call, enum swb_used kind, int64_t app, const char *name,
                     struct swb_error *err)
{
        int r;

        swb_json_open_array(&call->json, "used_by");
        r = swb_uses_list(call->db, kind, app, name, add_user, &call->json, err);
        swb_json_close_array(&call->json);
        return r;
}

static void put_time(struct swb_json *json, const char *name, int64_t at)
{
        char text[SWB_TIME_TEXT];

        swb_json_str(json, name, swb_format_time(at, text));
}

/* --- images --- */

static void open_image(struct swb_json *json, const struct swb_image *image)
{
        swb_json_open_object(json, NULL);
        swb_json_str(json, "app", image->appid);
        swb_json_str(json, "version", image->version);
        swb_json_str(json, "sha256", image->sha256);
        swb_json_u64(json, "size", image->n_bytes);
        put_time(json, "created", image->created);
}

static int add_image(const struct swb_image *image, void *userdata, struct swb_error *err)
{
        struct swb_api_call *call = userdata;
        int r;

        open_image(&call->json, image);
        r = put_users(call, SWB_USED_IMAGE, image->app, image->version, err);
        swb_json_close_object(&call->json);
        return r;
}

static int list_images(struct swb_api_call *call, struct swb_error *err)
{
        int r;

        swb_json_open_array(&call->json, NULL);
        r = swb_image_list(call->db, call->app.id, add_image, call, err);
        swb_json_close_array(&call->json);
        return r;
}

static int describe_image(struct swb_api_call *call, struct swb_json *json, struct swb_error *err)
{
        struct swb_image image;
        int r = *swb_api_name(call)
                        ? swb_image_read(call->db, call->app.id, swb_api_name(call), &image, err)
                        : -ENOENT;

        if (r < 0)
                return r == -ENOENT ? 0 : r;
        open_image(json, &image);
        swb_json_close_object(json);
        return 1;
}

static int show_image(struct swb_api_call *call, struct swb_error *err)
{
        struct swb_image image;
        int r = swb_image_read(call->db, call->app.id, call->args[0], &image, err);

        return r < 0 ? r : add_image(&image, call, err);
}

struct removal {
        struct swb_storage storage;
        struct swb_image image;
};

static void removal_done(struct removal *removal)
{
        swb_storage_done(&removal->storage);
}

static int remove_image_row(struct swb_api_call *call, struct swb_error *err)
{
        struct removal *removal = call->userdata;
        bool is_forced = false;
        int r;

        r = swb_api_query_bool(call, "force", &is_forced, err);
        if (r >= 0)
                r = swb_image_read(call->db, call->app.id, call->args[0], &removal->image, err);
        return r < 0 ? r : swb_storage_drop_image(call->db, &removal->image, is_forced, err);
}

static int remove_image(struct swb_api_call *call, struct swb_error *err)
{
        static const struct swb_api_route rows = {
                "DELETE",       "images/{version}", SWB_SCOPE_DEPLOY, remove_image_row,
                describe_image, "image.remove",     SWB_API_NO_BODY};
        _cleanup_(removal_done) struct removal removal = {.storage = SWB_STORAGE_INIT};
        int r;

        r = swb_storage_begin(&removal.storage, call->shared->config.data, SWB_IMAGE_FOLDER, err);
        call->route = &rows;
        call->userdata = &removal;
        if (r >= 0)
                r = swb_api_change(call, err);
        if (r < 0 || !*removal.image.sha256) /* or answered before */
                return r;
        return swb_storage_drop_image_file(&removal.storage, call->db, removal.image.sha256, err);
}

/* --- an image that was uploaded --- */

static int add_image_row(struct swb_api_call *call, struct swb_error *err)
{
        const struct swb_payload_file *file = call->userdata;
        const char *appid, *version;
        int r;

        r = swb_api_need(call, "app", &appid, err);
        if (r >= 0)
                r = swb_api_need(call, "version", &version, err);
        if (r >= 0)
                r = swb_app_ensure(call->db, appid, call->now, &call->app, err);
        if (r >= 0)
                r = swb_image_put(call->db, call->app.id, version, file->name, file->n_bytes,
                                  call->now, err);
        if (r < 0)
                return r;
        swb_copy_bounded(call->made, version, SWB_VERSION_MAX);
        return swb_api_job_make(call, version, err);
}

static int store_upload(struct swb_api_call *call, const char *upload,
                        struct swb_payload_file *file, struct swb_error *err)
{
        static const struct swb_api_route rows = {"POST",
                                                  "images",
                                                  SWB_SCOPE_DEPLOY,
                                                  add_image_row,
                                                  describe_image,
                                                  "image.add",
                                                  SWB_API_NO_APP | SWB_API_CATALOG};
        _cleanup_close_ int lock = -EBADF;
        int r = swb_image_file_store(call->shared->config.data, upload, file, &lock, err);

        call->route = &rows;
        call->userdata = file;
        return r < 0 ? r : swb_api_change(call, err);
}

/* The upload goes, whatever becomes of it. */
static int add_upload(struct swb_api_call *call, struct swb_error *err)
{
        _cleanup_free_ char *upload = NULL;
        struct swb_payload_file file;
        const char *sha256;
        int r;

        r = swb_api_only(call, "upload app version " SWB_API_JOB_MEMBERS, err);
        if (r >= 0)
                r = swb_api_need(call, "upload", &sha256, err);
        if (r >= 0)
                r = swb_upload_find(call->shared->config.data, sha256, &upload, err);
        if (r < 0)
                return r;
        r = store_upload(call, upload, &file, err);
        (void)unlink(upload); /* what stays goes a day later */
        return r;
}

/* --- files of payloads --- */

static int write_file(struct swb_api_call *call, const struct swb_storage_file *file,
                      struct swb_error *err)
{
        int r;

        swb_json_open_object(&call->json, NULL);
        swb_json_str(&call->json, "sha256", file->sha256);
        swb_json_u64(&call->json, "size", file->n_bytes);
        put_time(&call->json, "changed", file->changed);
        r = put_users(call, SWB_USED_PAYLOAD_FILE, 0, file->sha256, err);
        swb_json_close_object(&call->json);
        return r;
}

static int is_wanted(struct swb_api_call *call, const char *sha256, bool only_unused,
                     struct swb_error *err)
{
        bool used;
        int r;

        if (!only_unused)
                return 1;
        r = swb_payload_file_used(call->db, sha256, &used, err);
        return r < 0 ? r : !used;
}

static int list_files(struct swb_api_call *call, struct swb_error *err)
{
        _cleanup_free_ struct swb_storage_file *files = NULL;
        bool only_unused = false;
        size_t n = 0;
        int r;

        r = swb_api_query_bool(call, "unused", &only_unused, err);
        if (r >= 0)
                r = swb_storage_list(call->shared->config.data, SWB_PAYLOAD_FOLDER, &files, &n,
                                     err);
        if (r < 0)
                return r;
        swb_json_open_array(&call->json, NULL);
        for (size_t i = 0; r >= 0 && i < n; i++) {
                r = is_wanted(call, files[i].sha256, only_unused, err);
                if (r > 0)
                        r = write_file(call, &files[i], err);
        }
        swb_json_close_array(&call->json);
        return r;
}

static int check_file(struct swb_api_call *call, struct swb_error *err)
{
        return swb_storage_check_payload(call->userdata, call->db, call->args[0], err);
}

/* Publishing the same payload waits for the lock, and then stores it anew. */
static int remove_file(struct swb_api_call *call, struct swb_error *err)
{
        static const struct swb_api_route rows = {"DELETE",
                                                  "payload-files/{sha256}",
                                                  SWB_SCOPE_DEPLOY,
                                                  check_file,
                                                  NULL,
                                                  "payload-file.remove",
                                                  SWB_API_NO_APP | SWB_API_NO_BODY};
        _cleanup_(swb_storage_done) struct swb_storage storage = SWB_STORAGE_INIT;
        int r;

        r = swb_storage_begin(&storage, call->shared->config.data, SWB_PAYLOAD_FOLDER, err);
        call->route = &rows;
        call->userdata = &storage;
        if (r >= 0)
                r = swb_api_change(call, err);
        return r < 0 ? r : swb_payload_file_remove(storage.folder_fd, call->args[0], err);
}

const struct swb_api_route swb_api_storage_routes[] = {
        {"GET", "images", SWB_SCOPE_READ, list_images, NULL, NULL, SWB_API_ANY_APP},
        {"POST", "images", SWB_SCOPE_DEPLOY, add_upload, NULL, NULL, SWB_API_NO_APP | SWB_API_SELF},
        {"GET", "images/{version}", SWB_SCOPE_READ, show_image, describe_image, NULL, 0},
        {"DELETE", "images/{version}", SWB_SCOPE_DEPLOY, remove_image, describe_image,
         "image.remove", SWB_API_SELF | SWB_API_NO_BODY},
        {"GET", "payload-files", SWB_SCOPE_READ, list_files, NULL, NULL, SWB_API_NO_APP},
        {"DELETE", "payload-files/{sha256}", SWB_SCOPE_DEPLOY, remove_file, NULL,
         "payload-file.remove", SWB_API_NO_APP | SWB_API_SELF | SWB_API_NO_BODY},
        {0},
};
