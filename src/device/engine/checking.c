/* SPDX-License-Identifier: Apache-2.0 */
/* Ask the server whether there is an update. */
#include "base/log.h"
#include "device/engine/machine.h"

/* Without a word; the exchange itself has tighter limits inside swb-fetch. */
#define CHECK_LIMIT_USEC (300 * SECOND)

/* Takes note of what any answer, or none, means for the next check. */
static void plan_next(struct swb_engine *e, const struct swb_worker_end *end)
{
        struct swb_schedule schedule = swb_engine_schedule(e);
        struct swb_check_result result = {.http_status = end->http_status,
                                          .retry_after_usec = end->retry_after_usec};
        struct swb_now now;

        swb_engine_get_now(e, &now);
        e->state->last_check_wall_usec = now.wall_usec;
        if (end->ok)
                e->state->poll_interval_usec = end->outcome->answer.poll_interval_usec;
        if (!end->ok && swb_schedule_is_failed_check(&result))
                e->state->failed_checks++;
        else
                e->state->failed_checks = 0;
        swb_engine_plan_check(
                e, swb_schedule_wait(&schedule, e->state, result.retry_after_usec, now.dice),
                result.retry_after_usec > 0);
}

/* The answer is in the worker, which goes away before it is acted on. */
static struct swb_answer *copy_answer(const struct swb_worker_end *end)
{
        struct swb_answer *answer = malloc(sizeof(*answer));

        if (answer)
                *answer = end->outcome->answer;
        return answer;
}

static void check_failed(struct swb_engine *e, const struct swb_error *cause)
{
        if (cause->fault != SWB_FAULT_CANCELLED) {
                (void)swb_log_failure(SWB_LOG_WARNING, cause, "check");
                swb_engine_set_error(e, cause);
        }
        e->install_when_found = false;
        swb_engine_save_or_warn(e);
        if (e->status.state == SWB_ENGINE_CHECKING)
                swb_engine_settle(e, cause->text);
}

static void on_check_ended(void *context, const struct swb_worker_end *end)
{
        _cleanup_free_ struct swb_answer *answer = end->ok ? copy_answer(end) : NULL;
        struct swb_engine *e = context;
        struct swb_error cause = end->cause;

        plan_next(e, end);
        if (end->ok && !answer)
                (void)swb_oom(&cause);
        e->checker = swb_worker_free(e->checker);
        if (swb_engine_is_stopping(e))
                return;
        if (!answer) {
                check_failed(e, &cause);
                return;
        }
        swb_engine_take_answer(e, answer);
        swb_engine_send_reports(e);
}

static int start(struct swb_engine *e, bool by_hand, struct swb_error *err)
{
        _cleanup_(swb_args_done) struct swb_args args = {0};
        struct swb_args_from from = swb_engine_args_from(e);
        struct swb_worker_job job = SWB_WORKER_JOB_INIT;
        int r;

        swb_engine_learn_abilities(e);
        r = swb_args_check(&args, &from, by_hand, err);
        if (r < 0)
                return r;
        job.kind = SWB_WORKER_CHECK;
        job.argv = (const char *const *)args.argv;
        job.user = swb_fetch_user(e->config);
        job.silence_usec = CHECK_LIMIT_USEC;
        job.ended = on_check_ended;
        job.context = e;
        return swb_worker_start(e->event, &job, &e->checker, err);
}

int swb_engine_run_check(struct swb_engine *e, bool by_hand, struct swb_error *err)
{
        int r;

        if (e->checker)
                return 0;
        r = start(e, by_hand, err);
        if (r < 0)
                return r;
        if (e->status.state != SWB_ENGINE_IDLE && e->status.state != SWB_ENGINE_AVAILABLE)
                return 0;        /* beside an installed update: that stays what there is to see */
        swb_engine_not_later(e); /* a retry: the answer decides now */
        swb_engine_enter(e, SWB_ENGINE_CHECKING, by_hand ? "asked for" : "as planned");
        return 0;
}
