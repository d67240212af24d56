/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The new system's own program: after the read-back, before the slot is made bootable.
 *
 * Nothing is stored of it. A cut leads to the next attempt, which reads the slot back and runs it
 * again.
 */
#include "base/log.h"
#include "device/engine/machine.h"

/* Above its own limit, which swb-post-install keeps: for when that hangs. */
#define SLACK_USEC (30 * SECOND)

static void on_heard(void *context, const struct swb_message *message)
{
        struct swb_engine *e = context;

        e->status.progress = message->percent / 100.0;
        swb_engine_touch(e);
}

static void on_ended(void *context, const struct swb_worker_end *end)
{
        struct swb_engine *e = context;

        e->attempt.post = *end;
        e->attempt.is_post_installed = true;
        e->installer = swb_worker_free(e->installer);
        e->attempt.conclude(e);
}

static int start(struct swb_engine *e, struct swb_error *err)
{
        _cleanup_(swb_args_done) struct swb_args args = {0};
        struct swb_args_from from = swb_engine_args_from(e);
        struct swb_worker_job job = SWB_WORKER_JOB_INIT;
        int r;

        r = swb_args_post_install(&args, &from, err);
        if (r < 0)
                return r;
        job.kind = SWB_WORKER_POST_INSTALL;
        job.argv = (const char *const *)args.argv;
        job.silence_usec = e->config->post_install.timeout_usec + SLACK_USEC;
        job.heard = on_heard;
        job.ended = on_ended;
        job.context = e;
        return swb_worker_start(e->event, &job, &e->installer, err);
}

int swb_engine_post_install(struct swb_engine *e, void (*conclude)(struct swb_engine *e),
                            struct swb_error *err)
{
        struct swb_attempt *a = &e->attempt;
        int r;

        if (e->config->post_install.program[0] == '\0')
                return 0;
        if (a->is_post_installed) {
                if (!a->post.ok)
                        *err = a->post.cause;
                return a->post.ok ? 0 : err->code;
        }
        a->conclude = conclude;
        swb_engine_enter(e, SWB_ENGINE_VERIFYING, "the new system's post-install program");
        swb_log(SWB_LOG_INFO, "running %s of version %s", e->config->post_install.program,
                e->state->pending.version);
        r = start(e, err);
        return r < 0 ? r : 1;
}
