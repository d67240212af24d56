/* SPDX-License-Identifier: Apache-2.0 */
#include "server/publish/verify.h"

#include "base/endian.h"
#include "base/text.h"
#include "os/file.h"
#include "payload/reader.h"

#define CHUNK_BYTES ((size_t)256 << 10)
#define SIGNATURES_MAX 16
#define SIGNATURE_MAX_BYTES 4096

/* One pass over a payload. */
struct pass {
        const struct swb_publish_check *check;
        struct swb_payload_reader *reader;
        struct swb_sha256 sha; /* metadata, then blobs: what the payload's signature covers */
        char key_id[SWB_KEY_ID_SIZE];
        bool seen_signatures;
};

static bool is_checked(const struct pass *pass)
{
        return swb_keyring_count(pass->check->ring) > 0;
}

/* As devices count: each key once, and as many different ones as the ring requires. */
static int check_signatures(struct pass *pass, const char *what, const uint8_t *digest,
                            const struct swb_signature *signatures, size_t n, unsigned required,
                            struct swb_error *err)
{
        const struct swb_keyring *ring = pass->check->ring;
        struct swb_key_votes votes = {0};
        int r = 0;

        for (size_t i = 0; r >= 0 && i < n; i++)
                r = swb_keyring_vote(ring, digest, signatures[i].data, signatures[i].n_bytes,
                                     &votes, err);
        if (r < 0)
                return r;
        for (size_t i = 0; i < SWB_KEYS_MAX && votes.n >= required; i++)
                if (votes.by_key[i]) {
                        memcpy(pass->key_id, swb_keyring_id(ring, i), SWB_KEY_ID_SIZE);
                        return 0;
                }
        if (n == 0)
                return swb_fail(err, -EBADMSG, SWB_FAULT_SIGNATURE, "the %s is not signed", what);
        if (votes.n == 0)
                return swb_fail(err, -EBADMSG, SWB_FAULT_SIGNATURE,
                                "no known key has signed the %s", what);
        return swb_fail(err, -EBADMSG, SWB_FAULT_SIGNATURE,
                        "%u of the app's keys signed the %s, %u must have", votes.n, what,
                        required);
}

/* The signature that the server will hand out must fit as well. */
static int check_handed_out(struct pass *pass, const uint8_t *digest, struct swb_error *err)
{
        uint8_t bytes[SIGNATURE_MAX_BYTES];
        struct swb_signature signature = {.data = bytes};

        if (swb_base64_decode(pass->check->manifest->metadata_signature, bytes, sizeof(bytes),
                              &signature.n_bytes) < 0)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                "JSON manifest: 'metadata_signature' is not base64");
        return check_signatures(pass, "metadata, in the JSON manifest's words,", digest, &signature,
                                signature.n_bytes > 0, 1, err);
}

static int check_metadata_signature(struct pass *pass, const uint8_t *metadata, size_t n_metadata,
                                    struct swb_error *err)
{
        struct swb_signature signatures[SIGNATURES_MAX];
        uint8_t digest[SWB_SHA256_BYTES];
        size_t n;
        int r;

        swb_sha256(metadata, n_metadata, digest);
        r = swb_payload_reader_metadata_signatures(pass->reader, signatures, SIGNATURES_MAX, &n,
                                                   err);
        if (r >= 0)
                r = check_signatures(pass, "metadata", digest, signatures,
                                     SWB_MIN(n, (size_t)SIGNATURES_MAX),
                                     swb_keyring_required(pass->check->ring), err);
        return r < 0 ? r : check_handed_out(pass, digest, err);
}

static int check_partitions(const struct pass *pass, struct swb_error *err)
{
        const struct swb_manifest *payload = swb_payload_reader_manifest(pass->reader);
        const struct swb_publish_manifest *manifest = pass->check->manifest;
        bool is_delta = false;

        for (size_t i = 0; i < payload->n_partitions; i++) {
                const struct swb_partition *p = &payload->partitions[i];

                is_delta = is_delta || p->has_old;
                if (*p->version && strcmp(p->version, manifest->target_version) != 0)
                        return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                        "partition '%s' has version '%s', the JSON manifest says "
                                        "'%.80s'",
                                        p->name, p->version, manifest->target_version);
        }
        if (is_delta != manifest->is_delta)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                "this is a %s payload, the JSON manifest says the opposite",
                                is_delta ? "delta" : "full");
        return 0;
}

static int on_metadata(struct pass *pass, struct swb_error *err)
{
        size_t n;
        const uint8_t *metadata = swb_payload_reader_metadata(pass->reader, &n);
        int r;

        if (n != pass->check->manifest->metadata_size)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                "the metadata has %zu bytes, the JSON manifest says %llu", n,
                                (unsigned long long)pass->check->manifest->metadata_size);
        swb_sha256_update(&pass->sha, metadata, n);
        if (is_checked(pass)) {
                r = check_metadata_signature(pass, metadata, n, err);
                if (r < 0)
                        return r;
        }
        r = swb_payload_reader_accept(pass->reader, err);
        return r < 0 ? r : check_partitions(pass, err);
}

static void on_operation(struct pass *pass)
{
        const struct swb_operation *operation;
        const uint8_t *blob;
        size_t partition, number;

        operation = swb_payload_reader_operation(pass->reader, &partition, &number, &blob);
        if (blob)
                swb_sha256_update(&pass->sha, blob, (size_t)operation->data_length);
}

