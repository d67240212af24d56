/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swb-server/publish-remote.h"

#include <fcntl.h>
#include <inttypes.h>

#include "bin/swb-server/client.h"
#include "os/file.h"
#include "os/hash.h"
#include "server/publish/manifest.h"
#include "server/store/payload_files.h"

#define PIECE_BYTES ((size_t)512 << 10)
#define KEY_MAX_BYTES (64u << 10)

static int send_piece(const struct swb_payload_file *file, uint64_t offset, const void *data,
                      size_t n_bytes, struct swb_error *err)
{
        _cleanup_free_ char *path = client_path("uploads", file->name, NULL);
        struct client_request request = {
                .method = "PUT", .path = path, .bytes = data, .n_bytes = n_bytes};
        char query[32];

        (void)snprintf(query, sizeof(query), "offset=%" PRIu64, offset);
        request.query = query;
        return client_do(&request, err);
}

static int send_file(const char *path, struct swb_payload_file *file, struct swb_error *err)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        _cleanup_free_ uint8_t *piece = malloc(PIECE_BYTES);
        int r;

        if (fd < 0)
                return swb_fail_errno(err, errno, "open '%s'", path);
        if (!piece)
                return swb_oom(err);
        r = swb_payload_file_read(fd, path, file, err);
        for (uint64_t done = 0; r >= 0 && done < file->n_bytes; done += PIECE_BYTES) {
                size_t n = (size_t)SWB_MIN(file->n_bytes - done, (uint64_t)PIECE_BYTES);

                r = swb_pread(fd, path, piece, n, done, err);
                if (r >= 0)
                        r = send_piece(file, done, piece, n, err);
        }
        return r;
}

/* --- what it is --- */

static int set_manifest(json_t *body, const struct swb_publish_options *options,
                        struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf text = SWB_BUF_INIT(SWB_PUBLISH_MANIFEST_MAX_BYTES);
        _cleanup_free_ char *beside = NULL;
        const char *path = options->manifest;
        json_error_t error;
        json_t *manifest;
        int r;

        if (!path) {
                if (asprintf(&beside, "%s.json", options->payload) < 0) {
                        beside = NULL;
                        return swb_oom(err);
                }
                path = beside;
        }
        r = swb_read_file(path, &text, err);
        if (r < 0)
                return r;
        manifest = json_loadb((const char *)text.data, text.n_bytes, 0, &error);
        if (!manifest)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT, "'%s': not JSON, line %d: %s",
                                path, error.line, error.text);
        return json_object_set_new(body, "manifest", manifest) < 0 ? swb_oom(err) : 0;
}

static int set_keys(json_t *body, const struct swb_publish_options *options, struct swb_error *err)
{
        json_t *list = options->n_public_keys > 0 ? json_array() : NULL;
        int r = 0;

        if (!list)
                return 0;
        for (size_t i = 0; r >= 0 && i < options->n_public_keys; i++) {
                _cleanup_(swb_buf_done) struct swb_buf text = SWB_BUF_INIT(KEY_MAX_BYTES);

                r = swb_read_file(options->public_keys[i], &text, err);
                if (r >= 0 && json_array_append_new(list, json_stringn((const char *)text.data,
                                                                       text.n_bytes)) < 0)
                        r = swb_fail(err, -EINVAL, SWB_FAULT_CONFIG, "'%s' is not a PEM text",
                                     options->public_keys[i]);
        }
        if (r < 0) {
                json_decref(list);
                return r;
        }
        return json_object_set_new(body, "public_keys", list) < 0 ? swb_oom(err) : 0;
}

