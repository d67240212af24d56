/* SPDX-License-Identifier: Apache-2.0 */
/* What people and applications may say about the running system: it is good, it is bad, go back. */
#include "base/log.h"
#include "device/engine/machine.h"

/* Return: whether the other slot holds a system that has proved good; < 0: can't tell. */
static int can_go_back(struct swb_engine *e, struct swb_error *err)
{
        struct swb_boot_flags flags;
        const struct swb_slot_flags *other = &flags.slot[swb_slot_other(e->facts.slot)];
        int r = swb_boot_read(e->boot, &flags, err);

        return r < 0 ? r : other->successful && other->priority > 0;
}

static int need_other_slot(struct swb_engine *e, struct swb_error *err)
{
        int r = can_go_back(e, err);

        if (r == 0)
                return swb_fail(err, -ENOENT, SWB_FAULT_NOT_FOUND,
                                "slot %s holds no system that has proved good",
                                swb_slot_to_string(swb_slot_other(e->facts.slot)));
        return r < 0 ? r : 0;
}

/* The version that is left is remembered first: a cut behind it only means that it is not offered
 * again, a cut before it changes nothing. */
static int leave_version(struct swb_engine *e, struct swb_error *err)
{
        struct swb_error why = SWB_ERROR_INIT;
        struct swb_pending left = {.slot = e->facts.slot};

        (void)swb_fail(&why, -ECANCELED, SWB_FAULT_CANCELLED, "rolled back by hand");
        swb_engine_remember(e, e->facts.version, &why);
        memcpy(left.version, e->facts.version, sizeof(e->facts.version));
        memcpy(left.from_version, e->facts.version, sizeof(e->facts.version));
        swb_engine_note_past(e, &left, &why);
        swb_state_clear_pending(e->state);
        swb_state_clear_found(e->state);
        return swb_engine_save(e, err);
}

int swb_engine_rollback(struct swb_engine *engine, struct swb_error *err)
{
        int r = swb_engine_need_ready(engine, err);

        if (r < 0)
                return r;
        if (engine->status.state != SWB_ENGINE_IDLE && engine->status.state != SWB_ENGINE_AVAILABLE)
                return swb_fail(err, -EBUSY, SWB_FAULT_BUSY,
                                "can't roll back now, the engine is %s",
                                swb_engine_state_to_string(engine->status.state));
        r = need_other_slot(engine, err);
        if (r >= 0)
                r = leave_version(engine, err);
        if (r >= 0)
                r = swb_boot_activate(engine->boot, swb_slot_other(engine->facts.slot),
                                      (unsigned)engine->config->boot.tries, err);
        if (r < 0)
                return r;
        swb_log(SWB_LOG_NOTICE, "rolling back from version %s", engine->facts.version);
        swb_engine_not_later(engine);
        swb_engine_run_reboot(engine);
        return 0;
}

int swb_engine_mark_good_by_hand(struct swb_engine *engine, struct swb_error *err)
{
        int r = swb_engine_need_ready(engine, err);

        if (r < 0)
                return r;
        if (engine->status.state != SWB_ENGINE_CONFIRMING)
                return swb_boot_mark_good(engine->boot, engine->facts.slot, err);
        swb_log(SWB_LOG_NOTICE, "marked good by hand, health checks are not waited for");
        swb_engine_stop_confirming(engine);
        swb_engine_not_later(engine);
        swb_engine_mark_good(engine);
        return 0;
}

int swb_engine_mark_bad_by_hand(struct swb_engine *engine, struct swb_error *err)
{
        enum swb_engine_state state = engine->status.state;
        int r = swb_engine_need_ready(engine, err);

        if (r < 0)
                return r;
        if (state != SWB_ENGINE_CONFIRMING && state != SWB_ENGINE_IDLE &&
            state != SWB_ENGINE_AVAILABLE)
                return swb_fail(err, -EBUSY, SWB_FAULT_BUSY,
                                "can't leave the running system now, the engine is %s",
                                swb_engine_state_to_string(state));
        r = need_other_slot(engine, err);
        if (r < 0)
                return r;
        swb_engine_stop_confirming(engine);
        swb_engine_not_later(engine);
        engine->unhealthy = SWB_ERROR_INIT;
        (void)swb_fail(&engine->unhealthy, -EIO, SWB_FAULT_HEALTH, "marked bad by hand");
        swb_engine_leave(engine);
        return 0;
}

int swb_engine_discard(struct swb_engine *engine, struct swb_error *err)
{
        int r = swb_engine_need_ready(engine, err);

        if (r < 0)
                return r;
        if (engine->status.state != SWB_ENGINE_UPDATED && engine->status.state != SWB_ENGINE_HELD)
                return swb_fail(err, -ENOENT, SWB_FAULT_NOT_FOUND,
                                "no update waits for a reboot, the engine is %s",
                                swb_engine_state_to_string(engine->status.state));
        /* Flags first: after a cut in between the slot is only made bootable again. */
        r = swb_boot_mark_unbootable(engine->boot, engine->state->pending.slot, err);
        if (r < 0)
                return r;
        swb_engine_call_off(engine, "the update is given up");
        swb_engine_not_later(engine);
        swb_state_clear_pending(engine->state);
        swb_engine_save_or_warn(engine);
        swb_engine_settle(engine, "the installed update is given up");
        return 0;
}
