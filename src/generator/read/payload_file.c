/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/read/payload_file.h"

#include <fcntl.h>
#include <inttypes.h>

#include "os/file.h"

#define READ_BYTES ((size_t)256 << 10)

struct swb_payload_file *swb_payload_file_free(struct swb_payload_file *file)
{
        if (!file)
                return NULL;
        file->reader = swb_payload_reader_free(file->reader);
        (void)swb_close(file->fd);
        free(file->buf);
        free(file->path);
        free(file);
        return NULL;
}

/* Feeds until an event; more bytes are read as they are needed. */
static int next_event(struct swb_payload_file *file, struct swb_error *err)
{
        for (;;) {
                size_t used = 0;
                int r = swb_payload_reader_feed(file->reader, file->buf + file->buf_used,
                                                file->n_buf - file->buf_used, &used, err);

                if (r < 0)
                        return swb_wrap(err, r, "payload '%s'", file->path);
                file->buf_used += used;
                if (r != SWB_PAYLOAD_MORE)
                        return r;
                if (file->buf_used < file->n_buf)
                        continue;
                if (file->position == file->n_bytes)
                        return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                        "payload '%s' ends too early, at byte %" PRIu64, file->path,
                                        file->n_bytes);
                file->n_buf = (size_t)SWB_MIN(file->n_bytes - file->position, (uint64_t)READ_BYTES);
                file->buf_used = 0;
                r = swb_pread(file->fd, file->path, file->buf, file->n_buf, file->position, err);
                if (r < 0)
                        return r;
                file->position += file->n_buf;
        }
}

/* All signatures count, also those that are not needed: a report names their keys. */
static int verify(const struct swb_keyring *keys, const char *what, const uint8_t *digest,
                  const struct swb_signature *signatures, size_t n, struct swb_key_votes *votes,
                  struct swb_error *err)
{
        if (n == 0)
                return swb_fail(err, -EKEYREJECTED, SWB_FAULT_SIGNATURE, "the %s is not signed",
                                what);
        for (size_t i = 0; i < n; i++) {
                int r = swb_keyring_vote(keys, digest, signatures[i].data, signatures[i].n_bytes,
                                         votes, err);

                if (r < 0)
                        return r;
        }
        if (swb_keyring_is_enough(keys, votes))
                return 0;
        if (votes->n == 0)
                return swb_fail(err, -EKEYREJECTED, SWB_FAULT_SIGNATURE,
                                "no given key verifies one of the %zu signatures of the %s", n,
                                what);
        return swb_fail(err, -EKEYREJECTED, SWB_FAULT_SIGNATURE,
                        "the %s has good signatures of %u of the given keys, demanded are those of "
                        "%u",
                        what, votes->n, swb_keyring_required(keys));
}

static int check_metadata(struct swb_payload_file *file, const struct swb_keyring *keys,
                          struct swb_error *err)
{
        struct swb_signature signatures[SWB_KEYS_MAX];
        struct swb_key_votes votes = {0};
        const uint8_t *metadata;
        size_t n;
        int r;

        metadata = swb_payload_reader_metadata(file->reader, &n);
        file->n_metadata_bytes = n;
        swb_sha256(metadata, n, file->metadata_hash);
        if (!keys)
                return 0;
        r = swb_payload_reader_metadata_signatures(file->reader, signatures, SWB_KEYS_MAX, &n, err);
        return r < 0 ? r
                     : verify(keys, "metadata", file->metadata_hash, signatures, n, &votes, err);
}

static int read_metadata(struct swb_payload_file *file, const struct swb_keyring *keys,
                         struct swb_error *err)
{
        int r = next_event(file, err);

        if (r < 0)
                return r;
        if (r != SWB_PAYLOAD_METADATA)
                return swb_fail(err, -EBADMSG, SWB_FAULT_INTERNAL, "reader: event %d at the start",
                                r);
        r = check_metadata(file, keys, err);
        if (r == 0)
                r = swb_payload_reader_accept(file->reader, err);
        return r < 0 ? swb_wrap(err, r, "payload '%s'", file->path) : 0;
}

int swb_payload_file_open(const char *path, enum swb_payload_use use,
                          const struct swb_keyring *keys, struct swb_payload_file **ret,
                          struct swb_error *err)
{
        _cleanup_(swb_payload_file_freep) struct swb_payload_file *file = calloc(1, sizeof(*file));
        int r;

        if (!file)
                return swb_oom(err);
        file->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (file->fd < 0)
                return swb_fail_errno(err, errno, "open payload '%s'", path);
        file->path = strdup(path);
        file->buf = malloc(READ_BYTES);
        if (!file->path || !file->buf)
                return swb_oom(err);
        r = swb_fd_size(file->fd, path, &file->n_bytes, err);
        if (r == 0)
                r = swb_payload_reader_new(&file->reader, err);
        if (r < 0)
                return r;
        if (use == SWB_PAYLOAD_LOOK)
                swb_payload_reader_only_inspect(file->reader);
        r = read_metadata(file, keys, err);
        if (r < 0)
                return r;
        *ret = SWB_TAKE_PTR(file);
        return 0;
}

