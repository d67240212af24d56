/* SPDX-License-Identifier: Apache-2.0 */
/* What people and applications may ask for. */
#include <ctype.h>

#include "base/log.h"
#include "device/engine/machine.h"

int swb_engine_need_ready(struct swb_engine *e, struct swb_error *err)
{
        int r;

        if (e->is_stopping)
                return swb_fail(err, -EBUSY, SWB_FAULT_BUSY, "swbd is stopping");
        if (e->is_ready)
                return 0;
        swb_engine_not_later(e);
        r = swb_engine_take_up(e, err);
        if (r >= 0)
                return 0;
        swb_engine_take_up_later(e);
        return swb_wrap(err, r, "no updates on this device");
}

static int busy(const struct swb_engine *e, struct swb_error *err, const char *what)
{
        return swb_fail(err, -EBUSY, SWB_FAULT_BUSY, "can't %s now, the engine is %s", what,
                        swb_engine_state_to_string(e->status.state));
}

int swb_engine_is_examinable(const struct swb_engine *e, struct swb_error *err)
{
        if (e->is_stopping)
                return swb_fail(err, -EBUSY, SWB_FAULT_BUSY, "swbd is stopping");
        switch (e->status.state) {
        case SWB_ENGINE_IDLE:
        case SWB_ENGINE_CHECKING:
        case SWB_ENGINE_AVAILABLE:
        case SWB_ENGINE_HELD:
        case SWB_ENGINE_UPDATED:
        case SWB_ENGINE_CONFIRMING:
                return 0;
        case SWB_ENGINE_DOWNLOADING: /* the other slot is in use, by us */
        case SWB_ENGINE_VERIFYING:
        case SWB_ENGINE_REBOOTING:
        case _SWB_ENGINE_STATE_MAX:
        default:
                return busy(e, err, "examine the device");
        }
}

int swb_engine_check(struct swb_engine *engine, struct swb_error *err)
{
        int r = swb_engine_need_ready(engine, err);

        if (r < 0)
                return r;
        switch (engine->status.state) {
        case SWB_ENGINE_IDLE:
        case SWB_ENGINE_AVAILABLE:
        case SWB_ENGINE_HELD:
        case SWB_ENGINE_UPDATED:
        case SWB_ENGINE_CHECKING:
                return swb_engine_run_check(engine, true, err);
        case SWB_ENGINE_DOWNLOADING:
        case SWB_ENGINE_VERIFYING:
        case SWB_ENGINE_REBOOTING:
        case SWB_ENGINE_CONFIRMING:
        case _SWB_ENGINE_STATE_MAX:
        default:
                return busy(engine, err, "check");
        }
}

static int find_and_install(struct swb_engine *e, struct swb_error *err)
{
        int r = swb_engine_run_check(e, true, err);

        e->install_when_found = r >= 0;
        return r;
}

/* Then there may be something better by now. */
static bool has_failed(const struct swb_state *state)
{
        return state->pending.failures > 0 || state->delta_failures > 0 ||
               (state->pending.is_delta && state->full_only);
}

int swb_engine_install(struct swb_engine *engine, struct swb_error *err)
{
        int r = swb_engine_need_ready(engine, err);

        if (r < 0)
                return r;
        switch (engine->status.state) {
        case SWB_ENGINE_IDLE:
        case SWB_ENGINE_CHECKING:
                return find_and_install(engine, err);
        case SWB_ENGINE_AVAILABLE:
                if (has_failed(engine->state))
                        return find_and_install(engine, err);
                engine->state->pending.by_hand = true;
                swb_engine_not_later(engine);
                swb_engine_proceed(engine);
                return 0;
        case SWB_ENGINE_HELD:
                engine->state->pending.by_hand = true;
                swb_engine_activate(engine);
                return 0;
        case SWB_ENGINE_DOWNLOADING:
        case SWB_ENGINE_VERIFYING:
        case SWB_ENGINE_UPDATED:
                engine->state->pending.by_hand = true;
                return 0;
        case SWB_ENGINE_REBOOTING:
        case SWB_ENGINE_CONFIRMING:
        case _SWB_ENGINE_STATE_MAX:
        default:
                return busy(engine, err, "install");
        }
}

/* The installer's checkpoint says that all is written, so the attempt begins with reading back; if
 * that fails, the installer forgets it, and the next attempt writes (pieces: fetches) what lacks.
 */
