/* SPDX-License-Identifier: Apache-2.0 */
#include "device/install/installer.h"

#include <inttypes.h>

#include "device/install/job.h"
#include "device/install/pieces.h"
#include "os/file.h"

int swb_job_check_cancelled(const struct swb_installer *installer, struct swb_error *err)
{
        if (!installer->config.cancelled || !installer->config.cancelled(installer->config.context))
                return 0;
        return swb_fail(err, -ECANCELED, SWB_FAULT_CANCELLED, "stopped on request");
}

static int on_metadata(struct swb_installer *installer, struct swb_error *err)
{
        const uint8_t *metadata;
        size_t n;
        int r;

        r = swb_job_accept(installer, err);
        if (r < 0)
                return r;
        metadata = swb_payload_reader_metadata(installer->reader, &n);
        swb_sha256_update(&installer->now.signed_sha, metadata, n);
        installer->safe = installer->now;
        r = swb_job_begin(installer, err);
        if (r >= 0)
                swb_job_report(installer, "apply");
        installer->pieces_due = swb_job_is_by_pieces(installer);
        return r;
}

static int on_signatures(struct swb_installer *installer, struct swb_error *err)
{
        struct swb_sha256 sha = installer->now.signed_sha;
        uint8_t digest[SWB_SHA256_BYTES];
        int r;

        if (!installer->config.keys)
                return 0;
        swb_sha256_final(&sha, digest);
        r = swb_verify_payload(installer->reader, installer->config.keys, digest, err);
        if (r < 0)
                swb_job_forget(installer, false);
        installer->is_verified = r >= 0;
        return r;
}

/* ---- feeding ---- */

static int on_event(struct swb_installer *installer, enum swb_payload_event event,
                    struct swb_error *err)
{
        switch (event) {
        case SWB_PAYLOAD_MORE:
                return 0;
        case SWB_PAYLOAD_METADATA:
                return on_metadata(installer, err);
        case SWB_PAYLOAD_OPERATION:
                return swb_job_on_operation(installer, err);
        case SWB_PAYLOAD_SIGNATURES:
                return on_signatures(installer, err);
        case SWB_PAYLOAD_END:
                installer->ended = true;
                return 0;
        }
        return swb_fail(err, -EPROTO, SWB_FAULT_INTERNAL, "the payload reader says %d", event);
}

/* Is this byte of the payload one of an operation's data? */
static bool is_in_blobs(const struct swb_installer *installer, uint64_t offset)
{
        const struct swb_manifest *manifest = installer->manifest;
        uint64_t start;

        if (!manifest)
                return false;
        start = swb_payload_reader_blobs_start(installer->reader);
        return offset >= start &&
               (manifest->signatures_size == 0 || offset - start < manifest->signatures_offset);
}

/* Bytes that the reader took, all of one kind. Blobs are hashed when they are there as a whole;
 * what the signature covers of the rest is hashed as metadata. */
static void count_bytes(struct swb_installer *installer, const uint8_t *data, size_t n)
{
        struct swb_install_position *now = &installer->now;

        if (installer->config.payload_hash && !is_in_blobs(installer, now->offset))
                swb_sha256_update(&now->file_sha, data, n);
        now->offset += n;
}

static int begin_pieces(struct swb_installer *installer, struct swb_error *err)
{
        installer->pieces_due = false;
        return swb_pieces_begin(installer, err);
}

/* Between operations of a payload of pieces: on to one that is to be fetched. */
static int advance(struct swb_installer *installer, struct swb_error *err)
{
        int r;

        if (!installer->pieces || installer->now.offset != installer->safe.offset)
                return 0;
        r = swb_pieces_advance(installer, err);
        installer->ended |= r == 0;
        return r;
}

/* What the next bytes are, or what comes without any: returns the reader's event. */
static int feed_once(struct swb_installer *installer, const uint8_t **data, size_t *n,
                     struct swb_error *err)
{
        size_t used = 0;
        int event, r;

        event = swb_payload_reader_feed(installer->reader, *data, *n, &used, err);
        if (event < 0)
                return event;
        count_bytes(installer, *data, used);
        *data += used;
        *n -= used;
        r = on_event(installer, (enum swb_payload_event)event, err);
        if (r >= 0)
                r = swb_job_check_cancelled(installer, err);
        return r < 0 ? r : event;
}

static int feed(struct swb_installer *installer, const uint8_t *data, size_t n,
                struct swb_error *err)
{
        int r = SWB_PAYLOAD_OPERATION; /* there may be more without a byte being fed */

        while (!installer->ended && (n > 0 || r != SWB_PAYLOAD_MORE)) {
                if (installer->pieces_due)
                        r = begin_pieces(installer, err);
                if (r >= 0)
                        r = advance(installer, err);
                if (r >= 0 && !installer->ended)
                        r = feed_once(installer, &data, &n, err);
                if (r < 0)
                        return r;
                if (installer->pieces_due)
                        n = 0; /* these bytes were not asked for */
        }
        if (n > 0)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                "%zu bytes or more follow the payload's end", n);
        return 0;
}

/* Where every failure passes: the installer is stuck from now on. */
static int stick(struct swb_installer *installer, const struct swb_error *failure,
                 struct swb_error *err)
{
        installer->stuck = *failure;
        if (err)
                *err = *failure;
        return failure->code;
}

int swb_installer_feed(struct swb_installer *installer, const uint8_t *data, size_t n_bytes,
                       struct swb_error *err)
{
        struct swb_error failure = installer->stuck;
        int r = failure.code;

