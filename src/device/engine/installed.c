/* SPDX-License-Identifier: Apache-2.0 */
/* The new slot is read back: make it bootable, and reboot when that is allowed. */
#include "base/log.h"
#include "device/engine/machine.h"

#define RETRY_USEC (60 * SECOND)
#define COMMAND_LIMIT_USEC (300 * SECOND)
/* A reboot command that succeeded, and we still live: something swallowed the reboot. */
#define REBOOT_LIMIT_USEC (600 * SECOND)

static int set_flags(struct swb_engine *e, struct swb_error *err)
{
        struct swb_pending *p = &e->state->pending;
        int r;

        /* On the medium before the flags are: after them, another boot id means a fallback. */
        if (strcmp(p->boot_id, e->boot_id) != 0) {
                memcpy(p->boot_id, e->boot_id, sizeof(p->boot_id));
                r = swb_engine_save(e, err);
                if (r < 0)
                        return r;
        }
        return swb_boot_activate(e->boot, p->slot, (unsigned)e->config->boot.tries, err);
}

void swb_engine_activate(struct swb_engine *e)
{
        struct swb_pending *p = &e->state->pending;
        struct swb_error err = SWB_ERROR_INIT;

        if (!swb_engine_is_allowed(e, SWB_GATE_INSTALL)) {
                swb_engine_enter(e, SWB_ENGINE_HELD,
                                 "installed, waits for leave to become bootable");
                return;
        }
        if (set_flags(e, &err) < 0) {
                (void)swb_log_failure(SWB_LOG_ERROR, &err, "slot %s can't be made bootable",
                                      swb_slot_to_string(p->slot));
                swb_engine_report_trouble(e, &err);
                swb_engine_set_error(e, &err);
                swb_engine_enter(e, SWB_ENGINE_HELD, "boot flags failed, trying again");
                swb_engine_later(e, RETRY_USEC, swb_engine_activate);
                return;
        }
        swb_log(SWB_LOG_NOTICE, "version %s is installed in slot %s", p->version,
                swb_slot_to_string(p->slot));
        swb_engine_trouble_is_over(e);
        swb_report_queue(e->state, SWB_REPORT_INSTALLED, p, NULL, 0);
        swb_engine_save_or_warn(e);
        swb_engine_clear_error(e);
        swb_engine_await_reboot(e);
}

void swb_engine_await_reboot(struct swb_engine *e)
{
        e->status.progress = 1;
        swb_engine_enter(e, SWB_ENGINE_UPDATED, "waits for the reboot");
        swb_engine_send_reports(e);
        e->patience = 0;
        swb_engine_ask_again(e, 0);
}

void swb_engine_reboot_failed(struct swb_engine *engine, const char *why)
{
        if (engine->is_stopping || engine->status.state != SWB_ENGINE_REBOOTING || engine->command)
                return;
        swb_log(SWB_LOG_INFO, "logind does not reboot (%s), the command does", why);
        engine->is_logind_useless = true;
        swb_engine_not_later(engine);
        swb_engine_run_reboot(engine);
}

static void still_here(struct swb_engine *e)
{
        swb_log(SWB_LOG_WARNING, "the reboot command succeeded, but there was no reboot");
        swb_engine_run_reboot(e);
}

static void on_command_ended(void *context, const struct swb_worker_end *end)
{
        struct swb_engine *e = context;

        if (!end->ok) {
                (void)swb_log_failure(SWB_LOG_ERROR, &end->cause, "reboot, trying again");
                swb_engine_set_error(e, &end->cause);
        }
        e->command = swb_worker_free(e->command);
        if (swb_engine_is_stopping(e))
                return;
        if (end->ok)
                swb_engine_later(e, REBOOT_LIMIT_USEC, still_here);
        else
                swb_engine_later(e, RETRY_USEC, swb_engine_run_reboot);
}

static const char *reboot_command(const struct swb_engine *e)
{
        return e->config->reboot.command[0] ? e->config->reboot.command : SWB_CONFIG_REBOOT;
}

static int start(struct swb_engine *e, struct swb_error *err)
{
        _cleanup_(swb_args_done) struct swb_args args = {0};
        struct swb_worker_job job = SWB_WORKER_JOB_INIT;
        int r;

        r = swb_args_shell(&args, reboot_command(e), err);
        if (r < 0)
                return r;
        job.kind = SWB_WORKER_COMMAND;
        job.argv = (const char *const *)args.argv;
        job.silence_usec = COMMAND_LIMIT_USEC;
        job.ended = on_command_ended;
        job.context = e;
        return swb_worker_start(e->event, &job, &e->command, err);
}

void swb_engine_run_reboot(struct swb_engine *e)
{
        struct swb_error err = SWB_ERROR_INIT;

        if (e->command)
                return;
        e->reboot_boot_usec = 0;
        if (!e->is_logind_useless && e->config->reboot.command[0] == '\0' && e->hooks.reboot &&
            e->hooks.reboot(e->hooks.context)) {
                swb_engine_enter(e, SWB_ENGINE_REBOOTING, "logind is asked to");
                swb_engine_later(e, REBOOT_LIMIT_USEC, still_here);
                return;
        }
        swb_engine_enter(e, SWB_ENGINE_REBOOTING, reboot_command(e));
        e->is_logind_useless = false; /* next time it may be well again */
        if (start(e, &err) >= 0)
                return;
        (void)swb_log_failure(SWB_LOG_ERROR, &err, "reboot, trying again");
        swb_engine_set_error(e, &err);
        swb_engine_later(e, RETRY_USEC, swb_engine_run_reboot);
}
