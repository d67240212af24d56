/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The packages' bytes: in our payload folder already, in a folder of files, or behind their URL.
 * import->files gets, by the package's id, {"sha256": hex, "sha1": base64, "size", "from"}; of a
 * file that a plan without `apply` would download, the first ones are as Nebraska says.
 */
#include <fcntl.h>
#include <unistd.h>

#include "base/text.h"
#include "os/file.h"
#include "os/http.h"
#include "server/import/internal.h"

/* What Nebraska says of a package's file. */
struct wanted {
        const char *version, *filename, *url;
        uint64_t size;
        const char *sha1;            /* base64; "" not known */
        char sha256[SWB_SHA256_HEX]; /* hex; "" not known */
};

static bool is_file_name(const char *name)
{
        return *name && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static void read_sha256(const json_t *package, char *ret)
{
        const json_t *action = json_object_get(package, "flatcar_action");
        uint8_t digest[SWB_SHA256_BYTES];
        size_t n;

        *ret = '\0';
        if (!action)
                action = json_object_get(package, "coreos_action");
        if (swb_base64_decode(swb_nebraska_text(action, "sha256"), digest, sizeof(digest), &n) >=
                    0 &&
            n == sizeof(digest))
                swb_hex_encode(digest, sizeof(digest), ret);
}

/* NULL, or why it can't be a release's payload. */
static const char *objection(const json_t *package, struct wanted *ret)
{
        const json_t *action = json_object_get(package, "flatcar_action");
        uint64_t type = swb_nebraska_number(package, "type");

        ret->version = swb_nebraska_text(package, "version");
        ret->filename = swb_nebraska_text(package, "filename");
        ret->url = swb_nebraska_text(package, "url");
        ret->size = swb_nebraska_number(package, "size");
        ret->sha1 = swb_nebraska_text(package, "hash");
        read_sha256(package, ret->sha256);
        if (type == 2 || type == 3)
                return "a container image is no payload";
        if (swb_nebraska_truth(action, "is_delta"))
                return "a delta, and Nebraska does not say from which version";
        if (json_array_size(json_object_get(package, "extra_files")) > 0)
                return "it has extra files, and a release here is one file";
        if (!swb_is_release_version(ret->version))
                return "its version can't be one here";
        if (ret->size == 0 || (!*ret->sha1 && !*ret->sha256))
                return "Nebraska has no size or no hash of it";
        if (!is_file_name(ret->filename))
                return "it has no file name";
        return NULL;
}

static int compare(const struct wanted *w, const char *path, const struct swb_payload_file *file,
                   struct swb_error *err)
{
        char sha1[SWB_BASE64_SIZE(SWB_SHA1_BYTES)];

        swb_base64_encode(file->sha1, SWB_SHA1_BYTES, sha1);
        if (file->n_bytes != w->size)
                return swb_fail(err, -EBADMSG, SWB_FAULT_HASH,
                                "'%s' has %llu bytes, Nebraska says %llu", path,
                                (unsigned long long)file->n_bytes, (unsigned long long)w->size);
        if ((*w->sha256 && strcmp(w->sha256, file->name) != 0) ||
            (*w->sha1 && strcmp(w->sha1, sha1) != 0))
                return swb_fail(err, -EBADMSG, SWB_FAULT_HASH,
                                "'%s' does not have the hash that Nebraska says", path);
        return 0;
}

static int remember(struct swb_import *import, const json_t *package, const char *sha256,
                    const char *sha1, uint64_t size, const char *from, struct swb_error *err)
{
        json_t *file = json_pack("{s:s, s:s, s:I, s:s}", "sha256", sha256, "sha1", sha1, "size",
                                 (json_int_t)size, "from", from);

        if (!file || json_object_set_new(import->files, swb_nebraska_text(package, "id"), file) < 0)
                return swb_oom(err);
        return 0;
}

static int store(const struct swb_import *import, int fd, const char *path,
                 const struct swb_payload_file *file, struct swb_error *err)
{
        _cleanup_close_ int folder_fd = -EBADF, lock_fd = -EBADF;
        int r;

        if (!import->options->apply)
                return 0;
        r = swb_payload_files_open(import->options->data_folder, &folder_fd, err);
        if (r >= 0)
                r = swb_payload_files_lock(folder_fd, &lock_fd, err);
        return r < 0 ? r : swb_payload_file_store(folder_fd, fd, path, file, err);
}

/* A file that is open: is it the one? Then it is kept. */
static int take(struct swb_import *import, const json_t *package, const struct wanted *w, int fd,
                const char *path, struct swb_error *err)
{
        char sha1[SWB_BASE64_SIZE(SWB_SHA1_BYTES)];
        struct swb_payload_file file;
        int r;

        r = swb_payload_file_read(fd, path, &file, err);
        if (r >= 0)
                r = compare(w, path, &file, err);
        if (r >= 0)
                r = store(import, fd, path, &file, err);
        if (r < 0)
                return r;
        swb_base64_encode(file.sha1, SWB_SHA1_BYTES, sha1);
        return remember(import, package, file.name, sha1, file.n_bytes, path, err);
}

/* 1: it was there. */
static int take_stored(struct swb_import *import, const json_t *package, const struct wanted *w,
                       struct swb_error *err)
{
        _cleanup_close_ int folder_fd = -EBADF, fd = -EBADF;
        uint64_t size;
        int r;

        if (!*w->sha256)
                return 0;
        r = swb_payload_files_open(import->options->data_folder, &folder_fd, err);
        if (r < 0)
                return r;
        if (swb_payload_file_open(folder_fd, w->sha256, &fd, &size, NULL) < 0 || size != w->size)
                return 0;
        r = remember(import, package, w->sha256, w->sha1, size, "already here", err);
        return r < 0 ? r : 1;
}

/* 1: it was there. */
static int take_path(struct swb_import *import, const json_t *package, const struct wanted *w,
                     const char *path, struct swb_error *err)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        int r;

        if (fd < 0 && errno != ENOENT && errno != ENOTDIR)
                return swb_fail_errno(err, errno, "open '%s'", path);
        if (fd < 0)
                return 0;
        r = take(import, package, w, fd, path, err);
        return r < 0 ? r : 1;
}