static int on_signatures(struct pass *pass, struct swb_error *err)
{
        struct swb_signature signatures[SIGNATURES_MAX];
        uint8_t digest[SWB_SHA256_BYTES];
        size_t n;
        int r;

        pass->seen_signatures = true;
        if (!is_checked(pass))
                return 0;
        swb_sha256_final(&pass->sha, digest);
        r = swb_payload_reader_signatures(pass->reader, signatures, SIGNATURES_MAX, &n, err);
        if (r < 0)
                return r;
        return check_signatures(pass, "payload", digest, signatures,
                                SWB_MIN(n, (size_t)SIGNATURES_MAX),
                                swb_keyring_required(pass->check->ring), err);
}

static int on_event(struct pass *pass, int event, struct swb_error *err)
{
        switch ((enum swb_payload_event)event) {
        case SWB_PAYLOAD_METADATA:
                return on_metadata(pass, err);
        case SWB_PAYLOAD_OPERATION:
                on_operation(pass);
                return 0;
        case SWB_PAYLOAD_SIGNATURES:
                return on_signatures(pass, err);
        case SWB_PAYLOAD_MORE:
        case SWB_PAYLOAD_END:
        default:
                return 0;
        }
}

/* Feeds one chunk. Returns 1 at the payload's end, with how much of the chunk it took. */
static int feed(struct pass *pass, const uint8_t *chunk, size_t n_bytes, size_t *ret_used,
                struct swb_error *err)
{
        size_t done = 0;

        for (;;) {
                size_t used = 0;
                int event = swb_payload_reader_feed(pass->reader, chunk + done, n_bytes - done,
                                                    &used, err);
                int r = event < 0 ? event : on_event(pass, event, err);

                if (r < 0)
                        return r;
                done += used;
                *ret_used = done;
                if (event == SWB_PAYLOAD_END)
                        return 1;
                if (event == SWB_PAYLOAD_MORE && done == n_bytes)
                        return 0;
        }
}

static int read_payload(struct pass *pass, int fd, const char *path, uint64_t n_bytes,
                        struct swb_error *err)
{
        _cleanup_free_ uint8_t *chunk = malloc(CHUNK_BYTES);
        uint64_t offset = 0;
        int r = 0;

        if (!chunk)
                return swb_oom(err);
        while (r == 0) {
                size_t n = (size_t)SWB_MIN(n_bytes - offset, (uint64_t)CHUNK_BYTES), used = 0;

                if (n == 0)
                        return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                        "the payload ends too early, at byte %llu",
                                        (unsigned long long)n_bytes);
                r = swb_pread(fd, path, chunk, n, offset, err);
                if (r >= 0)
                        r = feed(pass, chunk, n, &used, err);
                offset += used;
        }
        if (r > 0 && offset != n_bytes)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                "bytes follow the payload's end at %llu",
                                (unsigned long long)offset);
        return r;
}

/* SHA-256 over names, sizes and hashes of what it makes: payloads of one release must agree. */
static void name_target(const struct swb_manifest *m, char *hex)
{
        struct swb_sha256 sha;
        uint8_t size[8], digest[SWB_SHA256_BYTES];

        swb_sha256_init(&sha);
        for (size_t i = 0; i < m->n_partitions; i++) {
                const struct swb_partition *p = &m->partitions[i];

                swb_put_be64(size, p->new_bytes);
                swb_sha256_update(&sha, p->name, strlen(p->name) + 1);
                swb_sha256_update(&sha, size, sizeof(size));
                swb_sha256_update(&sha, p->new_hash, sizeof(p->new_hash));
        }
        swb_sha256_final(&sha, digest);
        swb_hex_encode(digest, sizeof(digest), hex);
}

static void describe(const struct swb_manifest *m, struct swb_payload *payload)
{
        payload->minor = m->minor;
        swb_copy_bounded(payload->encoders, m->needs.encoders, sizeof(payload->encoders) - 1);
        payload->open_memory = SWB_MIN(m->needs.memory_bytes, (uint64_t)INT64_MAX);
        payload->open_scratch = SWB_MIN(m->needs.scratch_bytes, (uint64_t)INT64_MAX);
        name_target(m, payload->target);
}

int swb_publish_verify(int fd, const char *path, const struct swb_publish_check *check,
                       char *ret_key_id, struct swb_payload *ret_payload, struct swb_error *err)
{
        _cleanup_(swb_payload_reader_freep) struct swb_payload_reader *reader = NULL;
        struct pass pass = {.check = check};
        uint64_t n_bytes;
        int r;

        r = swb_payload_reader_new(&reader, err);
        if (r < 0)
                return r;
        /* Devices decide what they can apply; the server only hosts. */
        swb_payload_reader_only_inspect(reader);
        pass.reader = reader;
        swb_sha256_init(&pass.sha);
        r = swb_fd_size(fd, path, &n_bytes, err);
        if (r >= 0)
                r = read_payload(&pass, fd, path, n_bytes, err);
        if (r < 0)
                return r;
        if (is_checked(&pass) && !pass.seen_signatures)
                return swb_fail(err, -EBADMSG, SWB_FAULT_SIGNATURE, "the payload is not signed");
        memcpy(ret_key_id, pass.key_id, sizeof(pass.key_id));
        describe(swb_payload_reader_manifest(reader), ret_payload);
        return 0;
}