static int check_operation(struct swb_payload_file *file, struct swb_sha256 *payload,
                           struct swb_payload_check *check, struct swb_error *err)
{
        uint8_t digest[SWB_SHA256_BYTES];
        const struct swb_operation *op;
        const uint8_t *blob;
        size_t partition, number;

        op = swb_payload_reader_operation(file->reader, &partition, &number, &blob);
        check->n_operations++;
        if (op->data_length == 0)
                return 0;
        swb_sha256_update(payload, blob, (size_t)op->data_length);
        if (!op->has_data_hash)
                return 0;
        swb_sha256(blob, (size_t)op->data_length, digest);
        if (memcmp(digest, op->data_hash, sizeof(digest)) != 0)
                return swb_fail(err, -EBADMSG, SWB_FAULT_HASH,
                                "payload '%s': data of operation %zu differs from its hash",
                                file->path, number);
        check->n_hashed++;
        return 0;
}

static void digest_so_far(const struct swb_sha256 *running, uint8_t *ret_digest)
{
        struct swb_sha256 sha = *running;

        swb_sha256_final(&sha, ret_digest);
}

static int check_signatures(struct swb_payload_file *file, const struct swb_keyring *keys,
                            struct swb_payload_check *check, struct swb_error *err)
{
        struct swb_signature signatures[SWB_KEYS_MAX];
        size_t n;
        int r = swb_payload_reader_signatures(file->reader, signatures, SWB_KEYS_MAX, &n, err);

        if (r == 0 && keys)
                r = verify(keys, "payload", check->payload_hash, signatures, n, &check->votes, err);
        return r < 0 ? swb_wrap(err, r, "payload '%s'", file->path) : 0;
}

static int check_end(const struct swb_payload_file *file, const struct swb_keyring *keys,
                     const struct swb_payload_check *check, struct swb_error *err)
{
        if (file->position != file->n_bytes || file->buf_used != file->n_buf)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                "payload '%s' has bytes behind its end", file->path);
        if (keys && check->votes.n == 0)
                return swb_fail(err, -EKEYREJECTED, SWB_FAULT_SIGNATURE,
                                "payload '%s' is not signed", file->path);
        return 0;
}

int swb_payload_file_check(struct swb_payload_file *file, const struct swb_keyring *keys,
                           struct swb_payload_check *ret, struct swb_error *err)
{
        struct swb_payload_check check = {0};
        struct swb_sha256 payload;
        const uint8_t *metadata;
        size_t n;
        int r = SWB_PAYLOAD_MORE;

        swb_sha256_init(&payload);
        metadata = swb_payload_reader_metadata(file->reader, &n);
        swb_sha256_update(&payload, metadata, n);
        while (r != SWB_PAYLOAD_END) {
                int event = next_event(file, err);

                r = event;
                if (event == SWB_PAYLOAD_OPERATION) {
                        r = check_operation(file, &payload, &check, err);
                } else if (event == SWB_PAYLOAD_SIGNATURES) {
                        digest_so_far(&payload, check.payload_hash);
                        r = check_signatures(file, keys, &check, err);
                }
                if (r < 0)
                        return r;
        }
        r = check_end(file, keys, &check, err);
        if (r < 0)
                return r;
        digest_so_far(&payload, check.payload_hash);
        *ret = check;
        return 0;
}

static int tally_of(struct swb_operation_tally *tallies, int *n, uint32_t type)
{
        int i = 0;

        while (i < *n && tallies[i].type < type)
                i++;
        if (i < *n && tallies[i].type == type)
                return i;
        if (*n == SWB_TALLIES_MAX)
                return -E2BIG;
        memmove(&tallies[i + 1], &tallies[i], (size_t)(*n - i) * sizeof(*tallies));
        tallies[i] = (struct swb_operation_tally){.type = type};
        ++*n;
        return i;
}

int swb_payload_file_tally(struct swb_payload_file *file, size_t partition,
                           struct swb_operation_tally *tallies, struct swb_error *err)
{
        int n = 0;

        for (size_t number = 0;; number++) {
                const struct swb_operation *op;
                size_t of;
                int i, r = swb_payload_reader_peek(file->reader, number, &op, &of, err);

                if (r < 0)
                        return r;
                if (r == 0)
                        return n;
                if (partition != SIZE_MAX && of != partition)
                        continue;
                i = tally_of(tallies, &n, op->type);
                if (i < 0)
                        return swb_fail(err, i, SWB_FAULT_LIMIT, "more than %d operation types",
                                        SWB_TALLIES_MAX);
                tallies[i].count++;
                tallies[i].data_bytes += op->data_length;
                tallies[i].target_blocks += swb_extents_blocks(op->dst, op->n_dst);
        }
}
