/* SPDX-License-Identifier: Apache-2.0 */
/* What to begin, stop or call off because an answer of the policy changed. */
#include <inttypes.h>

#include "base/log.h"
#include "device/engine/machine.h"

/* The reboot waits this long for events to leave, as they would be late otherwise. */
#define PATIENCE_USEC (SECOND / 10)
#define PATIENCE_ROUNDS 200

/* ---- warnings ---- */

static void warn_of_deadline(struct swb_engine *e)
{
        struct swb_deadline deadline = swb_engine_deadline(e);
        uint64_t next;
        unsigned n = swb_deadline_warnings(&deadline, &next);

        if (next != UINT64_MAX)
                swb_engine_ask_again(e, next);
        if (n <= e->told_warnings)
                return;
        e->told_warnings = n;
        swb_log(SWB_LOG_NOTICE, "version %s waits for nobody's convenience in %" PRIu64 " min",
                e->state->pending.version, deadline.left_usec / (60 * SECOND));
        if (e->hooks.deadline_soon)
                e->hooks.deadline_soon(e->hooks.context, deadline.left_usec);
}

/* ---- the reboot ---- */

static void reboot_if_allowed(struct swb_engine *e)
{
        if (!swb_engine_is_allowed(e, SWB_GATE_REBOOT)) {
                swb_engine_call_off(e, "the gate closed");
                return;
        }
        if (e->reporter && e->patience++ < PATIENCE_ROUNDS) {
                swb_engine_later(e, PATIENCE_USEC, reboot_if_allowed);
                return;
        }
        swb_engine_run_reboot(e);
}

static void announce(struct swb_engine *e)
{
        uint64_t delay_usec = e->config->reboot.delay_usec;
        struct swb_now now;

        swb_engine_get_now(e, &now);
        e->reboot_boot_usec = now.boot_usec + delay_usec;
        swb_log(SWB_LOG_NOTICE, "reboot into version %s in %" PRIu64 " s",
                e->state->pending.version, delay_usec / SECOND);
        if (e->hooks.reboot_soon)
                e->hooks.reboot_soon(e->hooks.context, delay_usec);
        swb_engine_later(e, delay_usec, reboot_if_allowed);
        swb_engine_touch(e);
}

void swb_engine_call_off(struct swb_engine *e, const char *why)
{
        if (e->reboot_boot_usec == 0)
                return;
        e->reboot_boot_usec = 0;
        swb_engine_not_later(e);
        swb_log(SWB_LOG_NOTICE, "the reboot is called off: %s", why);
        if (e->hooks.reboot_soon)
                e->hooks.reboot_soon(e->hooks.context, UINT64_MAX);
        swb_engine_touch(e);
}

static void consider_reboot(struct swb_engine *e)
{
        if (!swb_engine_is_allowed(e, SWB_GATE_REBOOT))
                swb_engine_call_off(e, "the gate closed");
        else if (e->reboot_boot_usec == 0)
                announce(e);
}

/* ---- all ---- */

static void consider_download(struct swb_engine *e)
{
        if (swb_engine_is_allowed(e, SWB_GATE_DOWNLOAD) || e->attempt.is_cancelled)
                return;
        e->attempt.is_held = true;
        swb_engine_stop_attempt(e, "the gate closed");
}

static void act(struct swb_engine *e)
{
        switch (e->status.state) {
        case SWB_ENGINE_AVAILABLE:
                if (e->waits_for_gate)
                        swb_engine_proceed(e);
                return;
        case SWB_ENGINE_DOWNLOADING:
                consider_download(e);
                return;
        case SWB_ENGINE_HELD:
                if (!e->later) /* else the flags could not be written, and are tried again */
                        swb_engine_activate(e);
                return;
        case SWB_ENGINE_UPDATED:
                consider_reboot(e);
                return;
        case SWB_ENGINE_IDLE:
        case SWB_ENGINE_CHECKING:
        case SWB_ENGINE_VERIFYING:
        case SWB_ENGINE_REBOOTING:
        case SWB_ENGINE_CONFIRMING:
        case _SWB_ENGINE_STATE_MAX:
        default:
                return;
        }
}

void swb_engine_consider(struct swb_engine *e)
{
        if (!e->is_ready || e->is_stopping)
                return;
        warn_of_deadline(e);
        act(e);
        swb_engine_look_at_gates(e);
}