static int set_options(json_t *body, const struct swb_publish_options *options,
                       const struct swb_payload_file *file, struct swb_error *err)
{
        const char *slash = strrchr(options->payload, '/');
        int r;

        r = client_set_text(body, "upload", file->name, err);
        if (r >= 0)
                r = client_set_text(body, "name", slash ? slash + 1 : options->payload, err);
        if (r >= 0)
                r = client_set_text(body, "channel", options->channel, err);
        if (r >= 0)
                r = client_set_text(body, "deadline", options->deadline, err);
        if (r >= 0 && options->max_failures > 0)
                r = client_set_number(body, "max_failures", options->max_failures, err);
        if (r >= 0 && options->required_signatures > 0)
                r = client_set_number(body, "required_signatures", options->required_signatures,
                                      err);
        if (r >= 0 && options->disable_backoff)
                r = json_object_set_new(body, "disable_backoff", json_true()) < 0 ? swb_oom(err)
                                                                                  : 0;
        return r;
}

static void read_result(const json_t *json, struct swb_publish_result *result)
{
        *result = (struct swb_publish_result){.was_there = client_bool(json, "was_there")};
        swb_copy_bounded(result->appid, client_text(json, "app"), SWB_APPID_MAX);
        swb_copy_bounded(result->release.version, client_text(json, "version"), SWB_VERSION_MAX);
        swb_copy_bounded(result->payload.source_version, client_text(json, "source_version"),
                         SWB_VERSION_MAX);
        swb_copy_bounded(result->payload.sha256, client_text(json, "sha256"),
                         sizeof(result->payload.sha256) - 1);
        swb_copy_bounded(result->key_id, client_text(json, "key"), sizeof(result->key_id) - 1);
        result->payload.size = client_number(json, "size");
}

int publish_remote(const struct swb_publish_options *options, struct swb_publish_result *ret,
                   struct swb_error *err)
{
        _cleanup_(client_answer_done) struct client_answer answer = {0};
        _cleanup_(client_json_done) json_t *body = json_object();
        struct client_request request = {.method = "POST", .path = "releases", .body = body};
        struct swb_payload_file file;
        int r;

        r = set_manifest(body, options, err);
        if (r >= 0)
                r = set_keys(body, options, err);
        if (r >= 0)
                r = send_file(options->payload, &file, err);
        if (r >= 0)
                r = set_options(body, options, &file, err);
        if (r >= 0)
                r = client_call(&request, &answer, err);
        if (r < 0)
                return r;
        read_result(answer.json, ret);
        return 0;
}

static int set_image(json_t *body, const struct publish_image_options *options, const char *sha256,
                     struct swb_error *err)
{
        int r;

        r = client_set_text(body, "upload", sha256, err);
        if (r >= 0)
                r = client_set_text(body, "app", options->appid, err);
        if (r >= 0)
                r = client_set_text(body, "version", options->version, err);
        if (r >= 0 && *options->plan.channel)
                r = client_set_text(body, "channel", options->plan.channel, err);
        if (r >= 0)
                r = client_set_number(body, "max_deltas", options->plan.max_deltas, err);
        if (r >= 0)
                r = client_set_number(body, "cpu_seconds", options->plan.cpu_seconds, err);
        return r < 0 ? r : client_set_number(body, "delta_bytes", options->plan.delta_bytes, err);
}

int publish_image_remote(const char *path, const struct publish_image_options *options,
                         struct swb_error *err)
{
        _cleanup_(client_answer_done) struct client_answer answer = {0};
        _cleanup_(client_json_done) json_t *body = json_object();
        struct client_request request = {.method = "POST", .path = "images", .body = body};
        struct swb_payload_file file;
        int r;

        if (options->n_keys > 0)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "with --server an image's payloads are signed with the server's "
                                "keys (serve --pack-key), not with --key");
        r = send_file(path, &file, err);
        if (r >= 0)
                r = set_image(body, options, file.name, err);
        if (r >= 0)
                r = client_call(&request, &answer, err);
        if (r < 0)
                return r;
        (void)printf("job %llu waits for a server with --jobs\n",
                     (unsigned long long)client_number(answer.json, "id"));
        return SWB_EXIT_OK;
}
