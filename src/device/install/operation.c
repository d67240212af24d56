/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/patch_memory.h"
#include "codec/split.h"
#include "device/install/job.h"

int swb_job_on_written(void *context, uint64_t n_bytes, struct swb_error *err)
{
        struct swb_installer *installer = context;

        installer->now.written += n_bytes;
        swb_job_report(installer, "apply");
        return swb_job_check_cancelled(installer, err);
}

/* Beside its blob. A sorted operation takes most of those without a source: its streams and two
 * decoders. */
#define REPLACE_MEMORY_BYTES (SWB_SPLIT_WORK_BYTES + ((size_t)18 << 20))

/* What the operation leaves of the memory that one may have goes to the outbox. */
static void share_memory(const struct swb_installer *installer,
                         const struct swb_operation *operation)
{
        const uint64_t taken = REPLACE_MEMORY_BYTES + operation->data_length;
        uint64_t left = 0;

        if (!installer->crew.outbox)
                return;
        if (!swb_op_has_source(operation->type) && taken < SWB_PATCH_MEMORY_BYTES)
                left = SWB_PATCH_MEMORY_BYTES - taken;
        swb_outbox_allow(installer->crew.outbox,
                         SWB_MIN(left, installer->config.write_ahead_bytes));
}

static int apply_current(struct swb_installer *installer, uint64_t *ret_number,
                         struct swb_error *err)
{
        const struct swb_operation *operation;
        const struct swb_partition *partition;
        struct swb_slot *slot;
        const uint8_t *blob;
        size_t index, number;
        int r;

        operation = swb_payload_reader_operation(installer->reader, &index, &number, &blob);
        partition = &installer->manifest->partitions[index];
        slot = installer->by_partition[index];
        r = swb_verify_blob(operation, blob, err);
        if (r >= 0 && swb_op_has_source(operation->type) && !operation->has_src_hash)
                r = swb_slot_check_source(slot, partition, err);
        share_memory(installer, operation);
        if (r >= 0)
                r = swb_apply_operation(&installer->apply, operation, blob, slot, err);
        if (r < 0)
                return swb_wrap(err, r, "operation %zu (%s, partition '%s')", number,
                                swb_op_to_string(operation->type), partition->name);
        if (installer->overlap)
                swb_front_add(&slot->front, operation->dst, operation->n_dst);
        *ret_number = number;
        return 0;
}

/* Both hashes go on with the operation's data. */
static void hash_blob(void *context)
{
        struct swb_installer *installer = context;
        struct swb_install_position *now = &installer->now;
        const struct swb_operation *operation;
        const uint8_t *blob;
        size_t partition, number;

        operation = swb_payload_reader_operation(installer->reader, &partition, &number, &blob);
        if (operation->data_length == 0 || installer->pieces) /* PF-93 */
                return;
        if (installer->config.payload_hash)
                swb_sha256_update(&now->file_sha, blob, (size_t)operation->data_length);
        if (installer->config.keys)
                swb_sha256_update(&now->signed_sha, blob, (size_t)operation->data_length);
}

/* The hashes of the payload are a fifth of the work, and nothing waits for them. */
static int apply_and_hash(struct swb_installer *installer, struct swb_error *err)
{
        uint64_t number = 0;
        int r;

        swb_job_start_crew(installer);
        if (installer->overlap)
                swb_beside_start(installer->crew.hasher, hash_blob, installer);
        else
                hash_blob(installer);
        r = apply_current(installer, &number, err);
        if (installer->overlap)
                swb_beside_wait(installer->crew.hasher);
        if (r >= 0)
                installer->now.operation = number;
        return r;
}

int swb_job_on_operation(struct swb_installer *installer, struct swb_error *err)
{
        int r;

        r = apply_and_hash(installer, err);
        if (r < 0)
                return r;
        installer->now.operation++;
        installer->safe = installer->now;
        swb_job_report(installer, "apply");
        return swb_job_store_if_due(installer, err);
}
