/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One attempt at installing: swb-install reads from a pipe into which swb-fetch writes.
 *
 *     begin: slot unbootable -> swb-install starts -> says `need` -> swb-fetch starts at that byte
 *     both end -> the new system's own program, if it has one -> conclude: installed, or whose
 *     fault it was and what the next attempt shall be
 *
 * We hold the pipe's write end until we have heard how the getter ended: so the installer never
 * sees an end that only means that the getter died, and it is clear who failed first.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/text.h"
#include "device/engine/machine.h"

/* The installer's messages and end are handled before the getter's, if both are there. */
#define INSTALLER_PRIORITY (SD_EVENT_PRIORITY_NORMAL - 10)

static void conclude(struct swb_engine *e);

static void close_pipe(struct swb_engine *e)
{
        e->attempt.pipe = swb_close(e->attempt.pipe);
}

/* ---- the getter ---- */

/* Costs nobody's data volume. If it is pulled out, some of what comes in its place is not counted.
 */
static bool is_on_stick(const struct swb_engine *e)
{
        return swb_starts_with(e->state->pending.url[0], "file:");
}

static void on_get_heard(void *context, const struct swb_message *message)
{
        struct swb_engine *e = context;

        if (message->offset > e->status.bytes_done && !is_on_stick(e))
                swb_engine_note_bytes(e, message->offset - e->status.bytes_done);
        e->status.bytes_done = message->offset;
        e->status.rate = message->rate;
        if (e->installer)
                swb_worker_touch(e->installer); /* it can do no more than there are bytes */
        swb_engine_touch(e);
}

static void note_get_failure(struct swb_engine *e, const struct swb_worker_end *end)
{
        struct swb_attempt *a = &e->attempt;

        a->get = *end;
        a->has_get_failed = e->installer && !swb_worker_has_outcome(e->installer);
}

static void on_get_ended(void *context, const struct swb_worker_end *end)
{
        struct swb_engine *e = context;

        e->status.rate = 0;
        e->attempt.has_all_bytes = end->ok;
        if (!end->ok)
                note_get_failure(e, end);
        e->getter = swb_worker_free(e->getter);
        close_pipe(e);
        if (!e->installer)
                conclude(e);
}

static int start_getter(struct swb_engine *e, uint64_t offset, struct swb_error *err)
{
        _cleanup_(swb_args_done) struct swb_args args = {0};
        struct swb_args_from from = swb_engine_args_from(e);
        struct swb_worker_job job = SWB_WORKER_JOB_INIT;
        int r;

        r = swb_args_get(&args, &from, offset, err);
        if (r < 0)
                return r;
        job.kind = SWB_WORKER_GET;
        job.argv = (const char *const *)args.argv;
        job.user = swb_fetch_user(e->config);
        job.output = e->attempt.pipe;
        job.payload_bytes = e->state->pending.payload_bytes;
        job.silence_usec = e->config->workers.silence_limit_usec;
        job.talk_is_progress = true;
        job.heard = on_get_heard;
        job.ended = on_get_ended;
        job.context = e;
        return swb_worker_start(e->event, &job, &e->getter, err);
}

/* ---- the installer ---- */

static void hear_need(struct swb_engine *e, uint64_t offset)
{
        struct swb_pending *p = &e->state->pending;
        struct swb_worker_end end = {0};

        if (offset > p->offset)
                e->quick_retries = 0; /* the last attempt was worth something */
        p->offset = offset;
        e->status.bytes_done = offset;
        if (offset > 0)
                swb_log(SWB_LOG_INFO, "resuming at byte %" PRIu64 " of %" PRIu64, offset,
                        p->payload_bytes);
        if (offset == p->payload_bytes) {
                e->attempt.has_all_bytes = true;
                close_pipe(e);
        } else if (start_getter(e, offset, &end.cause) < 0) {
                note_get_failure(e, &end);
                close_pipe(e);
        }
}

static void on_install_heard(void *context, const struct swb_message *message)
{
        struct swb_engine *e = context;

        if (message->type == SWB_MESSAGE_NEED) {
                hear_need(e, message->offset);
                return;
        }
        if (e->getter)
                swb_worker_touch(e->getter); /* it can do no more than there is room for bytes */
        e->status.progress = message->percent / 100.0;
        if (message->stage == SWB_STAGE_READBACK && e->status.state == SWB_ENGINE_DOWNLOADING)
                swb_engine_enter(e, SWB_ENGINE_VERIFYING, "reading the slot back");
        else
                swb_engine_touch(e);
}

