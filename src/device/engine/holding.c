/* SPDX-License-Identifier: Apache-2.0 */
/* Pause, deferral, inhibitors: who holds an update up, and for how long at the most. */
#include <inttypes.h>

#include "base/log.h"
#include "device/engine/machine.h"

#define CALLED_OFF_USEC (3600 * SECOND)

static int need_time(struct swb_engine *e, struct swb_error *err)
{
        struct swb_deadline deadline = swb_engine_deadline(e);

        if (!e->is_ready)
                return swb_fail(err, -EBUSY, SWB_FAULT_BUSY, "there are no updates to hold up: %s",
                                e->status.last_error.text);
        if (deadline.is_set && deadline.left_usec == 0)
                return swb_fail(err, -EPERM, SWB_FAULT_DENIED,
                                "the deadline of version %s has passed", e->state->pending.version);
        if (e->config->policy.max_deferral_usec == 0)
                return swb_fail(err, -EPERM, SWB_FAULT_DENIED,
                                "[policy] max-deferral allows no delay");
        return 0;
}

static int store(struct swb_engine *e, struct swb_error *err)
{
        int r = swb_engine_save(e, err);

        swb_engine_touch(e);
        swb_engine_consider(e);
        return r;
}

int swb_engine_pause(struct swb_engine *engine, struct swb_error *err)
{
        struct swb_error why = SWB_ERROR_INIT;
        struct swb_now now;
        int r = need_time(engine, err);

        if (r < 0)
                return r;
        swb_engine_get_now(engine, &now);
        engine->state->pause =
                swb_schedule_due(&now, engine->config->policy.max_deferral_usec, false);
        engine->state->pending.by_hand = false;
        (void)swb_fail(&why, -ECANCELED, SWB_FAULT_CANCELLED, "paused");
        if (engine->checker && engine->status.state == SWB_ENGINE_CHECKING)
                swb_worker_stop(engine->checker, &why);
        return store(engine, err);
}

int swb_engine_resume(struct swb_engine *engine, struct swb_error *err)
{
        engine->state->pause = (struct swb_due){0};
        /* A check that the pause put off. */
        if (engine->is_ready && engine->status.state == SWB_ENGINE_IDLE &&
            engine->was_check_put_off) {
                engine->was_check_put_off = false;
                swb_engine_postpone_check(engine, SECOND);
        }
        return store(engine, err);
}

int swb_engine_defer(struct swb_engine *engine, uint64_t until_wall_usec, const char *reason,
                     struct swb_error *err)
{
        struct swb_state *state = engine->state;
        uint64_t most = engine->config->policy.max_deferral_usec, age;
        struct swb_now now;
        int r = need_time(engine, err);

        if (r < 0)
                return r;
        if (strlen(reason) >= sizeof(state->deferral_reason))
                return swb_fail(err, -E2BIG, SWB_FAULT_USAGE, "the reason is longer than %d bytes",
                                SWB_DEFERRAL_TEXT - 1);
        swb_engine_get_now(engine, &now);
        age = swb_schedule_age(&state->found, &now);
        if (until_wall_usec > now.wall_usec &&
            until_wall_usec - now.wall_usec > most - SWB_MIN(age, most))
                return swb_fail(err, -EPERM, SWB_FAULT_DENIED,
                                "an update can be deferred for %" PRIu64 " s more at most",
                                (most - SWB_MIN(age, most)) / SECOND);
        state->deferral = (struct swb_due){0};
        state->deferral_reason[0] = '\0';
        if (until_wall_usec > now.wall_usec) {
                state->deferral = swb_schedule_due(&now, until_wall_usec - now.wall_usec, false);
                state->pending.by_hand = false;
                (void)snprintf(state->deferral_reason, sizeof(state->deferral_reason), "%s",
                               reason);
        }
        return store(engine, err);
}

/* An announced reboot that somebody cancels is put off for a while. */
int swb_engine_put_off_reboot(struct swb_engine *e, struct swb_error *err)
{
        uint64_t left = e->config->policy.max_deferral_usec, age;
        struct swb_now now;

        swb_engine_get_now(e, &now);
        age = swb_schedule_age(&e->state->found, &now);
        left -= SWB_MIN(left, age);
        if (left == 0)
                return swb_fail(err, -EPERM, SWB_FAULT_DENIED,
                                "[policy] max-deferral does not let the reboot be called off");
        return swb_engine_defer(e, now.wall_usec + SWB_MIN(left, CALLED_OFF_USEC),
                                "the reboot was called off", err);
}

int swb_engine_inhibit(struct swb_engine *engine, const char *who, const char *why, unsigned gates,
                       uint64_t max_usec, unsigned *ret_id, struct swb_error *err)
{
        struct swb_inhibition one = {.gates = gates, .max_usec = max_usec};
        struct swb_deadline deadline = swb_engine_deadline(engine);
        struct swb_now now;
        int r;

        if (strlen(who) >= sizeof(one.who) || strlen(why) >= sizeof(one.why))
                return swb_fail(err, -E2BIG, SWB_FAULT_USAGE,
                                "who and why have at most %zu and %zu bytes", sizeof(one.who) - 1,
                                sizeof(one.why) - 1);
        swb_engine_get_now(engine, &now);
        one.since_usec = now.boot_usec;
        (void)snprintf(one.who, sizeof(one.who), "%s", who);
        (void)snprintf(one.why, sizeof(one.why), "%s", why);
        if (swb_inhibition_left(&one, now.boot_usec, &deadline,
                                engine->config->policy.max_inhibit_usec) == 0)
                return swb_fail(err, -EPERM, SWB_FAULT_DENIED,
                                "it would hold nothing: no time was asked for, or the update's "
                                "deadline lies further back than [policy] max-inhibit");
        r = swb_inhibitors_add(&engine->inhibitors, &one, ret_id, err);
        if (r < 0)
                return r;
        swb_log(SWB_LOG_INFO, "'%s' inhibits: %s", who, why);
        swb_engine_consider(engine);
        return 0;
}

void swb_engine_release(struct swb_engine *engine, unsigned id)
{
        swb_inhibitors_remove(&engine->inhibitors, id);
        swb_engine_consider(engine);
}

void swb_engine_set_in_use(struct swb_engine *engine, bool is_in_use)
{
        if (engine->is_in_use == is_in_use)
                return;
        engine->is_in_use = is_in_use;
        swb_engine_consider(engine);
}

void swb_engine_set_network(struct swb_engine *engine, enum swb_network network)
{
        if (engine->network == network)
                return;
        swb_log(SWB_LOG_INFO, "the network is %s",
                network == SWB_NETWORK_METERED ? "metered" : "not metered");
        engine->network = network;
        swb_engine_consider(engine);
}
