/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "base/text.h"
#include "device/install/job.h"
#include "open/encoder.h"

#define MIB ((uint64_t)1 << 20)

static int match_slots(struct swb_installer *installer, struct swb_error *err)
{
        const struct swb_manifest *manifest = swb_payload_reader_manifest(installer->reader);

        for (size_t i = 0; i < manifest->n_partitions; i++) {
                const struct swb_partition *partition = &manifest->partitions[i];
                struct swb_slot *slot = swb_slots_find(&installer->slots, partition->name);
                int r;

                if (!slot)
                        return swb_fail(err, -ENOENT, SWB_FAULT_NOT_FOUND,
                                        "the payload has a partition '%s', but there is no slot "
                                        "for it",
                                        partition->name);
                r = swb_slot_fit(slot, partition, installer->config.plain_files, err);
                if (r < 0)
                        return r;
                installer->by_partition[i] = slot;
        }
        if (manifest->n_partitions < installer->slots.n && !manifest->partial_update)
                return swb_fail(err, -EINVAL, SWB_FAULT_NOT_FOUND,
                                "there are %zu slots, but the payload has %zu partitions and does "
                                "not say that it is partial",
                                installer->slots.n, manifest->n_partitions);
        return 0;
}

static int check_total(const struct swb_installer *installer, struct swb_error *err)
{
        uint64_t announced = installer->config.payload_bytes;

        if (announced == 0 || announced == installer->totals.payload_bytes)
                return 0;
        return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                        "the payload has %" PRIu64 " bytes, announced were %" PRIu64,
                        installer->totals.payload_bytes, announced);
}

static int fail_needs(const struct swb_installer *installer, const struct swb_needs *needs,
                      struct swb_error *err)
{
        const struct swb_install_config *config = &installer->config;
        bool memory = needs->memory_bytes > config->open_memory_bytes;
        uint64_t lacks = memory ? needs->memory_bytes : needs->scratch_bytes;

        return swb_fail(err, -EPROTONOSUPPORT, SWB_FAULT_UNSUPPORTED,
                        "the payload needs %" PRIu64 " bytes of memory and %" PRIu64
                        " of scratch space for opened contents, this device gives %" PRIu64
                        " and %" PRIu64 ": [update] %s = %" PRIu64
                        "M in device.conf gives enough, if the device has it",
                        needs->memory_bytes, needs->scratch_bytes, config->open_memory_bytes,
                        config->open_scratch_bytes, memory ? "open-memory" : "open-scratch",
                        (lacks + MIB - 1) / MIB);
}

static int reserve_scratch(struct swb_installer *installer, uint64_t n, struct swb_error *err)
{
        const char *folder = installer->scratch.folder;
        int r = swb_scratch_file_reserve(&installer->scratch, n);

        if (r == -ENOSPC)
                return swb_fail(err, -EPROTONOSUPPORT, SWB_FAULT_UNSUPPORTED,
                                "the payload needs %" PRIu64
                                " bytes of scratch space for opened contents, and the file system "
                                "of '%s' has not so many free",
                                n, folder);
        return r < 0 ? swb_fail_errno(err, r, "scratch space in '%s'", folder) : 0;
}

/* PF-138: before the first block is written, not when the operation comes. */
static int check_needs(struct swb_installer *installer, struct swb_error *err)
{
        const struct swb_needs *needs = &swb_payload_reader_manifest(installer->reader)->needs;
        char have[SWB_ENCODERS_TEXT_MAX], word[SWB_NEEDS_ENCODERS_MAX + 1];
        const char *rest = needs->encoders;

        if (!*rest)
                return 0;
        if (needs->memory_bytes > installer->config.open_memory_bytes ||
            needs->scratch_bytes > installer->config.open_scratch_bytes)
                return fail_needs(installer, needs, err);
        swb_encoders_list(have);
        while (swb_next_word(&rest, word, sizeof(word)))
                if (!swb_has_word(have, word))
                        return swb_fail(err, -EPROTONOSUPPORT, SWB_FAULT_UNSUPPORTED,
                                        "the payload needs the encoder '%s', this device has '%s'",
                                        word, have);
        return reserve_scratch(installer, needs->scratch_bytes, err);
}

static int accept(struct swb_installer *installer, struct swb_error *err)
{
        struct swb_payload_reader *reader = installer->reader;
        const struct swb_install_config *config = &installer->config;
        int r = 0;

        if (config->keys)
                r = swb_verify_metadata(reader, config->keys, err);
        if (r >= 0)
                r = swb_payload_reader_accept(reader, err);
        if (r >= 0)
                r = swb_verify_manifest(swb_payload_reader_manifest(reader), config, err);
        if (r >= 0)
                r = check_needs(installer, err);
        if (r >= 0)
                r = swb_verify_operations(reader, config->keys, installer->now.operation,
                                          &installer->totals, err);
        if (r >= 0)
                r = check_total(installer, err);
        if (r >= 0)
                r = match_slots(installer, err);
        return r;
}

int swb_job_accept(struct swb_installer *installer, struct swb_error *err)
{
        int r = accept(installer, err);

        if (r < 0)
                return swb_wrap(err, r, "metadata");
        installer->manifest = swb_payload_reader_manifest(installer->reader);
        return 0;
}

bool swb_job_is_by_pieces(const struct swb_installer *installer)
{
        return installer->config.pieces && installer->manifest->minor == SWB_MINOR_PIECES &&
               installer->totals.payload_bytes >= SWB_PIECES_MIN_BYTES;
}
