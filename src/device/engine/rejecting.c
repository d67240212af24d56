/* SPDX-License-Identifier: Apache-2.0 */
/* A system that failed is left for good: remembered, made unbootable, and rebooted out of. */
#include <inttypes.h>

#include "base/log.h"
#include "device/engine/machine.h"

#define RETRY_USEC (10 * SECOND)
/* A boot loader that brings us back into the rejected slot each time does not get more reboots. */
#define REBOOTS_MAX 3

/* A system that fails its checks is still better than none: with nothing else to start it must stay
 * what the boot loader starts. */
static void stay(struct swb_engine *e)
{
        struct swb_state *state = e->state;

        (void)swb_log_failure(SWB_LOG_ERROR, &e->unhealthy,
                              "staying, as there is no other slot to start");
        if (state->pending.phase != SWB_PHASE_REJECTED)
                swb_report_queue(state, SWB_REPORT_FAILED, &state->pending, &e->unhealthy, 0);
        swb_state_clear_pending(state);
        swb_engine_set_error(e, &e->unhealthy);
        swb_engine_mark_good(e);
}

void swb_engine_remember(struct swb_engine *e, const char *version, const struct swb_error *why)
{
        struct swb_failed failed = {.fault = why->fault};
        struct swb_now now;

        swb_engine_get_now(e, &now);
        failed.wall_usec = now.wall_usec;
        failed.server_attempt = e->state->server_attempt;
        (void)snprintf(failed.version, sizeof(failed.version), "%s", version);
        (void)snprintf(failed.text, sizeof(failed.text), "%.*s", SWB_REASON_TEXT - 1, why->text);
        swb_state_add_failed(e->state, &failed);
}

void swb_engine_reject(struct swb_engine *e, const struct swb_error *why)
{
        struct swb_pending *p = &e->state->pending;

        (void)swb_log_failure(SWB_LOG_ERROR, why, "version %s is rejected", p->version);
        swb_engine_remember(e, p->version, why);
        swb_engine_note_past(e, p, why);
        swb_report_queue(e->state, SWB_REPORT_FAILED, p, why, 0);
        swb_state_clear_found(e->state);
        p->phase = SWB_PHASE_REJECTED;
        p->attempts = 0;
        /* State before flags: a cut in between is taken up as EXPEL or EXPELLED at the next start.
         * The other way round the reason would be lost. */
        swb_engine_save_or_warn(e);
        swb_engine_set_error(e, why);
        swb_engine_expel(e);
}

/* The rejected system runs. Return: whether there is another one to reboot into; < 0: can't tell.
 */
static int has_fallback(struct swb_engine *e, struct swb_error *err)
{
        struct swb_boot_flags flags;
        const struct swb_slot_flags *other = &flags.slot[swb_slot_other(e->facts.slot)];
        int r = swb_boot_read(e->boot, &flags, err);

        return r < 0 ? r : other->successful && other->priority > 0;
}

static void leave_running(struct swb_engine *e)
{
        struct swb_error err = SWB_ERROR_INIT;
        int r = has_fallback(e, &err);

        if (r > 0 && e->state->pending.attempts >= REBOOTS_MAX) {
                swb_log(SWB_LOG_ERROR, "%d reboots did not lead out of slot %s", REBOOTS_MAX,
                        swb_slot_to_string(e->facts.slot));
                r = 0;
        }
        if (r == 0) {
                (void)swb_fail(&e->unhealthy, -EIO, SWB_FAULT_HEALTH,
                               "version %s failed, and there is no other slot to start",
                               e->facts.version);
                stay(e);
                return;
        }
        if (r > 0)
                r = swb_boot_mark_unbootable(e->boot, e->facts.slot, &err);
        if (r < 0) {
                (void)swb_log_failure(SWB_LOG_ERROR, &err, "slot %s must not start again",
                                      swb_slot_to_string(e->facts.slot));
                swb_engine_later(e, RETRY_USEC, swb_engine_expel);
                return;
        }
        e->state->pending.attempts++;
        swb_engine_save_or_warn(e);
        swb_engine_send_reports(e);
        swb_engine_run_reboot(e);
}

static void left_behind(struct swb_engine *e)
{
        enum swb_slot slot = e->state->pending.slot;
        struct swb_error err = SWB_ERROR_INIT;

        if (swb_boot_mark_unbootable(e->boot, slot, &err) < 0) {
                (void)swb_log_failure(SWB_LOG_ERROR, &err, "slot %s must not start again",
                                      swb_slot_to_string(slot));
                swb_engine_later(e, RETRY_USEC, swb_engine_expel);
                return;
        }
        swb_state_clear_pending(e->state);
        swb_engine_save_or_warn(e);
        swb_engine_settle(e, "the rejected slot is unbootable");
        swb_engine_send_reports(e);
}

void swb_engine_expel(struct swb_engine *e)
{
        if (e->state->pending.slot == e->facts.slot)
                leave_running(e);
        else
                left_behind(e);
}

void swb_engine_leave(struct swb_engine *e)
{
        struct swb_pending *p = &e->state->pending;
        struct swb_error err = SWB_ERROR_INIT;
        int r = has_fallback(e, &err);

        if (r < 0) {
                (void)swb_log_failure(SWB_LOG_ERROR, &err,
                                      "unhealthy, and the flags can't be read");
                swb_engine_set_error(e, &err);
                swb_engine_later(e, RETRY_USEC, swb_engine_leave);
                return;
        }
        if (p->phase != SWB_PHASE_INSTALLED || p->slot != e->facts.slot) {
                /* A system that came here without our doing. What is pending beside it is dropped.
                 */
                swb_state_clear_pending(e->state);
                memcpy(p->version, e->facts.version, sizeof(e->facts.version));
                memcpy(p->from_version, e->facts.version, sizeof(e->facts.version));
                p->slot = e->facts.slot;
        }
        if (r > 0)
                swb_engine_reject(e, &e->unhealthy);
        else
                stay(e);
}
