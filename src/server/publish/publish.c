/* SPDX-License-Identifier: Apache-2.0 */
#include "server/publish/publish.h"

#include <fcntl.h>

#include "base/json_writer.h"
#include "base/text.h"
#include "os/file.h"
#include "server/publish/verify.h"
#include "server/store/audit.h"
#include "server/store/channels.h"
#include "server/store/payload_files.h"

/* Everything that one publish holds. */
struct job {
        const struct swb_publish_options *options;
        struct swb_db *db;
        struct swb_publish_manifest manifest;
        struct swb_keyring *ring; /* see load_keys() */
        int folder_fd, lock_fd, payload_fd;
        struct swb_payload_file file;
};

static void job_done(struct job *job)
{
        swb_publish_manifest_done(&job->manifest);
        (void)swb_keyring_free(job->ring);
        (void)swb_close(job->payload_fd);
        (void)swb_close(job->lock_fd);
        (void)swb_close(job->folder_fd);
}

static int bad_version(const char *version, struct swb_error *err)
{
        return swb_fail(
                err, -EBADMSG, SWB_FAULT_FORMAT,
                "JSON manifest: '%.80s' can't be a version: 1 to %d letters, digits, '.', '_', "
                "'+', '~', '-'",
                version, SWB_VERSION_MAX);
}

static int check_names(const struct swb_publish_manifest *manifest, struct swb_error *err)
{
        if (!swb_is_plain_id(manifest->appid, SWB_APPID_MAX))
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                "JSON manifest: '%.160s' can't be an app id: 1 to %d printable "
                                "characters without spaces",
                                manifest->appid, SWB_APPID_MAX);
        if (!swb_is_release_version(manifest->target_version))
                return bad_version(manifest->target_version, err);
        if (manifest->is_delta && !swb_is_release_version(manifest->source_version))
                return bad_version(manifest->source_version, err);
        if (strlen(manifest->metadata_signature) > SWB_METADATA_SIGNATURE_MAX)
                return swb_fail(err, -E2BIG, SWB_FAULT_LIMIT,
                                "JSON manifest: 'metadata_signature' is too long");
        return 0;
}

static int read_manifest(struct job *job, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf text = SWB_BUF_INIT(SWB_PUBLISH_MANIFEST_MAX_BYTES);
        _cleanup_free_ char *beside = NULL;
        const char *path = job->options->manifest;
        int r;

        if (!path) {
                if (asprintf(&beside, "%s.json", job->options->payload) < 0) {
                        beside = NULL;
                        return swb_oom(err);
                }
                path = beside;
        }
        r = swb_read_file(path, &text, err);
        if (r >= 0)
                r = swb_publish_manifest_parse(text.data, text.n_bytes, &job->manifest, err);
        if (r >= 0)
                r = check_names(&job->manifest, err);
        return r < 0 ? swb_wrap(err, r, "'%s'", path) : 0;
}

/* Keys that were given, that the app has, or, when there are none of both, the manifest's own: that
 * one proves no origin, but that payload and manifest were made together. */
static int load_keys(struct job *job, bool *ret_trusted, struct swb_error *err)
{
        const char *own = job->manifest.public_key;
        uint64_t required = job->options->required_signatures;
        struct swb_app app;
        int r;

        r = swb_keyring_new(&job->ring, err);
        for (size_t i = 0; r >= 0 && i < job->options->n_public_keys; i++)
                r = swb_keyring_add_file(job->ring, job->options->public_keys[i], err);
        if (r < 0)
                return r;
        if (swb_app_find(job->db, job->manifest.appid, &app, err) >= 0) {
                r = swb_app_load_keys(job->db, app.id, job->ring, err);
                required = required > 0 ? required : app.required_signatures;
        } else if (err && err->fault != SWB_FAULT_NOT_FOUND) {
                return err->code;
        }
        *ret_trusted = swb_keyring_count(job->ring) > 0;
        if (r >= 0 && (*ret_trusted || required > 1))
                r = swb_keyring_require(job->ring, SWB_MAX(required, 1u), err);
        if (r >= 0 && !*ret_trusted && *own)
                r = swb_keyring_add_pem(job->ring, "public_key of the JSON manifest", own,
                                        strlen(own), err);
        return r;
}

static int check_file(struct job *job, struct swb_error *err)
{
        const char *path = job->options->payload;
        int r;

        job->payload_fd = open(path, O_RDONLY | O_CLOEXEC);
        if (job->payload_fd < 0)
                return swb_fail_errno(err, errno, "open '%s'", path);
        r = swb_payload_file_read(job->payload_fd, path, &job->file, err);
        if (r < 0)
                return r;
        if (job->file.n_bytes != job->manifest.size)
                return swb_fail(err, -EBADMSG, SWB_FAULT_HASH,
                                "'%s' has %llu bytes, its JSON manifest says %llu", path,
                                (unsigned long long)job->file.n_bytes,
                                (unsigned long long)job->manifest.size);
        if (memcmp(job->file.sha256, job->manifest.sha256, SWB_SHA256_BYTES) != 0)
                return swb_fail(err, -EBADMSG, SWB_FAULT_HASH,
                                "'%s' has SHA-256 %s, its JSON manifest says another", path,
                                job->file.name);
        return 0;
}

static const char *base_name(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}

