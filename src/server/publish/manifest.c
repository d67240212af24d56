/* SPDX-License-Identifier: Apache-2.0 */
#include "server/publish/manifest.h"

#include <jansson.h>

#include "base/text.h"

#define PUBLIC_KEY_MAX_BYTES 16384

static int bad_key(struct swb_error *err, const char *key, const char *wanted)
{
        return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT, "JSON manifest: '%s' is not %s", key,
                        wanted);
}

/* A copy of a text; absent and null are "" unless it is required. */
static int read_text(const json_t *root, const char *key, bool required, char **ret,
                     struct swb_error *err)
{
        const json_t *value = json_object_get(root, key);
        const char *text = "";

        if (json_is_string(value))
                text = json_string_value(value);
        else if (value && !json_is_null(value))
                return bad_key(err, key, "a text");
        if (required && !*text)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT, "JSON manifest: '%s' is missing",
                                key);
        *ret = strdup(text);
        return *ret ? 0 : swb_oom(err);
}

static int read_number(const json_t *root, const char *key, uint64_t *ret, struct swb_error *err)
{
        const json_t *value = json_object_get(root, key);

        if (!json_is_integer(value) || json_integer_value(value) <= 0)
                return bad_key(err, key, "a whole number above 0");
        *ret = (uint64_t)json_integer_value(value);
        return 0;
}

static int read_sha256(const json_t *root, uint8_t *digest, struct swb_error *err)
{
        static const char key[] = "sha256_hex";
        const char *text = json_string_value(json_object_get(root, key));
        size_t n;

        if (!text)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT, "JSON manifest: '%s' is missing",
                                key);
        if (swb_hex_decode(text, digest, SWB_SHA256_BYTES) == 0)
                return 0;
        if (swb_base64_decode(text, digest, SWB_SHA256_BYTES, &n) < 0 || n != SWB_SHA256_BYTES)
                return bad_key(err, key, "a SHA-256 in base64");
        return 0;
}

/* Base64 of a PEM text becomes the PEM text. */
static int decode_public_key(char **key, struct swb_error *err)
{
        size_t n = 0, max = strlen(*key);
        char *pem;

        if (max > PUBLIC_KEY_MAX_BYTES)
                return bad_key(err, "public_key", "a public key, it is too long");
        pem = calloc(1, max + 1);
        if (!pem)
                return swb_oom(err);
        if (swb_base64_decode(*key, pem, max, &n) < 0 || memchr(pem, '\0', n)) {
                free(pem);
                return bad_key(err, "public_key", "a PEM text in base64");
        }
        free(*key);
        *key = pem;
        return 0;
}

static int read_all(const json_t *root, struct swb_publish_manifest *m, struct swb_error *err)
{
        const json_t *is_delta = json_object_get(root, "is_delta");
        int r;

        if (!json_is_object(root))
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT, "JSON manifest: not an object");
        r = read_text(root, "appid", true, &m->appid, err);
        if (r >= 0)
                r = read_text(root, "target_version", true, &m->target_version, err);
        if (r >= 0)
                r = read_text(root, "source_version", false, &m->source_version, err);
        if (r >= 0)
                r = read_text(root, "metadata_signature", false, &m->metadata_signature, err);
        if (r >= 0)
                r = read_text(root, "public_key", false, &m->public_key, err);
        if (r >= 0)
                r = decode_public_key(&m->public_key, err);
        if (r >= 0)
                r = read_number(root, "size", &m->size, err);
        if (r >= 0)
                r = read_number(root, "metadata_size", &m->metadata_size, err);
        if (r >= 0)
                r = read_sha256(root, m->sha256, err);
        if (r < 0)
                return r;
        if (!json_is_boolean(is_delta))
                return bad_key(err, "is_delta", "true or false");
        m->is_delta = json_is_true(is_delta);
        if (m->is_delta && !*m->source_version)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                "JSON manifest: a delta needs a 'source_version'");
        if (!m->is_delta)
                m->source_version[0] =
                        '\0'; /* some tools write a version there for a full payload */
        return 0;
}

int swb_publish_manifest_parse(const void *text, size_t n_bytes, struct swb_publish_manifest *ret,
                               struct swb_error *err)
{
        struct swb_publish_manifest manifest = {0};
        json_error_t error;
        json_t *root = json_loadb(text, n_bytes, JSON_REJECT_DUPLICATES, &error);
        int r;

        if (!root)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT, "JSON manifest, line %d: %s",
                                error.line, error.text);
        r = read_all(root, &manifest, err);
        json_decref(root);
        if (r < 0) {
                swb_publish_manifest_done(&manifest);
                return r;
        }
        *ret = manifest;
        return 0;
}

void swb_publish_manifest_done(struct swb_publish_manifest *manifest)
{
        free(manifest->appid);
        free(manifest->target_version);
        free(manifest->source_version);
        free(manifest->metadata_signature);
        free(manifest->public_key);
        *manifest = (struct swb_publish_manifest){0};
}
