/* SPDX-License-Identifier: Apache-2.0 */
/* A payload that somebody points at: on a stick, on a mirror. */
#include "base/log.h"
#include "device/engine/machine.h"

#define LOOK_LIMIT_USEC (120 * SECOND)

static void on_look_ended(void *context, const struct swb_worker_end *end)
{
        _cleanup_free_ struct swb_answer *answer = end->ok ? malloc(sizeof(*answer)) : NULL;
        struct swb_engine *e = context;
        struct swb_error cause = end->cause;

        if (answer)
                *answer = end->outcome->answer;
        else if (end->ok)
                (void)swb_oom(&cause);
        e->checker = swb_worker_free(e->checker);
        if (swb_engine_is_stopping(e))
                return;
        if (answer) {
                answer->is_local = true;
                swb_engine_take_pointed(e, answer);
                return;
        }
        if (cause.fault != SWB_FAULT_CANCELLED) {
                (void)swb_log_failure(SWB_LOG_WARNING, &cause, "payload");
                swb_engine_set_error(e, &cause);
        }
        swb_engine_settle(e, cause.text);
}

static int start(struct swb_engine *e, const char *url, struct swb_error *err)
{
        _cleanup_(swb_args_done) struct swb_args args = {0};
        struct swb_args_from from = swb_engine_args_from(e);
        struct swb_worker_job job = SWB_WORKER_JOB_INIT;
        int r;

        r = swb_args_look(&args, &from, url, err);
        if (r < 0)
                return r;
        job.kind = SWB_WORKER_LOOK;
        job.argv = (const char *const *)args.argv;
        job.user = swb_fetch_user(e->config);
        job.silence_usec = LOOK_LIMIT_USEC;
        job.ended = on_look_ended;
        job.context = e;
        return swb_worker_start(e->event, &job, &e->checker, err);
}

static bool is_free(const struct swb_engine *e)
{
        switch (e->status.state) {
        case SWB_ENGINE_IDLE:
        case SWB_ENGINE_AVAILABLE:
        case SWB_ENGINE_HELD:
        case SWB_ENGINE_UPDATED:
                return !e->checker;
        case SWB_ENGINE_CHECKING:
        case SWB_ENGINE_DOWNLOADING:
        case SWB_ENGINE_VERIFYING:
        case SWB_ENGINE_REBOOTING:
        case SWB_ENGINE_CONFIRMING:
        case _SWB_ENGINE_STATE_MAX:
        default:
                return false;
        }
}

int swb_engine_install_from(struct swb_engine *engine, const char *url, struct swb_error *err)
{
        int r = swb_engine_need_ready(engine, err);

        if (r < 0)
                return r;
        if (!swb_message_is_url(url, true) || strlen(url) >= SWB_URL_TEXT)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "'%.64s' is not the URL of a payload (http, https or file, up to "
                                "%d characters)",
                                url, SWB_URL_TEXT - 1);
        if (!is_free(engine))
                return swb_fail(err, -EBUSY, SWB_FAULT_BUSY,
                                "can't install another payload now, the engine is %s: cancel that "
                                "first",
                                swb_engine_state_to_string(engine->checker ? SWB_ENGINE_CHECKING
                                                                           : engine->status.state));
        r = start(engine, url, err);
        if (r < 0)
                return r;
        swb_engine_clear_error(engine);
        swb_log(SWB_LOG_NOTICE, "payload '%s' is asked for by hand", url);
        if (engine->status.state == SWB_ENGINE_IDLE ||
            engine->status.state == SWB_ENGINE_AVAILABLE) {
                swb_engine_not_later(engine); /* a retry: this decides now */
                swb_engine_enter(engine, SWB_ENGINE_CHECKING, "looking at a payload");
        }
        return 0;
}
