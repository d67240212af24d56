/* SPDX-License-Identifier: Apache-2.0 */
/* The doctor, before each update and on demand. */
#include "base/log.h"
#include "device/engine/machine.h"

static int examine(struct swb_engine *e, bool writes, struct swb_diagnosis **ret,
                   struct swb_error *err)
{
        enum swb_phase phase = e->state->pending.phase;
        struct swb_doctor doctor = {
                .config = e->config,
                .boot = e->boot,
                .root = "/",
                .writes = writes,
                .awaits_other = phase == SWB_PHASE_INSTALLED || phase == SWB_PHASE_REJECTED,
        };
        struct swb_now now;

        swb_engine_get_now(e, &now);
        doctor.wall_usec = now.wall_usec;
        return swb_doctor_examine(&doctor, ret, err);
}

static void log_findings(const struct swb_diagnosis *diagnosis)
{
        for (size_t i = 0; i < diagnosis->n; i++) {
                const struct swb_finding *finding = &diagnosis->findings[i];
                bool refuses = finding->severity == SWB_SEVERITY_REFUSED;

                swb_log(refuses ? SWB_LOG_ERROR : SWB_LOG_WARNING, "doctor: %s (%s): %s",
                        finding->name, swb_severity_to_string(finding->severity), finding->text);
        }
}

/*
 * Flags that were lost while we ran: the doctor does not know whether what runs has passed its
 * health checks, but we do: else there would be neither an attempt nor an idle engine.
 */
static int restore_good(struct swb_engine *e, const struct swb_diagnosis *diagnosis,
                        struct swb_error *err)
{
        if (!swb_diagnosis_has(diagnosis, SWB_FINDING_BOOT_EMPTY) &&
            !swb_diagnosis_has(diagnosis, SWB_FINDING_BOOT_MALFORMED))
                return 0;
        if (e->state->pending.phase == SWB_PHASE_REJECTED)
                return 0; /* it may be what runs that was rejected */
        return swb_boot_mark_good(e->boot, e->facts.slot, err);
}

int swb_engine_check_up(struct swb_engine *e, bool writes, struct swb_error *err)
{
        _cleanup_(swb_diagnosis_freep) struct swb_diagnosis *diagnosis = NULL;
        const struct swb_finding *refusal;
        int r;

        r = examine(e, writes, &diagnosis, err);
        if (r < 0)
                return r;
        log_findings(diagnosis);
        refusal = swb_diagnosis_refusal(diagnosis);
        if (refusal)
                return swb_fail(err, -EPERM, refusal->fault, "%s: %s: %s", refusal->name,
                                refusal->text, refusal->advice);
        return restore_good(e, diagnosis, err);
}

int swb_engine_doctor(struct swb_engine *engine, struct swb_diagnosis **ret, struct swb_error *err)
{
        _cleanup_(swb_diagnosis_freep) struct swb_diagnosis *diagnosis = NULL;
        int r;

        r = swb_engine_is_examinable(engine, err);
        if (r >= 0 && engine->lock < 0)
                r = swb_engine_take_lock(engine, err);
        if (r >= 0)
                r = examine(engine, true, &diagnosis, err);
        if (r < 0)
                return r;
        log_findings(diagnosis);
        if (engine->is_ready && engine->status.state != SWB_ENGINE_CONFIRMING) {
                r = restore_good(engine, diagnosis, err);
                if (r < 0)
                        return r;
        }
        if (!engine->is_ready && !swb_diagnosis_refusal(diagnosis)) {
                swb_engine_not_later(engine);
                swb_engine_take_up_at_once(engine);
        }
        *ret = SWB_TAKE_PTR(diagnosis);
        return 0;
}

int swb_engine_doctor_offline(const struct swb_config *config, struct swb_diagnosis **ret,
                              struct swb_error *err)
{
        _cleanup_(swb_engine_freep) struct swb_engine *e = calloc(1, sizeof(*e));
        struct swb_error cause = SWB_ERROR_INIT;
        int r;

        if (!e)
                return swb_oom(err);
        e->config = config;
        e->lock = e->attempt.pipe = -EBADF;
        e->state = swb_state_new();
        if (!e->state)
                return swb_oom(err);
        r = swb_engine_take_lock(e, err);
        if (r < 0)
                return r;
        /* Only to know whether an update waits; swbd itself says what is wrong with the file. */
        if (swb_state_load(e->state, config->device.state_dir, &cause) < 0)
                swb_log(SWB_LOG_DEBUG, "%s", cause.text);
        return examine(e, true, ret, err);
}
