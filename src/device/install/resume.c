/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "device/install/pieces.h"

#define METADATA_MAX_BYTES                                                                         \
        (SWB_PAYLOAD_HEADER_BYTES + SWB_MANIFEST_MAX_BYTES + SWB_SIGNATURES_MAX_BYTES)

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

        installer->checkpoint_msec = swb_job_msec();
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
        swb_job_notice(installer, "checkpoint not used, starting from the beginning", &why);
        return swb_job_start_anew(installer, err);
}
