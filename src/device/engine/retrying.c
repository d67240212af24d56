/* SPDX-License-Identifier: Apache-2.0 */
/* What a failed attempt means for the next one. */
#include <inttypes.h>

#include "base/log.h"
#include "device/engine/machine.h"
#include "device/engine/retry.h"

/* Attempts without progress that follow soon; after them the next check decides. */
static const uint64_t quick_waits_usec[] = {1 * SECOND, 10 * SECOND, 100 * SECOND};
/* Deltas that failed so often for want of memory give way. */
#define MEMORY_FAILURES ((uint64_t)2)
/* Ask again after a delta that can't apply: soon, but not in a tight loop. */
#define RECHECK_USEC (2 * SECOND)

void swb_engine_recheck(struct swb_engine *e)
{
        struct swb_error err = SWB_ERROR_INIT;

        if (swb_engine_run_check(e, e->state->pending.by_hand, &err) < 0)
                (void)swb_log_failure(SWB_LOG_WARNING, &err, "check, trying again as planned");
}

static void give_up_delta(struct swb_engine *e, const char *why)
{
        swb_log(SWB_LOG_NOTICE, "%s: asking for the full payload", why);
        e->state->full_only = true;
        e->state->delta_failures = 0;
        swb_engine_later(e, RECHECK_USEC, swb_engine_recheck);
}

/* 404 and its like: nothing to gain from these URLs, but the server may name others. */
static bool has_moved(const struct swb_engine *e)
{
        uint64_t status = e->attempt.get.http_status;

        return status >= 400 && status < 500 && status != 408 && status != 429;
}

/* A server's word holds whatever comes in between: a check, a restart, a reboot. */
static uint64_t obey(struct swb_engine *e, uint64_t retry_after_usec)
{
        uint64_t wait_usec = SWB_MIN(retry_after_usec, SWB_RETRY_AFTER_MAX_USEC);
        struct swb_now now;

        swb_engine_get_now(e, &now);
        e->state->pending.wait = swb_schedule_due(&now, wait_usec, true);
        return wait_usec;
}

static void retry_soon(struct swb_engine *e)
{
        uint64_t wait_usec;

        if (e->attempt.get.retry_after_usec > 0) {
                wait_usec = obey(e, e->attempt.get.retry_after_usec);
        } else if (e->quick_retries < SWB_ELEMENTS(quick_waits_usec)) {
                wait_usec = quick_waits_usec[e->quick_retries++];
        } else {
                swb_log(SWB_LOG_INFO, "no progress in %u retries, going on after the next check",
                        e->quick_retries);
                return;
        }
        swb_log(SWB_LOG_INFO, "trying again in %" PRIu64 " s", wait_usec / SECOND);
        swb_engine_later(e, wait_usec, has_moved(e) ? swb_engine_recheck : swb_engine_proceed);
}

static void count_delta_failure(struct swb_engine *e, uint64_t max_failures, const char *why)
{
        if (++e->state->delta_failures >= max_failures)
                give_up_delta(e, why);
        else
                retry_soon(e);
}

/* It may be the payload's fault: a delta gives way to a full payload, a full payload is paced. */
static void count_failure(struct swb_engine *e)
{
        struct swb_pending *p = &e->state->pending;
        struct swb_now now;

        if (p->is_delta) {
                count_delta_failure(e, e->config->update.max_delta_failures,
                                    "the delta failed too often");
                return;
        }
        swb_engine_get_now(e, &now);
        p->failures++;
        if (p->no_backoff) {
                retry_soon(e);
                return;
        }
        p->wait = swb_schedule_due(&now, swb_schedule_backoff(p->failures, now.dice), false);
        if (p->wait.wait_usec == 0)
                retry_soon(e);
}

void swb_engine_plan_retry(struct swb_engine *e, const struct swb_error *cause)
{
        if (e->attempt.is_ours) {
                retry_soon(e);
                return;
        }
        switch (swb_retry_after(cause->fault)) {
        case SWB_RETRY_FULL:
                if (e->state->pending.is_delta)
                        give_up_delta(e, "the delta can't apply here");
                else
                        count_failure(e);
                return;
        case SWB_RETRY_TWICE:
                if (e->state->pending.is_delta)
                        count_delta_failure(
                                e, SWB_MIN(e->config->update.max_delta_failures, MEMORY_FAILURES),
                                "the delta takes more memory than there is");
                else
                        retry_soon(e);
                return;
        case SWB_RETRY_COUNT:
                count_failure(e);
                return;
        case SWB_RETRY_SAME:
                retry_soon(e);
                return;
        default:
                swb_assert(false);
        }
}
