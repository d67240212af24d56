/* SPDX-License-Identifier: Apache-2.0 */
#include "device/install/verify.h"

#include <inttypes.h>

#define SIGNATURES_MAX 16

static int check_signatures(const struct swb_keyring *keys, const struct swb_signature *signatures,
                            size_t n, const uint8_t *digest, const char *what,
                            struct swb_error *err)
{
        struct swb_key_votes votes = {0};

        if (n == 0)
                return swb_fail(err, -EKEYREJECTED, SWB_FAULT_SIGNATURE, "the %s is not signed",
                                what);
        for (size_t i = 0; i < n && !swb_keyring_is_enough(keys, &votes); i++) {
                int r = swb_keyring_vote(keys, digest, signatures[i].data, signatures[i].n_bytes,
                                         &votes, err);

                if (r < 0)
                        return r;
        }
        if (swb_keyring_is_enough(keys, &votes))
                return 0;
        return swb_fail(err, -EKEYREJECTED, SWB_FAULT_SIGNATURE,
                        "the %s has good signatures of %u of the %zu trusted keys, demanded are "
                        "those of %u (it has %zu signatures)",
                        what, votes.n, swb_keyring_count(keys), swb_keyring_required(keys), n);
}

int swb_verify_metadata(struct swb_payload_reader *reader, const struct swb_keyring *keys,
                        struct swb_error *err)
{
        struct swb_signature signatures[SIGNATURES_MAX];
        uint8_t digest[SWB_SHA256_BYTES];
        const uint8_t *metadata;
        size_t n, n_signatures;
        int r;

        r = swb_payload_reader_metadata_signatures(reader, signatures, SIGNATURES_MAX,
                                                   &n_signatures, err);
        if (r < 0)
                return r;
        metadata = swb_payload_reader_metadata(reader, &n);
        swb_sha256(metadata, n, digest);
        return check_signatures(keys, signatures, n_signatures, digest, "metadata", err);
}

int swb_verify_payload(struct swb_payload_reader *reader, const struct swb_keyring *keys,
                       const uint8_t *digest, struct swb_error *err)
{
        struct swb_signature signatures[SIGNATURES_MAX];
        size_t n;
        int r;

        r = swb_payload_reader_signatures(reader, signatures, SIGNATURES_MAX, &n, err);
        return r < 0 ? r : check_signatures(keys, signatures, n, digest, "payload", err);
}

int swb_verify_manifest(const struct swb_manifest *manifest,
                        const struct swb_install_config *config, struct swb_error *err)
{
        const char *want = config->expect_version;

        if (config->keys && manifest->signatures_size == 0)
                return swb_fail(err, -EKEYREJECTED, SWB_FAULT_SIGNATURE,
                                "the payload is not signed");
        if (config->min_timestamp != 0 && manifest->max_timestamp < config->min_timestamp)
                return swb_fail(err, -EPERM, SWB_FAULT_DOWNGRADE,
                                "the payload is of %" PRIi64
                                " (seconds since 1970), older than the %" PRIi64
                                " that is demanded",
                                manifest->max_timestamp, config->min_timestamp);
        for (size_t i = 0; i < manifest->n_partitions; i++) {
                const struct swb_partition *partition = &manifest->partitions[i];

                if (!partition->has_new)
                        return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                        "partition '%s' has no hash to compare the result with",
                                        partition->name);
                if (want && *want && *partition->version && strcmp(partition->version, want) != 0)
                        return swb_fail(err, -EPERM, SWB_FAULT_DOWNGRADE,
                                        "partition '%s' has version '%s', announced was '%s'",
                                        partition->name, partition->version, want);
        }
        return 0;
}

int swb_verify_operations(struct swb_payload_reader *reader, const struct swb_keyring *keys,
                          uint64_t first, struct swb_payload_totals *ret, struct swb_error *err)
{
        const struct swb_manifest *manifest = swb_payload_reader_manifest(reader);
        struct swb_payload_totals totals = {
                .payload_bytes = swb_payload_reader_blobs_start(reader) + manifest->signatures_size,
        };
        const struct swb_operation *operation;
        size_t partition;
        int r;

        while ((r = swb_payload_reader_peek(reader, totals.operations, &operation, &partition,
                                            err)) > 0) {
                if (keys && operation->data_length > 0 && !operation->has_data_hash)
                        return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                        "operation %" PRIu64 " (%s, partition '%s') has no hash",
                                        totals.operations, swb_op_to_string(operation->type),
                                        manifest->partitions[partition].name);
                if (totals.operations == first)
                        totals.target_bytes_before = totals.target_bytes;
                totals.target_bytes +=
                        swb_extents_blocks(operation->dst, operation->n_dst) * SWB_BLOCK_BYTES;
                totals.payload_bytes += operation->data_length;
                totals.operations++;
        }
        if (r < 0)
                return r;
        if (first >= totals.operations)
                totals.target_bytes_before = totals.target_bytes;
        *ret = totals;
        return 0;
}

int swb_verify_blob(const struct swb_operation *operation, const uint8_t *blob,
                    struct swb_error *err)
{
        uint8_t digest[SWB_SHA256_BYTES];

        if (operation->data_length == 0 || !operation->has_data_hash)
                return 0;
        swb_sha256(blob, (size_t)operation->data_length, digest);
        if (memcmp(digest, operation->data_hash, sizeof(digest)) == 0)
                return 0;
        return swb_fail(err, -EBADMSG, SWB_FAULT_HASH,
                        "its %" PRIu64 " bytes of data arrived damaged", operation->data_length);
}
