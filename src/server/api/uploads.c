/* SPDX-License-Identifier: Apache-2.0 */
/* Payloads that come by the API: their bytes in pieces, then what they are. */
#include <inttypes.h>
#include <sys/stat.h>

#include "os/file.h"
#include "server/api/change.h"
#include "server/publish/publish.h"
#include "server/publish/upload.h"
#include "server/report/report.h"

#define KEYS_MAX 16

static int add_piece(struct swb_api_call *call, struct swb_error *err)
{
        uint64_t offset, n_bytes = 0;
        int r;

        r = swb_api_query_u64(call, "offset", 0, &offset, err);
        if (r >= 0)
                r = swb_upload_add(call->shared->config.data, call->args[0], offset,
                                   call->request->body, call->request->n_body, call->now, &n_bytes,
                                   err);
        if (r < 0)
                return r;
        swb_json_open_object(&call->json, NULL);
        swb_json_u64(&call->json, "bytes", n_bytes);
        swb_json_close_object(&call->json);
        return 0;
}

/* A folder for the files that publish.h reads, beside the upload; what is in it goes with it. */
struct files {
        char *folder;
        char *manifest, *keys[KEYS_MAX];
        size_t n_keys;
};

static void files_done(struct files *files)
{
        for (size_t i = 0; i < files->n_keys; i++) {
                (void)unlink(files->keys[i]);
                free(files->keys[i]);
        }
        if (files->manifest)
                (void)unlink(files->manifest);
        if (files->folder)
                (void)rmdir(files->folder);
        free(files->manifest);
        free(files->folder);
}

static int write_file(const struct files *files, const char *name, const char *text, char **ret,
                      struct swb_error *err)
{
        if (asprintf(ret, "%s/%s", files->folder, name) < 0) {
                *ret = NULL;
                return swb_oom(err);
        }
        return swb_write_file_durable(*ret, text, strlen(text), 0600, err);
}

static int make_folder(struct files *files, const char *upload, struct swb_error *err)
{
        if (asprintf(&files->folder, "%s.XXXXXX", upload) < 0) {
                files->folder = NULL;
                return swb_oom(err);
        }
        if (mkdtemp(files->folder))
                return 0;
        free(files->folder);
        files->folder = NULL;
        return swb_fail_errno(err, errno, "make a folder beside '%s'", upload);
}

static int write_manifest(struct swb_api_call *call, struct files *files, struct swb_error *err)
{
        const json_t *manifest = json_object_get(call->body, "manifest");
        _cleanup_free_ char *text = NULL;

        if (!json_is_object(manifest))
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "'manifest' must be the payload's JSON manifest");
        text = json_dumps(manifest, JSON_COMPACT);
        return text ? write_file(files, "manifest", text, &files->manifest, err) : swb_oom(err);
}

/* To trust keys is an administrator's to decide, as with PATCH of an app. */
static int write_keys(struct swb_api_call *call, struct files *files, struct swb_error *err)
{
        char name[32];
        json_t *list;
        int r = swb_api_texts(call, "public_keys", &list, err);

        if (r < 0)
                return r;
        if ((json_array_size(list) > 0 || json_object_get(call->body, "required_signatures")) &&
            call->identity.scope < SWB_SCOPE_ADMIN)
                return swb_fail(err, -EPERM, SWB_FAULT_DENIED,
                                "to change which keys are trusted needs the scope 'admin'");
        if (json_array_size(list) > KEYS_MAX)
                return swb_fail(err, -E2BIG, SWB_FAULT_LIMIT, "'public_keys': at most %d",
                                KEYS_MAX);
        for (size_t i = 0; r >= 0 && i < json_array_size(list); i++) {
                (void)snprintf(name, sizeof(name), "key%zu", i);
                r = write_file(files, name, json_string_value(json_array_get(list, i)),
                               &files->keys[files->n_keys++], err);
        }
        return r;
}

static int read_options(struct swb_api_call *call, struct swb_publish_options *options,
                        struct swb_error *err)
{
        int r;

        r = swb_api_text(call, "name", &options->name, err);
        if (r >= 0 && options->name && (!*options->name || strchr(options->name, '/')))
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "'name' is a file's name");
        if (r >= 0)
                r = swb_api_text(call, "channel", &options->channel, err);
        if (r >= 0)
                r = swb_api_text(call, "deadline", &options->deadline, err);
        if (r >= 0)
                r = swb_api_bool(call, "disable_backoff", &options->disable_backoff, err);
        if (r >= 0)
                r = swb_api_u64(call, "max_failures", &options->max_failures, err);
        return r < 0 ? r
                     : swb_api_u64(call, "required_signatures", &options->required_signatures, err);
}

static void write_result(struct swb_json *json, const struct swb_publish_result *result)
{
        swb_json_open_object(json, NULL);
        swb_json_str(json, "app", result->appid);
        swb_json_str(json, "version", result->release.version);
        swb_json_str(json, "source_version",
                     *result->payload.source_version ? result->payload.source_version : NULL);
        swb_json_u64(json, "size", result->payload.size);
        swb_json_str(json, "sha256", result->payload.sha256);
        swb_json_str(json, "key", *result->key_id ? result->key_id : NULL);
        swb_json_bool(json, "was_there", result->was_there);
        swb_json_close_object(json);
}

static int publish_upload(struct swb_api_call *call, const char *upload, struct swb_error *err)
{
        struct swb_publish_options options = {.identity = &call->identity, .payload = upload};
        _cleanup_(files_done) struct files files = {0};
        struct swb_publish_result result;
        int r;

        r = read_options(call, &options, err);
        if (r >= 0)
                r = make_folder(&files, upload, err);
        if (r >= 0)
                r = write_manifest(call, &files, err);
        if (r >= 0)
                r = write_keys(call, &files, err);
        if (r < 0)
                return r;
        options.manifest = files.manifest;
        options.public_keys = (const char *const *)files.keys;
        options.n_public_keys = files.n_keys;
        r = swb_publish(call->db, call->shared->config.data, &options, &result, err);
        if (r >= 0)
                write_result(&call->json, &result);
        return r;
}

/* The upload goes, whatever becomes of it. */
static int publish(struct swb_api_call *call, struct swb_error *err)
{
        _cleanup_free_ char *upload = NULL;
        const char *sha256;
        int r;

        r = swb_api_only(call,
                         "upload manifest name channel deadline disable_backoff max_failures "
                         "public_keys required_signatures",
                         err);
        if (r >= 0)
                r = swb_api_need(call, "upload", &sha256, err);
        if (r >= 0)
                r = swb_upload_find(call->shared->config.data, sha256, &upload, err);
        if (r < 0)
                return r;
        r = publish_upload(call, upload, err);
        (void)unlink(upload); /* what stays goes a day later */
        return r;
}

const struct swb_api_route swb_api_upload_routes[] = {
        {"PUT", "uploads/{sha256}", SWB_SCOPE_DEPLOY, add_piece, NULL, NULL,
         SWB_API_NO_APP | SWB_API_SELF | SWB_API_BYTES},
        {"POST", "releases", SWB_SCOPE_DEPLOY, publish, NULL, NULL, SWB_API_NO_APP | SWB_API_SELF},
        {0},
};