static void on_install_ended(void *context, const struct swb_worker_end *end)
{
        struct swb_engine *e = context;
        struct swb_attempt *a = &e->attempt;

        a->install = *end;
        if (end->ok)
                memcpy(a->version, end->outcome->version, sizeof(a->version));
        e->installer = swb_worker_free(e->installer);
        if (!e->getter)
                conclude(e);
        else if (end->ok)
                swb_worker_hurry(e->getter); /* it has nothing left to do */
        else
                swb_worker_stop(e->getter, &end->cause); /* nobody reads what it writes */
}

static int start_installer(struct swb_engine *e, struct swb_error *err)
{
        _cleanup_(swb_args_done) struct swb_args args = {0};
        struct swb_args_from from = swb_engine_args_from(e);
        struct swb_worker_job job = SWB_WORKER_JOB_INIT;
        _cleanup_close_ int input = -EBADF;
        int ends[2], r;

        r = swb_args_install(&args, &from, err);
        if (r < 0)
                return r;
        /* Both ways, for the installer may ask for ranges (swb-install --pieces). */
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
                return swb_fail_errno(err, errno, "open a socket for the payload");
        input = ends[0];
        e->attempt.pipe = ends[1];
        job.kind = SWB_WORKER_INSTALL;
        job.argv = (const char *const *)args.argv;
        job.input = input;
        job.payload_bytes = e->state->pending.payload_bytes;
        job.silence_usec = e->config->workers.silence_limit_usec;
        job.priority = INSTALLER_PRIORITY;
        job.heard = on_install_heard;
        job.ended = on_install_ended;
        job.context = e;
        return swb_worker_start(e->event, &job, &e->installer, err);
}

/* ---- begin ---- */

/* The running slot must be one to fall back to, and the other one must not start half-written. */
static int secure_slots(struct swb_engine *e, struct swb_error *err)
{
        enum swb_slot target = e->state->pending.slot;
        struct swb_boot_flags flags;
        const struct swb_slot_flags *other = &flags.slot[target];
        int r;

        swb_assert(target != e->facts.slot); /* the verdict at the start has seen to that */
        r = swb_boot_read(e->boot, &flags, err);
        if (r < 0)
                return r;
        if (!flags.slot[e->facts.slot].successful)
                return swb_fail(err, -EBUSY, SWB_FAULT_BUSY,
                                "slot %s, which runs, is not marked good: there would be nothing "
                                "to fall back to",
                                swb_slot_to_string(e->facts.slot));
        if (other->priority == 0 && other->tries == 0 && !other->successful)
                return 0; /* here, too */
        return swb_boot_mark_unbootable(e->boot, target, err);
}

static int begin(struct swb_engine *e, struct swb_error *err)
{
        struct swb_pending *p = &e->state->pending;
        int r;

        e->attempt = (struct swb_attempt){.pipe = -EBADF};
        p->phase = SWB_PHASE_INSTALLING;
        p->attempts++;
        if (p->attempts == 1)
                swb_report_queue(e->state, SWB_REPORT_STARTED, p, NULL, 0);
        r = swb_engine_save(e, err);
        if (r >= 0) /* resuming: one write to the medium less */
                r = swb_engine_check_up(e, p->attempts == 1, err);
        if (r >= 0)
                r = secure_slots(e, err);
        if (r >= 0)
                r = start_installer(e, err);
        return r;
}

void swb_engine_proceed(struct swb_engine *e)
{
        struct swb_pending *p = &e->state->pending;
        char why[SWB_VERSION_TEXT + 32];

        e->waits_for_gate = true;
        if (!swb_engine_is_allowed(e, SWB_GATE_DOWNLOAD)) {
                swb_engine_settle(e, "waits for leave to download");
                return;
        }
        e->waits_for_gate = false;
        if (p->is_delta && e->state->full_only) { /* a restart came before the recheck */
                swb_engine_settle(e, "the delta was given up");
                swb_engine_recheck(e);
                return;
        }
        e->status.bytes_total = p->payload_bytes;
        (void)snprintf(why, sizeof(why), "version %s into slot %s", p->version,
                       swb_slot_to_string(p->slot));
        swb_engine_enter(e, SWB_ENGINE_DOWNLOADING, why);
        if (begin(e, &e->attempt.install.cause) < 0) {
                e->attempt.is_ours = true;
                conclude(e);
                return;
        }
        swb_engine_send_reports(e);
}