/* DIR/FILE, or else DIR/VERSION/FILE. 1: one was there. */
static int take_local(struct swb_import *import, const json_t *package, const struct wanted *w,
                      struct swb_error *err)
{
        _cleanup_free_ char *flat = NULL, *deep = NULL;
        const char *folder = import->options->payloads;
        int r;

        if (!folder)
                return 0;
        if (asprintf(&flat, "%s/%s", folder, w->filename) < 0) {
                flat = NULL;
                return swb_oom(err);
        }
        r = take_path(import, package, w, flat, err);
        if (r != 0)
                return r;
        if (asprintf(&deep, "%s/%s/%s", folder, w->version, w->filename) < 0) {
                deep = NULL;
                return swb_oom(err);
        }
        return take_path(import, package, w, deep, err);
}

static int write_some(void *context, const void *data, size_t n_bytes, struct swb_error *err)
{
        return swb_write_all(*(int *)context, "the download", data, n_bytes, err);
}

static int download(struct swb_import *import, const json_t *package, const struct wanted *w,
                    const char *url, struct swb_error *err)
{
        const struct swb_http_config config = {.ca_file = import->options->ca_file};
        _cleanup_(swb_http_freep) struct swb_http *http = NULL;
        _cleanup_free_ char *path = NULL;
        _cleanup_close_ int fd = -EBADF;
        struct swb_http_status status;
        int r;

        if (asprintf(&path, "%s/import.XXXXXX", import->options->data_folder) < 0) {
                path = NULL;
                return swb_oom(err);
        }
        fd = mkostemp(path, O_CLOEXEC);
        if (fd < 0)
                return swb_fail_errno(err, errno, "create '%s'", path);
        (void)unlink(path); /* it goes with us, however we go */
        r = swb_http_new(&config, &http, err);
        if (r >= 0)
                r = swb_http_get(http, url, 0, w->size, write_some, &fd, &status, err);
        if (r < 0)
                return swb_wrap(err, r, "%s", url);
        return take(import, package, w, fd, url, err);
}

static int take_remote(struct swb_import *import, const json_t *package, const struct wanted *w,
                       struct swb_error *err)
{
        _cleanup_free_ char *url = NULL;
        size_t n = strlen(w->url);
        int r;

        if (!import->options->download || n == 0)
                return 0;
        if (asprintf(&url, "%s%s%s", w->url, w->url[n - 1] == '/' ? "" : "/", w->filename) < 0) {
                url = NULL;
                return swb_oom(err);
        }
        if (import->options->apply)
                r = download(import, package, w, url, err);
        else
                r = remember(import, package, w->sha256, w->sha1, w->size, url, err);
        return r < 0 ? r : 1;
}

