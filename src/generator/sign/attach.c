/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/sign/attach.h"

#include "generator/manifest_json.h"
#include "generator/pack/output.h"
#include "generator/read/payload_file.h"
#include "os/file.h"
#include "payload/writer.h"

#define COPY_BYTES ((size_t)256 << 10)
#define KEY_FILE_MAX_BYTES ((size_t)64 << 10)
#define JSON_MAX_BYTES ((size_t)4 << 20)

struct key {
        struct swb_keyring *ring; /* of this one */
        char *pem;
};

/* One message: its signatures and their padded sizes. */
struct message {
        struct swb_buf data[SWB_SIGNATURES_MAX];
        size_t padded[SWB_SIGNATURES_MAX];
        struct swb_buf bytes;
};

struct attach {
        const struct swb_attach_config *config;
        struct swb_payload_file *file;
        struct key keys[SWB_SIGNATURES_MAX];
        size_t key_of[SWB_SIGNATURES_MAX]; /* which key verified signature i */
        struct message metadata, payload;
        uint8_t file_hash[SWB_SHA256_BYTES];
};

static void message_done(struct message *message)
{
        for (size_t i = 0; i < SWB_SIGNATURES_MAX; i++)
                swb_buf_done(&message->data[i]);
        swb_buf_done(&message->bytes);
}

static void attach_done(struct attach *a)
{
        for (size_t i = 0; i < SWB_SIGNATURES_MAX; i++) {
                a->keys[i].ring = swb_keyring_free(a->keys[i].ring);
                free(a->keys[i].pem);
        }
        message_done(&a->metadata);
        message_done(&a->payload);
        a->file = swb_payload_file_free(a->file);
}

static int load_keys(struct attach *a, struct swb_error *err)
{
        if (a->config->n_public_keys > SWB_SIGNATURES_MAX)
                return swb_fail(err, -E2BIG, SWB_FAULT_LIMIT, "more than %d public keys",
                                SWB_SIGNATURES_MAX);
        for (size_t i = 0; i < a->config->n_public_keys; i++) {
                _cleanup_(swb_buf_done) struct swb_buf pem = SWB_BUF_INIT(KEY_FILE_MAX_BYTES);
                const char *path = a->config->public_keys[i];
                int r = swb_read_file(path, &pem, err);

                if (r == 0)
                        r = swb_keyring_new(&a->keys[i].ring, err);
                if (r == 0)
                        r = swb_keyring_add_pem(a->keys[i].ring, path, pem.data, pem.n_bytes, err);
                if (r < 0)
                        return r;
                a->keys[i].pem = swb_buf_take_str(&pem);
                if (!a->keys[i].pem)
                        return swb_oom(err);
        }
        return 0;
}

static bool is_zero(const struct swb_signature *signature)
{
        for (size_t i = 0; i < signature->n_bytes; i++)
                if (signature->data[i] != 0)
                        return false;
        return true;
}

/* Reads the room: sizes of the signatures of zeros. The payload's room has the same sizes. */
static int read_room(struct attach *a, struct swb_error *err)
{
        struct swb_signature room[SWB_SIGNATURES_MAX];
        size_t n;
        int r = swb_payload_reader_metadata_signatures(a->file->reader, room, SWB_SIGNATURES_MAX,
                                                       &n, err);

        if (r < 0)
                return r;
        if (n != a->config->n_pairs)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "'%s' has room for %zu signatures, %zu are given",
                                a->config->payload_path, n, a->config->n_pairs);
        for (size_t i = 0; i < n; i++) {
                if (!is_zero(&room[i]))
                        return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "'%s' is signed already",
                                        a->config->payload_path);
                a->metadata.padded[i] = a->payload.padded[i] = room[i].n_bytes;
        }
        return 0;
}

static int find_key(const struct attach *a, const uint8_t *digest, const struct swb_buf *signature,
                    const char *path, size_t *ret_key, struct swb_error *err)
{
        for (size_t k = 0; k < a->config->n_public_keys; k++) {
                int r = swb_keyring_verify(a->keys[k].ring, digest, signature->data,
                                           signature->n_bytes, NULL, err);

                if (r < 0)
                        return r;
                if (r == 0) {
                        *ret_key = k;
                        return 0;
                }
        }
        return swb_fail(err, -EKEYREJECTED, SWB_FAULT_SIGNATURE,
                        "signature '%s' does not verify with any of the public keys", path);
}

static int load_signature(struct attach *a, struct message *message, size_t i, const char *path,
                          const uint8_t *digest, struct swb_error *err)
{
        struct swb_buf *data = &message->data[i];
        size_t key = 0;
        int r;

        *data = SWB_BUF_INIT(KEY_FILE_MAX_BYTES);
        r = swb_read_file(path, data, err);
        if (r < 0)
                return r;
        if (data->n_bytes == 0 || data->n_bytes > message->padded[i])
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "signature '%s' has %zu bytes, its room %zu", path, data->n_bytes,
                                message->padded[i]);
        r = find_key(a, digest, data, path, &key, err);
        if (r < 0)
                return r;
        if (message == &a->payload && a->key_of[i] != key)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "signature '%s' is of another key than the metadata's", path);
        a->key_of[i] = key;
        return 0;
}