void swb_engine_stop_attempt(struct swb_engine *e, const char *why)
{
        struct swb_error cause = SWB_ERROR_INIT;

        if (!e->installer && !e->getter)
                return;
        (void)swb_fail(&cause, -ECANCELED, SWB_FAULT_CANCELLED, "%s", why);
        e->attempt.is_cancelled = true;
        if (e->installer)
                swb_worker_stop(e->installer, &cause);
        if (e->getter)
                swb_worker_stop(e->getter, &cause);
}

/* ---- end ---- */

/* Return: 0, or what was wrong with the attempt. */
static int judge(const struct swb_engine *e, struct swb_error *err)
{
        const struct swb_attempt *a = &e->attempt;
        const char *announced = e->state->pending.version;

        if (!a->install.ok) {
                bool is_getters = a->has_get_failed && !a->install.has_crashed;

                *err = is_getters ? a->get.cause : a->install.cause;
                return err->code;
        }
        if (!a->has_all_bytes)
                return swb_fail(err, -EPROTO, SWB_FAULT_PROTOCOL,
                                "swb-install claims success, but did not get all bytes");
        if (a->version[0] != '\0' && strcmp(a->version, announced) != 0)
                return swb_fail(err, -EPROTO, SWB_FAULT_DOWNGRADE,
                                "the payload holds version %s, announced was %s", a->version,
                                announced);
        /* The description beside a payload is not signed; the server's answer may be. */
        if (a->version[0] == '\0' && e->state->pending.is_local)
                return swb_fail(err, -EPROTO, SWB_FAULT_DOWNGRADE,
                                "the payload does not name its version, which may be older than "
                                "what runs: only the server can offer such a one");
        return 0;
}

static void attempt_failed(struct swb_engine *e, const struct swb_error *cause)
{
        struct swb_pending *p = &e->state->pending;

        (void)swb_log_failure(SWB_LOG_ERROR, cause, "version %s, attempt %" PRIu64, p->version,
                              p->attempts);
        swb_report_queue(e->state, SWB_REPORT_FAILED, p, cause, e->attempt.get.http_status);
        swb_engine_note_past(e, p, cause);
        swb_engine_set_error(e, cause);
        swb_engine_plan_retry(e, cause);
        swb_engine_save_or_warn(e);
        swb_engine_settle(e, "attempt failed");
        swb_engine_send_reports(e);
}

static void attempt_succeeded(struct swb_engine *e)
{
        struct swb_pending *p = &e->state->pending;
        struct swb_error err = SWB_ERROR_INIT;

        p->phase = SWB_PHASE_INSTALLED;
        memcpy(p->boot_id, e->boot_id, sizeof(p->boot_id));
        e->state->delta_failures = 0;
        e->state->full_only = false;
        swb_report_queue(e->state, SWB_REPORT_DOWNLOADED, p, NULL, 0);
        if (swb_engine_save(e, &err) >= 0) {
                swb_engine_activate(e);
                return;
        }
        /* A fallback could not be told from a restart then. The installer's checkpoint knows that
         * all is written, so the next attempt only reads the slot back. */
        p->phase = SWB_PHASE_INSTALLING;
        e->attempt.is_ours = true;
        attempt_failed(e, &err);
}

static void attempt_cancelled(struct swb_engine *e)
{
        e->state->pending.by_hand = false;
        e->waits_for_gate = e->attempt.is_held;
        swb_engine_save_or_warn(e);
        swb_engine_settle(e, e->attempt.is_held ? "the gate closed, every verified byte is kept"
                                                : "cancelled, every verified byte is kept");
        if (e->attempt.is_held)
                swb_engine_consider(e); /* it may be open again by now */
}

/* r: what judge() says of the download and the install. */
static void judged(struct swb_engine *e, int r, struct swb_error *cause)
{
        if (r < 0) {
                attempt_failed(e, cause);
                return;
        }
        r = swb_engine_post_install(e, conclude, cause);
        if (r == 0) {
                attempt_succeeded(e);
        } else if (r < 0 && cause->fault == SWB_FAULT_POST_INSTALL) {
                swb_engine_reject(e, cause);
        } else if (r < 0) {
                e->attempt.is_ours = true; /* the device's trouble, not the payload's */
                attempt_failed(e, cause);
        }
}

static void conclude(struct swb_engine *e)
{
        struct swb_error cause = SWB_ERROR_INIT;

        close_pipe(e);
        e->status.rate = 0;
        if (swb_engine_is_stopping(e))
                return;
        if (e->attempt.is_cancelled)
                attempt_cancelled(e);
        else
                judged(e, judge(e, &cause), &cause);
}