        if (r >= 0)
                r = feed(installer, data, n_bytes, &failure);
        if (r >= 0)
                return 0;
        if (failure.fault == SWB_FAULT_CANCELLED) { /* does nothing if it is stuck already */
                r = swb_installer_suspend(installer, &failure);
                if (r < 0)
                        (void)swb_wrap(&failure, r, "stopped on request");
        }
        return stick(installer, &failure, err);
}

int swb_installer_suspend(struct swb_installer *installer, struct swb_error *err)
{
        if (installer->stuck.code < 0 || !installer->manifest)
                return 0;
        return swb_job_store(installer, err);
}

/* ---- the end ---- */

static int check_end(struct swb_installer *installer, struct swb_error *err)
{
        int r;

        r = feed(installer, NULL, 0, err); /* operations without data may be left */
        if (r < 0)
                return r;
        if (!installer->ended) {
                r = swb_installer_suspend(installer, err);
                if (r < 0)
                        return r;
                return swb_fail(err, -ENODATA, SWB_FAULT_FORMAT,
                                "the payload ends at byte %" PRIu64 " of %" PRIu64,
                                installer->now.offset,
                                installer->manifest ? installer->totals.payload_bytes
                                                    : installer->config.payload_bytes);
        }
        return 0;
}

static int finish(struct swb_installer *installer, struct swb_error *err)
{
        int r = 0;

        if (!installer->complete) {
                r = check_end(installer, err);
                if (r >= 0)
                        r = swb_job_complete(installer, err);
        }
        return r < 0 ? r : swb_job_read_back(installer, err);
}

int swb_installer_finish(struct swb_installer *installer, struct swb_error *err)
{
        struct swb_error failure = installer->stuck;
        int r = failure.code;

        if (r >= 0)
                r = finish(installer, &failure);
        if (r >= 0)
                return 0;
        if (failure.fault == SWB_FAULT_READBACK)
                swb_job_forget(installer, true);
        return stick(installer, &failure, err);
}

/* ---- start ---- */

static int prepare(struct swb_installer *installer, struct swb_error *err)
{
        const struct swb_install_config *config = &installer->config;
        int r;

        if (config->state_dir) {
                r = swb_make_dirs(config->state_dir, 0700, err);
                if (r < 0)
                        return swb_wrap(err, r, "state folder");
        }
        r = swb_slots_open(&installer->slots, config->slots, config->n_slots, config->plain_files,
                           err);
        if (r >= 0)
                r = swb_apply_init(&installer->apply,
                                   (struct swb_step){swb_job_on_written, installer}, err);
        if (r >= 0 && swb_scratch_file_init(&installer->scratch, config->state_dir) < 0)
                r = swb_oom(err);
        if (r >= 0)
                r = swb_job_start_anew(installer, err);
        if (r < 0)
                return r;
        installer->scratch.open.max_bytes = installer->config.open_scratch_bytes;
        installer->apply.scratch = &installer->scratch.open;
        installer->apply.open_memory_bytes = installer->config.open_memory_bytes;
        installer->apply.write_behind = !config->plain_files;
        installer->overlap = config->overlap && !config->plain_files;
        return swb_job_resume(installer, err);
}

static void set_open_limits(struct swb_install_config *config)
{
        if (config->open_memory_bytes == 0)
                config->open_memory_bytes = SWB_OPEN_MEMORY_BYTES;
        if (config->open_scratch_bytes == 0)
                config->open_scratch_bytes = SWB_OPEN_SCRATCH_BYTES;
}

int swb_installer_new(const struct swb_install_config *config, struct swb_installer **ret,
                      struct swb_error *err)
{
        _cleanup_(swb_installer_freep) struct swb_installer *installer = NULL;
        int r;

        installer = calloc(1, sizeof(*installer));
        if (!installer)
                return swb_oom(err);
        installer->config = *config;
        set_open_limits(&installer->config);
        installer->scratch.fd = -EBADF;
        r = prepare(installer, err);
        if (r < 0)
                return r;
        *ret = SWB_TAKE_PTR(installer);
        return 0;
}

struct swb_installer *swb_installer_free(struct swb_installer *installer)
{
        if (!installer)
                return NULL;
        swb_crew_done(&installer->crew); /* before what it uses */
        swb_payload_reader_free(installer->reader);
        (void)swb_pieces_free(installer->pieces);
        swb_apply_done(&installer->apply);
        swb_scratch_file_done(&installer->scratch);
        swb_slots_done(&installer->slots);
        free(installer);
        return NULL;
}

uint64_t swb_installer_offset(const struct swb_installer *installer)
{
        return installer->now.offset;
}

bool swb_installer_is_by_pieces(const struct swb_installer *installer)
{
        return installer->pieces_due || installer->pieces;
}

static int wants(struct swb_installer *installer, struct swb_range *ranges, size_t max,
                 size_t *ret_n, struct swb_error *err)
{
        int r = 0;

        if (installer->pieces_due)
                r = begin_pieces(installer, err);
        *ret_n = 0;
        if (r >= 0 && installer->pieces)
                r = swb_pieces_ask(installer, ranges, max, ret_n, err);
        return r;
}

int swb_installer_wants(struct swb_installer *installer, struct swb_range *ranges, size_t max,
                        size_t *ret_n, struct swb_error *err)
{
        struct swb_error failure = installer->stuck;
        int r = failure.code;

        if (r >= 0)
                r = wants(installer, ranges, max, ret_n, &failure);
        return r < 0 ? stick(installer, &failure, err) : 0;
}

bool swb_installer_is_fed(const struct swb_installer *installer)
{
        return installer->ended;
}

const struct swb_manifest *swb_installer_manifest(const struct swb_installer *installer)
{
        return installer->manifest;
}