static void describe(const struct job *job, struct swb_publish_result *result)
{
        struct swb_payload *payload = &result->payload;
        struct swb_release *release = &result->release;

        swb_copy_bounded(payload->source_version, job->manifest.source_version, SWB_VERSION_MAX);
        swb_copy_bounded(payload->sha256, job->file.name, sizeof(payload->sha256) - 1);
        swb_base64_encode(job->file.sha1, SWB_SHA1_BYTES, payload->sha1);
        payload->size = job->file.n_bytes;
        payload->metadata_size = job->manifest.metadata_size;
        swb_copy_bounded(payload->metadata_signature, job->manifest.metadata_signature,
                         SWB_METADATA_SIGNATURE_MAX);
        swb_copy_bounded(payload->name,
                         job->options->name ? job->options->name : base_name(job->options->payload),
                         sizeof(payload->name) - 1);
        swb_copy_bounded(release->version, job->manifest.target_version, SWB_VERSION_MAX);
        swb_copy_bounded(release->deadline, job->options->deadline, sizeof(release->deadline) - 1);
        release->disable_backoff = job->options->disable_backoff;
        release->max_failures = job->options->max_failures;
}

static int store_keys(const struct job *job, int64_t app, int64_t now, struct swb_error *err)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < job->options->n_public_keys; i++)
                r = swb_app_add_key_file(job->db, app, job->options->public_keys[i], now, err);
        return r;
}

static int write_audit(const struct job *job, const struct swb_publish_result *result, int64_t now,
                       struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf state = SWB_BUF_INIT(4096);
        struct swb_json json = SWB_JSON(&state, false);
        char object[SWB_VERSION_MAX + 16];
        struct swb_audit_entry entry = {.identity = job->options->identity ? job->options->identity
                                                                           : &swb_identity_server,
                                        .action = "release.publish",
                                        .app = result->appid,
                                        .object = object};

        (void)snprintf(object, sizeof(object), "releases/%s", result->release.version);
        swb_json_open_object(&json, NULL);
        swb_json_str(&json, "payload", result->payload.name);
        swb_json_str(&json, "source_version",
                     *result->payload.source_version ? result->payload.source_version : NULL);
        swb_json_str(&json, "sha256", result->payload.sha256);
        swb_json_str(&json, "key", *result->key_id ? result->key_id : NULL);
        swb_json_str(&json, "channel", job->options->channel);
        swb_json_close_object(&json);
        if (swb_json_end(&json) < 0)
                return swb_oom(err);
        state.data[state.n_bytes - 1] = '\0'; /* the line's end */
        entry.new_state = (const char *)state.data;
        return swb_audit_put(job->db, &entry, now, err);
}

static int store_rows(const struct job *job, struct swb_publish_result *result,
                      struct swb_error *err)
{
        _cleanup_(swb_transaction_done) struct swb_transaction t = {0};
        int64_t now = (int64_t)time(NULL);
        struct swb_app app;
        int r;

        r = swb_transaction_begin(&t, job->db, err);
        if (r >= 0)
                r = swb_app_ensure(job->db, job->manifest.appid, now, &app, err);
        if (r >= 0)
                r = store_keys(job, app.id, now, err);
        if (r >= 0 && job->options->required_signatures > 0) {
                app.required_signatures = job->options->required_signatures;
                r = swb_app_update(job->db, &app, err);
        }
        if (r >= 0)
                r = swb_release_put(job->db, app.id, now, &result->release, err);
        if (r >= 0)
                r = swb_payload_put(job->db, result->release.id, now, &result->payload, err);
        if (r < 0)
                return r;
        result->was_there = r > 0;
        memcpy(result->appid, app.appid, sizeof(result->appid));
        if (job->options->channel) {
                r = swb_channel_set(job->db, app.id, job->options->channel, result->release.id, now,
                                    err);
                if (r < 0)
                        return r;
        }
        r = write_audit(job, result, now, err);
        return r < 0 ? r : swb_transaction_commit_catalog(&t, err);
}

static int run(struct job *job, const char *data_folder, struct swb_publish_result *result,
               struct swb_error *err)
{
        const char *path = job->options->payload;
        struct swb_publish_check check;
        bool trusted = false;
        int r;

        r = read_manifest(job, err);
        if (r >= 0)
                r = load_keys(job, &trusted, err);
        if (r >= 0)
                r = check_file(job, err);
        if (r < 0)
                return r;
        check = (struct swb_publish_check){.manifest = &job->manifest, .ring = job->ring};
        r = swb_publish_verify(job->payload_fd, path, &check, result->key_id, &result->payload,
                               err);
        if (r < 0)
                return swb_wrap(err, r, "'%s'", path);
        if (!trusted)
                result->key_id[0] = '\0';
        describe(job, result);
        r = swb_payload_files_open(data_folder, &job->folder_fd, err);
        if (r >= 0)
                r = swb_payload_files_lock(job->folder_fd, &job->lock_fd, err);
        if (r >= 0)
                r = swb_payload_file_store(job->folder_fd, job->payload_fd, path, &job->file, err);
        if (r < 0)
                return r;
        return store_rows(job, result, err);
}

int swb_publish(struct swb_db *db, const char *data_folder,
                const struct swb_publish_options *options, struct swb_publish_result *ret,
                struct swb_error *err)
{
        _cleanup_(job_done) struct job job = {.options = options,
                                              .db = db,
                                              .folder_fd = -EBADF,
                                              .lock_fd = -EBADF,
                                              .payload_fd = -EBADF};
        struct swb_publish_result result = {0};
        struct swb_error mine = SWB_ERROR_INIT;
        int r;

        r = run(&job, data_folder, &result, &mine);
        if (r < 0) {
                if (err)
                        *err = mine;
                return r;
        }
        *ret = result;
        return 0;
}
