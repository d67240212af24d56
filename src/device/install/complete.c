/* SPDX-License-Identifier: Apache-2.0 */
#include "device/install/job.h"
#include "device/install/readback.h"
#include "device/install/tree.h"

/* ---- behind the last operation ---- */

/* That there is a signature was demanded of the manifest; here it counts that it was verified. */
static int check_verified(const struct swb_installer *installer, struct swb_error *err)
{
        if (installer->is_verified || installer->pieces || !installer->config.keys)
                return 0;
        return swb_fail(err, -EKEYREJECTED, SWB_FAULT_SIGNATURE,
                        "the payload ended without a signature");
}

static int check_file_hash(struct swb_installer *installer, struct swb_error *err)
{
        struct swb_sha256 sha = installer->now.file_sha;
        uint8_t digest[SWB_SHA256_BYTES];

        if (!installer->config.payload_hash || installer->pieces)
                return 0;
        swb_sha256_final(&sha, digest);
        if (memcmp(digest, installer->config.payload_hash, sizeof(digest)) == 0)
                return 0;
        swb_job_forget(installer, false);
        return swb_fail(err, -EBADMSG, SWB_FAULT_HASH,
                        "the payload as a whole is not the one that was announced");
}

static int on_tree(void *context, uint64_t n_bytes _unused_, struct swb_error *err)
{
        struct swb_installer *installer = context;

        swb_job_report(installer, "apply");
        return swb_job_check_cancelled(installer, err);
}

static int make_trees(struct swb_installer *installer, struct swb_error *err)
{
        const struct swb_manifest *manifest = installer->manifest;
        const struct swb_step step = {on_tree, installer};
        int r = 0;

        for (size_t i = 0; i < manifest->n_partitions && r >= 0; i++) {
                const struct swb_partition *partition = &manifest->partitions[i];
                struct swb_slot *slot = installer->by_partition[i];

                r = swb_tree_make(slot, partition, &step, err);
                if (installer->overlap && partition->has_tree)
                        swb_front_add(&slot->front, &partition->tree.tree, 1);
                if (installer->overlap && partition->has_fec)
                        swb_front_add(&slot->front, &partition->fec.fec, 1);
        }
        return r;
}

int swb_job_complete(struct swb_installer *installer, struct swb_error *err)
{
        const struct swb_crew *crew = &installer->crew;
        int r;

        r = check_verified(installer, err);
        if (r >= 0)
                r = check_file_hash(installer, err);
        if (r >= 0 && crew->outbox) /* trees are made from what is written */
                r = swb_outbox_wait(crew->outbox, swb_outbox_count(crew->outbox), err);
        if (r >= 0)
                r = make_trees(installer, err);
        if (r < 0)
                return r;
        installer->safe = installer->now;
        installer->complete = true;
        return swb_job_store_last(installer, err);
}

/* ---- reading back ---- */

static int on_read_back(void *context, uint64_t n_bytes, struct swb_error *err)
{
        struct swb_installer *installer = context;

        installer->progress.stage_bytes_done += n_bytes;
        swb_job_report(installer, "readback");
        return swb_job_check_cancelled(installer, err);
}

/* What is left to be read of a slot; all of it, if it was not begun or written again since. */
static struct swb_readback_walk walk_of(const struct swb_installer *installer,
                                        const struct swb_slot *slot)
{
        struct swb_readback_walk walk;

        if (installer->crew.follower && !slot->front.again)
                return *swb_follower_walk(installer->crew.follower,
                                          (size_t)(slot - installer->slots.slots));
        swb_readback_start(&walk);
        return walk;
}

/* The crew has nothing else to do any more: the hasher hashes, the outbox lends its buffer. */
static int take_help(struct swb_installer *installer, struct swb_readback *readback,
                     struct swb_error *err)
{
        readback->buffers[0] = installer->apply.buffer;
        readback->n_buffer = SWB_IO_BYTES;
        if (!installer->crew.outbox)
                return 0;
        readback->n_buffer = SWB_OUTBOX_BYTES;
        readback->beside = installer->crew.hasher;
        return swb_outbox_take(installer->crew.outbox, &readback->buffers[1], err);
}

int swb_job_read_back(struct swb_installer *installer, struct swb_error *err)
{
        const struct swb_manifest *manifest = installer->manifest;
        struct swb_readback readback = {.through_cache = installer->config.plain_files,
                                        .step = {on_read_back, installer}};
        int r;

        r = swb_job_settle(installer, err);
        if (r >= 0)
                r = take_help(installer, &readback, err);
        if (r < 0)
                return r;
        for (size_t i = 0; i < manifest->n_partitions; i++) {
                installer->progress.stage_bytes_total += manifest->partitions[i].new_bytes;
                installer->progress.stage_bytes_done +=
                        walk_of(installer, installer->by_partition[i]).offset;
        }
        swb_job_report(installer, "readback");
        for (size_t i = 0; i < manifest->n_partitions && r >= 0; i++) {
                struct swb_slot *slot = installer->by_partition[i];
                struct swb_readback_walk walk = walk_of(installer, slot);

                r = swb_readback_finish(&readback, slot, &manifest->partitions[i], &walk, err);
        }
        return r;
}