static int load_signatures(struct attach *a, const struct swb_payload_check *check,
                           struct swb_error *err)
{
        for (size_t i = 0; i < a->config->n_pairs; i++) {
                const struct swb_attach_pair *pair = &a->config->pairs[i];
                int r = load_signature(a, &a->metadata, i, pair->metadata_path,
                                       a->file->metadata_hash, err);

                if (r == 0)
                        r = load_signature(a, &a->payload, i, pair->payload_path,
                                           check->payload_hash, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int write_message(const struct attach *a, struct message *message, uint64_t n_wanted,
                         struct swb_error *err)
{
        struct swb_signature signatures[SWB_SIGNATURES_MAX];
        int r;

        message->bytes = SWB_BUF_INIT(SWB_SIGNATURES_MAX_BYTES);
        for (size_t i = 0; i < a->config->n_pairs; i++)
                signatures[i] = (struct swb_signature){.data = message->data[i].data,
                                                       .n_bytes = message->data[i].n_bytes};
        r = swb_signatures_write(signatures, message->padded, a->config->n_pairs, &message->bytes,
                                 err);
        if (r == 0 && message->bytes.n_bytes != n_wanted)
                return swb_fail(err, -EINVAL, SWB_FAULT_FORMAT,
                                "room for signatures in '%s' was not made by swb-pack",
                                a->config->payload_path);
        return r;
}

static int put(struct swb_output *output, uint64_t *offset, const void *data, size_t n,
               struct swb_sha256 *sha, struct swb_error *err)
{
        int r = swb_pwrite(swb_output_fd(output), swb_output_path(output), data, n, *offset, err);

        *offset += n;
        swb_sha256_update(sha, data, n);
        return r;
}

/* Copies the payload up to `end`. */
static int copy_until(const struct attach *a, struct swb_output *output, uint64_t *offset,
                      uint64_t end, struct swb_sha256 *sha, struct swb_error *err)
{
        _cleanup_free_ uint8_t *buf = malloc(COPY_BYTES);

        if (!buf)
                return swb_oom(err);
        while (*offset < end) {
                size_t n = (size_t)SWB_MIN(end - *offset, (uint64_t)COPY_BYTES);
                int r = swb_pread(a->file->fd, a->file->path, buf, n, *offset, err);

                if (r == 0)
                        r = put(output, offset, buf, n, sha, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int write_payload(struct attach *a, struct swb_output *output, struct swb_error *err)
{
        const struct swb_manifest *manifest = swb_payload_reader_manifest(a->file->reader);
        uint64_t blobs = swb_payload_reader_blobs_start(a->file->reader), offset = 0;
        struct swb_sha256 sha;
        int r = write_message(a, &a->metadata, blobs - a->file->n_metadata_bytes, err);

        if (r == 0)
                r = write_message(a, &a->payload, manifest->signatures_size, err);
        swb_sha256_init(&sha);
        if (r == 0)
                r = copy_until(a, output, &offset, a->file->n_metadata_bytes, &sha, err);
        if (r == 0)
                r = put(output, &offset, a->metadata.bytes.data, a->metadata.bytes.n_bytes, &sha,
                        err);
        if (r == 0)
                r = copy_until(a, output, &offset, blobs + manifest->signatures_offset, &sha, err);
        if (r == 0)
                r = put(output, &offset, a->payload.bytes.data, a->payload.bytes.n_bytes, &sha,
                        err);
        swb_sha256_final(&sha, a->file_hash);
        return r;
}

static int make_json(struct attach *a, struct swb_buf *json, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf text = SWB_BUF_INIT(JSON_MAX_BYTES);
        const char *ids[SWB_SIGNATURES_MAX];
        const struct key *first = &a->keys[a->key_of[0]];
        struct swb_manifest_signed facts = {
                .metadata_signature = a->metadata.data[0].data,
                .n_metadata_signature = a->metadata.data[0].n_bytes,
                .public_key_pem = first->pem,
                .key_ids = ids,
                .n_keys = a->config->n_pairs,
        };
        int r = swb_read_file(a->config->manifest_path, &text, err);

        if (r < 0)
                return r;
        memcpy(facts.file_hash, a->file_hash, sizeof(facts.file_hash));
        for (size_t i = 0; i < a->config->n_pairs; i++)
                ids[i] = swb_keyring_id(a->keys[a->key_of[i]].ring, 0);
        r = swb_manifest_json_sign(text.data, text.n_bytes, &facts, json, err);
        return r < 0 ? swb_wrap(err, r, "'%s'", a->config->manifest_path) : 0;
}

static int load(struct attach *a, struct swb_error *err)
{
        struct swb_payload_check check;
        int r = load_keys(a, err);

        if (r == 0)
                r = swb_payload_file_open(a->config->payload_path, SWB_PAYLOAD_LOOK, NULL, &a->file,
                                          err);
        if (r == 0)
                r = read_room(a, err);
        if (r == 0)
                r = swb_payload_file_check(a->file, NULL, &check, err);
        return r < 0 ? r : load_signatures(a, &check, err);
}

int swb_attach_signatures(const struct swb_attach_config *config, struct swb_error *err)
{
        _cleanup_(attach_done) struct attach a = {.config = config};
        _cleanup_(swb_output_freep) struct swb_output *output = NULL;
        _cleanup_(swb_buf_done) struct swb_buf json = SWB_BUF_INIT(JSON_MAX_BYTES);
        int r;

        if (config->n_pairs == 0 || config->n_pairs > SWB_SIGNATURES_MAX)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "1 to %d signatures must be given",
                                SWB_SIGNATURES_MAX);
        r = load(&a, err);
        if (r == 0)
                r = swb_output_new(config->output_path, &output, err);
        if (r == 0)
                r = write_payload(&a, output, err);
        if (r == 0)
                r = make_json(&a, &json, err);
        if (r == 0)
                r = swb_remove_file_durable(config->output_manifest_path, err);
        if (r == 0)
                r = swb_output_commit(output, err);
        if (r == 0)
                r = swb_write_file_durable(config->output_manifest_path, json.data, json.n_bytes,
                                           0644, err);
        return r;
}
