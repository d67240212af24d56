/* SPDX-License-Identifier: Apache-2.0 */
/* The event queue to the server. Best effort: nothing waits for it for long, nothing fails by it.
 */
#include "base/log.h"
#include "device/engine/machine.h"

#define REPORT_LIMIT_USEC (300 * SECOND)

static void on_report_ended(void *context, const struct swb_worker_end *end)
{
        struct swb_engine *e = context;

        if (end->ok) {
                swb_log(SWB_LOG_DEBUG, "%zu events reported", e->state->n_in_flight);
                swb_state_drop_sent(e->state);
                swb_engine_save_or_warn(e);
        } else if (!e->is_stopping) {
                (void)swb_log_failure(SWB_LOG_INFO, &end->cause,
                                      "events not reported, trying again after the next check");
        }
        e->state->n_in_flight = 0;
        e->reporter = swb_worker_free(e->reporter);
        if (!swb_engine_is_stopping(e) && end->ok)
                swb_engine_send_reports(e); /* those that came up meanwhile */
}

static int start(struct swb_engine *e, struct swb_error *err)
{
        _cleanup_(swb_args_done) struct swb_args args = {0};
        struct swb_args_from from = swb_engine_args_from(e);
        struct swb_worker_job job = SWB_WORKER_JOB_INIT;
        int r;

        r = swb_args_report(&args, &from, e->state->n_in_flight, err);
        if (r < 0)
                return r;
        job.kind = SWB_WORKER_REPORT;
        job.argv = (const char *const *)args.argv;
        job.user = swb_fetch_user(e->config);
        job.silence_usec = REPORT_LIMIT_USEC;
        job.ended = on_report_ended;
        job.context = e;
        return swb_worker_start(e->event, &job, &e->reporter, err);
}

void swb_engine_send_reports(struct swb_engine *e)
{
        struct swb_error err = SWB_ERROR_INIT;

        if (e->reporter || e->state->n_events == 0 || e->is_stopping)
                return;
        e->state->n_in_flight = SWB_MIN(e->state->n_events, (size_t)SWB_EVENTS_A_REPORT);
        if (start(e, &err) >= 0)
                return;
        e->state->n_in_flight = 0;
        (void)swb_log_failure(SWB_LOG_WARNING, &err,
                              "events not reported, trying again after the next check");
}

/* About the pending update, or about this device as it is. */
void swb_engine_report_trouble(struct swb_engine *e, const struct swb_error *why)
{
        struct swb_pending here = {.slot = e->facts.slot};

        if (why->fault == e->reported_fault)
                return;
        e->reported_fault = why->fault;
        memcpy(here.from_version, e->facts.version, sizeof(e->facts.version));
        swb_report_queue(e->state, SWB_REPORT_FAILED,
                         e->state->pending.phase == SWB_PHASE_NONE ? &here : &e->state->pending,
                         why, 0);
        swb_engine_save_or_warn(e);
        swb_engine_send_reports(e);
}

void swb_engine_trouble_is_over(struct swb_engine *e)
{
        e->reported_fault = SWB_FAULT_NONE;
}
