/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "device/install/pieces.h"

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

#define METADATA_MAX_BYTES                                                                         \
        (SWB_PAYLOAD_HEADER_BYTES + SWB_MANIFEST_MAX_BYTES + SWB_SIGNATURES_MAX_BYTES)

static void notice(const struct swb_installer *installer, const char *what,
                   const struct swb_error *err)
{
        char text[SWB_ERROR_TEXT_MAX + 128];

        if (!installer->config.notice)
                return;
        (void)snprintf(text, sizeof(text), "%s: %s", what, err->text);
        installer->config.notice(installer->config.context, text);
}

static uint64_t now_msec(void)
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
        installer->checkpoint_msec = now_msec();
        c->operation = installer->safe.operation;
        c->offset = installer->safe.offset;
        c->complete = installer->complete;
        swb_sha256_save(&installer->safe.file_sha, c->file_state);
        swb_sha256_save(&installer->safe.signed_sha, c->signed_state);
}

static void notice_survived(const struct swb_installer *installer, const struct swb_error *survived)
{
        if (survived->code < 0)
                notice(installer, "checkpoint not stored", survived);
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
                notice(installer, "going on with one thread", &why);
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
        uint64_t msec = now_msec() - installer->checkpoint_msec;

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
                notice(installer, "no checkpoints for this install", &survived);
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
                notice(installer, "what was under way failed", &survived);
        if (swb_checkpoint_discard(installer->config.state_dir, &survived) < 0)
                notice(installer, "checkpoint not removed", &survived);
        if (!plain_zeros || !installer->resumable)
                return;
        c->metadata_bytes = 0;
        c->operation = 0;
        c->offset = 0;
        c->complete = false;
        c->pieces = false;
        c->plain_zeros = true;
        if (swb_checkpoint_save(installer->config.state_dir, c, &survived) < 0)
                notice(installer, "checkpoint not stored", &survived);
}

/* ---- going on ---- */

int swb_job_start_anew(struct swb_installer *installer, struct swb_error *err)
{
        installer->reader = swb_payload_reader_free(installer->reader);
        installer->manifest = NULL;
        installer->pieces = swb_pieces_free(installer->pieces);
        installer->pieces_due = false;
        installer->checkpoint.pieces = false;
        installer->totals = (struct swb_payload_totals){0};
        installer->is_verified = false;
        installer->ended = false;
        installer->complete = false;
        installer->now = (struct swb_install_position){0};
        swb_sha256_init(&installer->now.file_sha);
        swb_sha256_init(&installer->now.signed_sha);
        installer->safe = installer->now;
        return swb_payload_reader_new(&installer->reader, err);
}

static void fill_identity(struct swb_installer *installer)
{
        struct swb_checkpoint *c = &installer->checkpoint;

        memcpy(c->payload_hash, installer->config.payload_hash, sizeof(c->payload_hash));
        c->payload_bytes = installer->config.payload_bytes;
        swb_slots_digest(&installer->slots, c->targets);
}

static bool is_ours(const struct swb_installer *installer, const struct swb_checkpoint *c)
{
        const struct swb_checkpoint *own = &installer->checkpoint;

        return memcmp(c->payload_hash, own->payload_hash, sizeof(c->payload_hash)) == 0 &&
               c->payload_bytes == own->payload_bytes &&
               memcmp(c->targets, own->targets, sizeof(c->targets)) == 0;
}

static int feed_cached_metadata(struct swb_installer *installer, const struct swb_checkpoint *c,
                                struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(METADATA_MAX_BYTES);
        size_t used = 0;
        int r;

        r = swb_checkpoint_load_metadata(installer->config.state_dir, c, &buf, err);
        if (r < 0)
                return r;
        r = swb_payload_reader_feed(installer->reader, buf.data, buf.n_bytes, &used, err);
        if (r < 0)
                return r;
        if (r != SWB_PAYLOAD_METADATA || used != buf.n_bytes)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                "the stored metadata is not the start of a payload");
        return swb_job_accept(installer, err);
}

/* The reader to where the checkpoint says; what it says has to fit the manifest. */
static int seek(struct swb_installer *installer, const struct swb_checkpoint *c,
                struct swb_error *err)
{
        uint64_t offset = installer->totals.payload_bytes;

        if (!c->complete) {
                int r = swb_payload_reader_seek(installer->reader, (size_t)c->operation, err);

                if (r < 0)
                        return r;
                offset = swb_payload_reader_offset(installer->reader);
        }
        if (c->offset != offset)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                "operation %" PRIu64 " does not start at byte %" PRIu64,
                                c->operation, c->offset);
        return 0;
}

static int go_on_by_pieces(struct swb_installer *installer, const struct swb_checkpoint *c,
                           struct swb_error *err)
{
        int r;

        memcpy(installer->checkpoint.metadata_hash, c->metadata_hash, SWB_SHA256_BYTES);
        r = swb_pieces_load(installer, err);
        if (r >= 0)
                installer->pieces->asked = c->operation;
        return r;
}

static int go_on(struct swb_installer *installer, const struct swb_checkpoint *c,
                 struct swb_error *err)
{
        struct swb_install_position *now = &installer->now;
        int r;

        if (c->pieces && !installer->config.pieces)
                return swb_fail(err, -ENOTSUP, SWB_FAULT_UNSUPPORTED,
                                "it fetched pieces, and now the payload comes front to back");
        now->operation = c->operation;
        r = feed_cached_metadata(installer, c, err);
        if (r >= 0)
                r = seek(installer, c, err);
        if (r >= 0 && c->pieces)
                r = go_on_by_pieces(installer, c, err);
        if (r < 0)
                return r;
        if (swb_sha256_load(&now->file_sha, c->file_state) < 0 ||
            swb_sha256_load(&now->signed_sha, c->signed_state) < 0)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT, "the stored hashes are damaged");
        now->offset = c->offset;
        now->written = installer->totals.target_bytes_before;
        installer->checkpoint_written = now->written;
        installer->safe = *now;
        installer->ended = c->complete;
        installer->complete = c->complete;
        installer->checkpoint = *c;
        installer->pieces_due =
                c->operation == 0 && !installer->pieces && swb_job_is_by_pieces(installer);
        return 0;
}

int swb_job_resume(struct swb_installer *installer, struct swb_error *err)
{
        struct swb_error why = SWB_ERROR_INIT;
        struct swb_checkpoint c;
        int r;

        installer->checkpoint_msec = now_msec();
        installer->resumable = installer->config.state_dir && installer->config.payload_hash;
        if (!installer->resumable)
                return 0;
        fill_identity(installer);
        r = swb_checkpoint_load(installer->config.state_dir, &c, &why);
        if (r > 0 || (r == 0 && !is_ours(installer, &c)))
                return 0; /* none, or of another update: the usual case, and no news */
        if (r == 0) {
                installer->checkpoint.plain_zeros = c.plain_zeros;
                installer->apply.plain_zeros = c.plain_zeros;
                if (c.metadata_bytes == 0)
                        return 0;
                r = go_on(installer, &c, &why);
        }
        if (r >= 0)
                return 0;
        notice(installer, "checkpoint not used, starting from the beginning", &why);
        return swb_job_start_anew(installer, err);
}
