/* SPDX-License-Identifier: Apache-2.0 */
/* After the reboot: is the new system well? Then it is marked good. */
#include "base/log.h"
#include "device/engine/machine.h"

#define RETRY_USEC (10 * SECOND)

void swb_engine_stop_confirming(struct swb_engine *e)
{
        e->confirm_io = sd_event_source_disable_unref(e->confirm_io);
        e->confirm = swb_confirm_free(e->confirm);
}

/* ---- good ---- */

/* The image calls itself otherwise than the server did, which would offer it for ever. */
static void note_wrong_name(struct swb_engine *e)
{
        struct swb_failed failed = {.fault = SWB_FAULT_DOWNGRADE};

        memcpy(failed.version, e->state->pending.version, sizeof(failed.version));
        (void)snprintf(failed.text, sizeof(failed.text), "its image calls itself %s",
                       e->facts.version);
        swb_log(SWB_LOG_WARNING, "version %s is not taken again: %s", failed.version, failed.text);
        swb_state_add_failed(e->state, &failed);
}

static void complete_update(struct swb_engine *e)
{
        struct swb_state *state = e->state;

        swb_state_drop_failed(state, e->facts.version);
        if (strcmp(state->pending.version, e->facts.version) != 0)
                note_wrong_name(e);
        swb_report_queue(state, SWB_REPORT_COMPLETED, &state->pending, NULL, 0);
        swb_engine_note_past(e, &state->pending, NULL);
        swb_log(SWB_LOG_NOTICE, "update from version %s to %s is complete",
                state->pending.from_version, e->facts.version);
        swb_state_clear_pending(state);
        swb_state_clear_found(state);
        state->refused_version[0] = '\0';
}

void swb_engine_complete(struct swb_engine *e)
{
        const struct swb_pending *p = &e->state->pending;

        swb_engine_trouble_is_over(e);
        swb_engine_unguard(e);
        if (e->unhealthy.fault == SWB_FAULT_NONE)
                swb_engine_clear_error(e);
        if (p->phase == SWB_PHASE_INSTALLED && p->slot == e->facts.slot)
                complete_update(e);
        swb_engine_save_or_warn(e);
        swb_engine_send_reports(e);
        if (p->phase == SWB_PHASE_NONE)
                swb_engine_settle(e, "the running system is marked good");
        else
                swb_engine_judge(e); /* what was pending had to wait for it */
}

void swb_engine_mark_good(struct swb_engine *e)
{
        struct swb_error err = SWB_ERROR_INIT;

        if (swb_boot_mark_good(e->boot, e->facts.slot, &err) >= 0) {
                swb_log(SWB_LOG_NOTICE, "slot %s is marked good",
                        swb_slot_to_string(e->facts.slot));
                swb_engine_complete(e);
                return;
        }
        (void)swb_log_failure(SWB_LOG_ERROR, &err, "slot %s can't be marked good, trying again",
                              swb_slot_to_string(e->facts.slot));
        swb_engine_set_error(e, &err);
        swb_engine_report_trouble(e, &err);
        swb_engine_later(e, RETRY_USEC, swb_engine_mark_good);
}

/* ---- checks ---- */

static void take_verdict(struct swb_engine *e, int r, const struct swb_confirm_result *result,
                         const struct swb_error *err)
{
        if (r == SWB_CONFIRM_PASSED) {
                swb_log(SWB_LOG_INFO, "all health checks passed");
                swb_engine_mark_good(e);
                return;
        }
        e->unhealthy = SWB_ERROR_INIT;
        if (r == SWB_CONFIRM_FAILED)
                (void)swb_fail(&e->unhealthy, -EIO, SWB_FAULT_HEALTH, "health check '%s': %s",
                               result->check, result->text);
        else
                (void)swb_fail(&e->unhealthy, -EIO, SWB_FAULT_HEALTH, "health checks can't run: %s",
                               err->text);
        swb_engine_leave(e);
}

static int on_confirm(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        struct swb_engine *e = userdata;
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_confirm_result result;
        int r;

        (void)source;
        (void)fd;
        (void)revents;
        r = swb_confirm_step(e->confirm, &result, &err);
        if (r == SWB_CONFIRM_MORE)
                return 0;
        swb_engine_stop_confirming(e);
        take_verdict(e, r, &result, &err);
        return 0;
}

static int begin(struct swb_engine *e, struct swb_error *err)
{
        int r;

        r = swb_confirm_new(e->config, &e->confirm, err);
        if (r < 0)
                return r;
        r = sd_event_add_io(e->event, &e->confirm_io, swb_confirm_fd(e->confirm), EPOLLIN,
                            on_confirm, e);
        return r < 0 ? swb_fail_errno(err, r, "watch the health checks") : 0;
}

void swb_engine_confirm(struct swb_engine *e)
{
        struct swb_error err = SWB_ERROR_INIT;

        e->unhealthy = SWB_ERROR_INIT;
        swb_engine_enter(e, SWB_ENGINE_CONFIRMING, "health checks of the running system");
        swb_engine_guard(e);
        if (begin(e, &err) >= 0)
                return;
        swb_engine_stop_confirming(e);
        (void)swb_log_failure(SWB_LOG_ERROR, &err, "health checks, trying again");
        swb_engine_set_error(e, &err);
        swb_engine_later(e, RETRY_USEC, swb_engine_confirm);
}