static int find_file(struct swb_import *import, const json_t *package, struct swb_error *err)
{
        struct wanted w;
        int r;

        if (objection(package, &w))
                return 0; /* said when releases are made */
        r = take_stored(import, package, &w, err);
        if (r == 0)
                r = take_local(import, package, &w, err);
        if (r == 0)
                r = take_remote(import, package, &w, err);
        return r < 0 ? swb_wrap(err, r, "package %s", w.version) : 0;
}

int swb_import_files(struct swb_import *import, struct swb_error *err)
{
        const char *id;
        json_t *package;
        int r = 0;

        json_object_foreach(import->nebraska->packages, id, package)
        {
                if (swb_import_takes(import, package))
                        r = find_file(import, package, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* --- releases --- */

static void describe(const json_t *package, const json_t *file, struct swb_release *release,
                     struct swb_payload *payload)
{
        const json_t *action = json_object_get(package, "flatcar_action");

        *release = (struct swb_release){
                .disable_backoff = swb_nebraska_truth(action, "disable_payload_backoff")};
        swb_copy_bounded(release->version, swb_nebraska_text(package, "version"), SWB_VERSION_MAX);
        swb_copy_bounded(release->deadline, swb_nebraska_text(action, "deadline"),
                         sizeof(release->deadline) - 1);
        *payload =
                (struct swb_payload){.size = swb_nebraska_number(file, "size"),
                                     .metadata_size = swb_nebraska_number(action, "metadata_size"),
                                     .minor = SWB_PAYLOAD_MINOR_UNKNOWN};
        swb_copy_bounded(payload->sha256, swb_nebraska_text(file, "sha256"),
                         sizeof(payload->sha256) - 1);
        swb_copy_bounded(payload->sha1, swb_nebraska_text(file, "sha1"), sizeof(payload->sha1) - 1);
        swb_copy_bounded(payload->metadata_signature,
                         swb_nebraska_text(action, "metadata_signature_rsa"),
                         SWB_METADATA_SIGNATURE_MAX);
        swb_copy_bounded(payload->name, swb_nebraska_text(package, "filename"),
                         sizeof(payload->name) - 1);
}

static int put_release(struct swb_import *import, const json_t *package, const json_t *file,
                       struct swb_error *err)
{
        bool is_floor = swb_nebraska_truth(package, "is_floor");
        struct swb_error absent = SWB_ERROR_INIT;
        struct swb_release release, there;
        struct swb_payload payload;
        const char *what = NULL;
        char more[256], size[SWB_SIZE_TEXT];
        int r;

        describe(package, file, &release, &payload);
        r = swb_release_find(import->db, import->app.id, release.version, &there, &absent);
        if (r == -ENOENT)
                what = "create";
        else if (r < 0)
                return swb_fail(err, r, absent.fault, "%s", absent.text);
        else if (there.disable_backoff != release.disable_backoff ||
                 strcmp(there.deadline, release.deadline) != 0 ||
                 (is_floor && !there.stepping_stone))
                what = "change";
        if (r >= 0)
                release.max_failures = there.max_failures;
        r = swb_release_put(import->db, import->app.id, import->now, &release, err);
        if (r >= 0 && is_floor)
                r = swb_release_set_stepping_stone(import->db, &release, true, err);
        if (r < 0)
                return r;
        /* Of a file that is still to be downloaded the hash may not be known. */
        r = *payload.sha256 ? swb_payload_put(import->db, release.id, import->now, &payload, err)
                            : 0;
        if (r < 0)
                return swb_wrap(err, r, "release %s", release.version);
        if (r == 0 && !what)
                what = "change";
        (void)snprintf(more, sizeof(more), ", %s%s, %s", swb_format_size(payload.size, size),
                       is_floor ? ", stepping stone" : "", swb_nebraska_text(file, "from"));
        return swb_import_done(import, "release", release.version, what, more, err);
}

int swb_import_releases(struct swb_import *import, struct swb_error *err)
{
        const char *id, *why;
        json_t *package;
        int r = 0;

        json_object_foreach(import->nebraska->packages, id, package)
        {
                const json_t *file = swb_import_file(import, package);
                struct wanted w;

                if (!swb_import_takes(import, package))
                        continue;
                why = objection(package, &w);
                if (file)
                        r = put_release(import, package, file, err);
                else
                        swb_import_left_out(import, "release", w.version,
                                            why ? why
                                                : "its file is not here: --payloads or --download");
                if (r >= 0 && file &&
                    json_array_size(json_object_get(package, "channels_blacklist")) > 0)
                        swb_import_say(import,
                                       "    note: %s was forbidden for some channels; here "
                                       "a channel gives what it is set to",
                                       w.version);
                if (r < 0)
                        return r;
        }
        return 0;
}
