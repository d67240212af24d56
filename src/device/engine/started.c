/* SPDX-License-Identifier: Apache-2.0 */
/* What is true at the start, and what to go on with. */
#include "base/log.h"
#include "device/engine/machine.h"

/* Dropping what is pending and repairing the flags each lead to one more judgement. */
#define JUDGEMENTS_MAX 4
#define JUDGE_AGAIN 1
#define JUDGE_AGAIN_USEC (10 * SECOND)

static int load_state(struct swb_engine *e, struct swb_error *err)
{
        const char *dir = e->config->device.state_dir;
        struct swb_error cause = SWB_ERROR_INIT;
        int r = swb_state_load(e->state, dir, &cause);

        if (r == SWB_STATE_FRESH)
                swb_log(SWB_LOG_INFO, "no state in '%s' yet", dir);
        if (r < 0 && cause.fault != SWB_FAULT_FORMAT) {
                *err = cause;
                return r;
        }
        if (r < 0) {
                (void)swb_log_failure(SWB_LOG_ERROR, &cause, "set aside, starting anew");
                r = swb_state_set_aside(dir, err);
        }
        e->is_loaded = r >= 0;
        return r < 0 ? r : 0;
}

static int open_boot(struct swb_engine *e, struct swb_error *err)
{
        int r;

        e->boot = swb_boot_close(e->boot);
        r = swb_boot_open(e->config->boot.backend, e->config->boot.place, &e->boot, err);
        if (r < 0)
                return r;
        r = swb_boot_heal(e->boot, e->facts.slot, (unsigned)e->config->boot.tries, err);
        if (r == SWB_BOOT_HEALED)
                swb_log(SWB_LOG_WARNING, "boot flags in '%s' were missing or damaged: repaired",
                        e->config->boot.place);
        if (r < 0)
                return r;
        /* Only now: a boot loader that could read nothing may honour the tries after the healing.
         */
        if (e->facts.boot_contract == 0)
                return swb_fail(err, -ENODATA, SWB_FAULT_BOOT,
                                "the boot loader left no 'swb.boot=' on the kernel's command line "
                                "('%s'): it does not count tries, so there would be no fallback",
                                e->config->device.cmdline_file);
        return 0;
}

static void plan_first_check(struct swb_engine *e)
{
        struct swb_schedule schedule = swb_engine_schedule(e);
        struct swb_now now;
        bool is_order;
        uint64_t wait;

        swb_engine_get_now(e, &now);
        wait = swb_schedule_start(&schedule, &e->state->due, &now);
        is_order =
                e->state->due.is_order && wait > schedule.first_usec + schedule.first_jitter_usec;
        swb_engine_plan_check(e, wait, is_order);
        swb_log(SWB_LOG_INFO, "version %s runs in slot %s, next check in %u s", e->facts.version,
                swb_slot_to_string(e->facts.slot), (unsigned)(wait / SECOND));
}

static void fell_back(struct swb_engine *e)
{
        struct swb_error why = SWB_ERROR_INIT;

        (void)swb_fail(&why, -EIO, SWB_FAULT_FELL_BACK,
                       "version %s in slot %s did not come up, the boot loader went back to slot "
                       "%s",
                       e->state->pending.version, swb_slot_to_string(e->state->pending.slot),
                       swb_slot_to_string(e->facts.slot));
        swb_engine_reject(e, &why);
}

static int repair_flags(struct swb_engine *e, struct swb_error *err)
{
        int r = swb_boot_activate(e->boot, e->facts.slot, (unsigned)e->config->boot.tries, err);

        return r < 0 ? r : JUDGE_AGAIN;
}

static int drop_pending(struct swb_engine *e, struct swb_error *err)
{
        int r;

        swb_state_clear_pending(e->state);
        r = swb_engine_save(e, err);
        return r < 0 ? r : JUDGE_AGAIN;
}

/* Return: 0, JUDGE_AGAIN when the situation was changed, < 0. */
static int act(struct swb_engine *e, enum swb_verdict verdict, struct swb_error *err)
{
        switch (verdict) {
        case SWB_VERDICT_NORMAL:
                swb_engine_settle(e, "started");
                return 0;
        case SWB_VERDICT_RESUME:
                swb_engine_proceed(e);
                return 0;
        case SWB_VERDICT_ACTIVATE:
                swb_engine_activate(e);
                return 0;
        case SWB_VERDICT_REBOOT:
                swb_engine_await_reboot(e);
                return 0;
        case SWB_VERDICT_CONFIRM:
        case SWB_VERDICT_STRANGER:
                swb_engine_confirm(e);
                return 0;
        case SWB_VERDICT_CONFIRMED:
                swb_engine_complete(e);
                return 0;
        case SWB_VERDICT_FELL_BACK:
                fell_back(e);
                return 0;
        case SWB_VERDICT_EXPEL:
        case SWB_VERDICT_EXPELLED:
                swb_engine_expel(e);
                return 0;
        case SWB_VERDICT_UNSOUND:
                return repair_flags(e, err);
        case SWB_VERDICT_STALE:
                return drop_pending(e, err);
        case _SWB_VERDICT_MAX:
        default:
                swb_assert(false);
                return 0;
        }
}

static int judge_and_act(struct swb_engine *e, struct swb_error *err)
{
        int r = JUDGE_AGAIN;

        for (int i = 0; i < JUDGEMENTS_MAX && r == JUDGE_AGAIN; i++) {
                struct swb_boot_flags flags;
                struct swb_circumstances now = {&flags, e->facts.slot, e->facts.version,
                                                e->boot_id};
                enum swb_verdict verdict;

                r = swb_boot_read(e->boot, &flags, err);
                if (r < 0)
                        return r;
                verdict = swb_verdict(&e->state->pending, &now);
                swb_log(verdict == SWB_VERDICT_NORMAL ? SWB_LOG_INFO : SWB_LOG_NOTICE, "%s",
                        swb_verdict_to_string(verdict));
                r = act(e, verdict, err);
        }
        if (r == JUDGE_AGAIN) /* each change happens once, unless the medium takes it back */
                return swb_fail(err, -EIO, SWB_FAULT_BOOT, "the boot flags do not stay as stored");
        return r;
}

void swb_engine_judge(struct swb_engine *e)
{
        struct swb_error err = SWB_ERROR_INIT;

        if (judge_and_act(e, &err) >= 0)
                return;
        (void)swb_log_failure(SWB_LOG_ERROR, &err, "trying again");
        swb_engine_set_error(e, &err);
        swb_engine_later(e, JUDGE_AGAIN_USEC, swb_engine_judge);
}

static int open_and_judge(struct swb_engine *e, struct swb_error *err)
{
        int r = open_boot(e, err);

        if (r < 0)
                return r;
        plan_first_check(e);
        swb_engine_clear_error(e);
        e->status.bytes_total = e->state->pending.payload_bytes;
        r = judge_and_act(e, err);
        if (r < 0)
                swb_engine_plan_no_check(e);
        return r;
}

int swb_engine_begin(struct swb_engine *e, struct swb_error *err)
{
        int r;

        r = swb_facts_load(e->config, &e->facts, err);
        if (r < 0)
                return r;
        e->status.slot = e->facts.slot;
        r = load_state(e, err);
        if (r >= 0)
                r = open_and_judge(e, err);
        if (r < 0) {
                /* A device that can't update says why, also to the server, now that it knows
                 * itself. */
                swb_engine_report_trouble(e, err);
                return r;
        }
        swb_engine_trouble_is_over(e);
        swb_engine_save_or_warn(e); /* the plan of the first check */
        swb_engine_send_reports(e); /* those that a cut kept here */
        return 0;
}
