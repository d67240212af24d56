/* SPDX-License-Identifier: Apache-2.0 */
#include "device/install/job.h"

/*
 * A checkpoint costs a sync and a small file; what lies between two is sent and written again. So
 * it is made after STORE_PAYLOAD_BYTES, but where bytes come fast, not twice a second for that.
 */
#define STORE_PAYLOAD_BYTES (512u << 10)
#define STORE_FAST_FACTOR 4
#define STORE_WRITTEN_BYTES (16u << 20)
#define STORE_MSEC 5000
/* With a crew what was written is synced and read back after as many bytes; but a cut may cost so
 * much time before it is worth a checkpoint, which is three syncs more. */
#define HURRY_MSEC 250
/* With a crew: written and not synced, in memory, before the installer waits. */
#define UNSETTLED_BYTES (48u << 20)

uint64_t swb_job_msec(void)
{
        struct timespec ts = {0};

        (void)clock_gettime(CLOCK_BOOTTIME, &ts); /* fails for an unknown clock only */
        return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* ---- storing ---- */

/* The checkpoint of the safe position: true when what was written before it is synced. */
static void fill_position(struct swb_installer *installer)
{
        struct swb_checkpoint *c = &installer->checkpoint;

        installer->checkpoint_written = installer->safe.written;
        installer->checkpoint_msec = swb_job_msec();
        c->operation = installer->safe.operation;
        c->offset = installer->safe.offset;
        c->complete = installer->complete;
        swb_sha256_save(&installer->safe.file_sha, c->file_state);
        swb_sha256_save(&installer->safe.signed_sha, c->signed_state);
}

static void notice_survived(const struct swb_installer *installer, const struct swb_error *survived)
{
        if (survived->code < 0)
                swb_job_notice(installer, "checkpoint not stored", survived);
}

static int wait_for_job(struct swb_installer *installer, struct swb_error *err)
{
        struct swb_error survived = SWB_ERROR_INIT;
        int r = swb_settler_wait(installer->crew.settler, &survived, err);

        notice_survived(installer, &survived);
        return r;
}

int swb_job_settle(struct swb_installer *installer, struct swb_error *err)
{
        const struct swb_crew *crew = &installer->crew;
        int r;

        if (!crew->settler)
                return 0;
        r = wait_for_job(installer, err);
        swb_follower_pause(crew->follower);
        return r < 0 ? r : swb_outbox_wait(crew->outbox, swb_outbox_count(crew->outbox), err);
}

int swb_job_store(struct swb_installer *installer, struct swb_error *err)
{
        struct swb_error survived = SWB_ERROR_INIT;
        int r;

        r = swb_job_settle(installer, err);
        if (r >= 0 && !installer->config.plain_files)
                r = swb_slots_sync(&installer->slots, err);
        if (r < 0)
                return r;
        fill_position(installer);
        if (installer->resumable &&
            swb_checkpoint_save(installer->config.state_dir, &installer->checkpoint, &survived) < 0)
                notice_survived(installer, &survived);
        return 0;
}

/* ---- storing meanwhile ---- */

void swb_job_start_crew(struct swb_installer *installer)
{
        struct swb_error why = SWB_ERROR_INIT;

        if (!installer->overlap || installer->crew.settler)
                return;
        if (swb_crew_start(&installer->crew, &installer->slots, &why) < 0) {
                swb_job_notice(installer, "going on with one thread", &why);
                installer->overlap = false;
        }
        installer->apply.beside = installer->crew.decoder;
        installer->apply.outbox = installer->crew.outbox;
}

/* Who says after how many bytes gets it. */
static bool is_worth_storing(const struct swb_installer *installer)
{
        return installer->resumable &&
               (installer->complete || installer->config.checkpoint_bytes > 0 ||
                installer->checkpoint_msec - installer->stored_msec >= HURRY_MSEC);
}

static int hand_over(struct swb_installer *installer, struct swb_error *err)
{
        struct swb_error survived = SWB_ERROR_INIT;
        struct swb_settle_job job = {0};
        int r;

        fill_position(installer);
        job.checkpoint = installer->checkpoint;
        if (is_worth_storing(installer)) {
                installer->stored_msec = installer->checkpoint_msec;
                job.state_dir = installer->config.state_dir;
        }
        job.n_sent = swb_outbox_count(installer->crew.outbox);
        for (size_t i = 0; i < installer->slots.n; i++) {
                struct swb_slot *slot = &installer->slots.slots[i];

                job.dirty[i] = slot->dirty;
                slot->dirty = false;
                job.front[i] = SWB_MIN(slot->front.end_block * SWB_BLOCK_BYTES, slot->new_bytes);
                job.front[i] -= job.front[i] % SWB_BLOCK_BYTES;
        }
        r = swb_settler_post(installer->crew.settler, &job, &survived, err);
        notice_survived(installer, &survived);
        return r;
}

static bool is_due(const struct swb_installer *installer)
{
        uint64_t step = installer->config.checkpoint_bytes;
        uint64_t arrived = installer->safe.offset - installer->checkpoint.offset;
        uint64_t written = installer->safe.written - installer->checkpoint_written;
        uint64_t msec = swb_job_msec() - installer->checkpoint_msec;

        if (step == 0)
                step = STORE_PAYLOAD_BYTES;
        if (msec < 1000)
                step = SWB_MIN(step, UINT64_MAX / STORE_FAST_FACTOR) * STORE_FAST_FACTOR;
        return arrived >= step || written >= STORE_WRITTEN_BYTES || msec >= STORE_MSEC;
}

int swb_job_store_if_due(struct swb_installer *installer, struct swb_error *err)
{
        if (!is_due(installer))
                return 0;
        if (!installer->overlap)
                return swb_job_store(installer, err);
        if (installer->safe.written - installer->checkpoint_written < UNSETTLED_BYTES &&
            swb_settler_is_busy(installer->crew.settler))
                return 0;
        return hand_over(installer, err);
}

int swb_job_store_last(struct swb_installer *installer, struct swb_error *err)
{
        int r;

        if (!installer->crew.settler)
                return swb_job_store(installer, err);
        r = hand_over(installer, err);
        return r < 0 ? r : wait_for_job(installer, err);
}

static int store_metadata(struct swb_installer *installer, struct swb_error *err)
{
        size_t n = (size_t)swb_payload_reader_blobs_start(installer->reader), n_signed;
        const uint8_t *metadata = swb_payload_reader_metadata(installer->reader, &n_signed);

        swb_sha256(metadata, n, installer->checkpoint.metadata_hash);
        installer->checkpoint.metadata_bytes = n;
        return swb_checkpoint_save_metadata(installer->config.state_dir, metadata, n, err);
}

int swb_job_begin(struct swb_installer *installer, struct swb_error *err)
{
        struct swb_error survived = SWB_ERROR_INIT;
        int r;

        if (!installer->config.state_dir)
                return 0;
        r = swb_checkpoint_discard(installer->config.state_dir, &survived);
        if (r >= 0 && installer->resumable)
                r = store_metadata(installer, &survived);
        if (r < 0) {
                installer->resumable = false;
                swb_job_notice(installer, "no checkpoints for this install", &survived);
        }
        return swb_job_store(installer, err);
}

void swb_job_forget(struct swb_installer *installer, bool plain_zeros)
{
        struct swb_error survived = SWB_ERROR_INIT;
        struct swb_checkpoint *c = &installer->checkpoint;

        if (!installer->config.state_dir)
                return;
        /* Or it stores another one behind our back. */
        if (swb_job_settle(installer, &survived) < 0)
                swb_job_notice(installer, "what was under way failed", &survived);
        if (swb_checkpoint_discard(installer->config.state_dir, &survived) < 0)
                swb_job_notice(installer, "checkpoint not removed", &survived);
        if (!plain_zeros || !installer->resumable)
                return;
        c->metadata_bytes = 0;
        c->operation = 0;
        c->offset = 0;
        c->complete = false;
        c->pieces = false;
        c->plain_zeros = true;
        if (swb_checkpoint_save(installer->config.state_dir, c, &survived) < 0)
                swb_job_notice(installer, "checkpoint not stored", &survived);
}