int swb_engine_repair(struct swb_engine *engine, struct swb_error *err)
{
        int r = swb_engine_need_ready(engine, err);

        if (r < 0)
                return r;
        switch (engine->status.state) {
        case SWB_ENGINE_UPDATED:
        case SWB_ENGINE_HELD:
                swb_engine_call_off(engine, "the installed update is examined");
                swb_engine_not_later(engine);
                swb_engine_clear_error(engine);
                engine->state->pending.by_hand = true;
                swb_log(SWB_LOG_NOTICE, "slot %s is read back, and repaired if that is needed",
                        swb_slot_to_string(engine->state->pending.slot));
                swb_engine_proceed(engine);
                return 0;
        case SWB_ENGINE_IDLE:
        case SWB_ENGINE_CHECKING:
        case SWB_ENGINE_AVAILABLE:
                return swb_fail(err, -ENOENT, SWB_FAULT_NOT_FOUND,
                                "no installed update waits for a reboot, the engine is %s: what "
                                "the other slot should hold is not known",
                                swb_engine_state_to_string(engine->status.state));
        case SWB_ENGINE_DOWNLOADING:
        case SWB_ENGINE_VERIFYING:
        case SWB_ENGINE_REBOOTING:
        case SWB_ENGINE_CONFIRMING:
        case _SWB_ENGINE_STATE_MAX:
        default:
                return busy(engine, err, "repair");
        }
}

int swb_engine_cancel(struct swb_engine *engine, struct swb_error *err)
{
        struct swb_error why = SWB_ERROR_INIT;

        engine->install_when_found = false;
        if (engine->status.state == SWB_ENGINE_DOWNLOADING ||
            engine->status.state == SWB_ENGINE_VERIFYING) {
                engine->attempt.is_held = false;
                swb_engine_stop_attempt(engine, "cancelled");
                return 0;
        }
        if (engine->status.state == SWB_ENGINE_AVAILABLE && engine->later) {
                swb_engine_not_later(engine); /* a retry that was about to begin */
                return 0;
        }
        if (engine->status.state == SWB_ENGINE_UPDATED && engine->reboot_boot_usec > 0)
                return swb_engine_put_off_reboot(engine, err);
        if (engine->checker) {
                (void)swb_fail(&why, -ECANCELED, SWB_FAULT_CANCELLED, "cancelled");
                swb_worker_stop(engine->checker, &why);
                return 0;
        }
        return swb_fail(err, -ENOENT, SWB_FAULT_NOT_FOUND,
                        "there is nothing to cancel, the engine is %s",
                        swb_engine_state_to_string(engine->status.state));
}

int swb_engine_reboot(struct swb_engine *engine, struct swb_error *err)
{
        int r = swb_engine_need_ready(engine, err);

        if (r < 0)
                return r;
        if (engine->status.state != SWB_ENGINE_UPDATED)
                return swb_fail(err, -ENOENT, SWB_FAULT_NOT_FOUND,
                                "no update waits for a reboot, the engine is %s",
                                swb_engine_state_to_string(engine->status.state));
        swb_engine_not_later(engine);
        swb_engine_run_reboot(engine);
        return 0;
}

/* It goes to the server and onto a command line. */
static bool is_channel(const char *name)
{
        for (const char *p = name; *p; p++)
                if (!isalnum((unsigned char)*p) && !strchr("_.-", *p))
                        return false;
        return strlen(name) < SWB_CHANNEL_TEXT && name[0] != '-';
}

int swb_engine_set_channel(struct swb_engine *engine, const char *name, struct swb_error *err)
{
        struct swb_state *state = engine->state;
        int r = swb_engine_need_ready(engine, err);

        if (r < 0)
                return r;
        if (!is_channel(name))
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "'%.64s' is not the name of a channel (up to %d letters, digits, "
                                "'_', '.', '-')",
                                name, SWB_CHANNEL_TEXT - 1);
        (void)snprintf(state->channel, sizeof(state->channel), "%s", name);
        r = swb_engine_save(engine, err);
        if (r < 0)
                return r;
        swb_log(SWB_LOG_NOTICE, "channel '%s'", swb_engine_status(engine)->channel);
        swb_engine_touch(engine);
        if (engine->status.state == SWB_ENGINE_IDLE || engine->status.state == SWB_ENGINE_AVAILABLE)
                return swb_engine_run_check(engine, false, err);
        return 0;
}
