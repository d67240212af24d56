/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of state and status, timers, storing: what all parts of the engine use. */
#include "device/engine/machine.h"

#include <inttypes.h>
#include <sys/random.h>

#include "base/log.h"

/* Timers may be late by this, so that several wake-ups can be one. */
#define TIMER_ACCURACY_USEC (SECOND / 10)

static const char *const state_names[_SWB_ENGINE_STATE_MAX] = {
        [SWB_ENGINE_IDLE] = "idle",
        [SWB_ENGINE_CHECKING] = "checking",
        [SWB_ENGINE_AVAILABLE] = "available",
        [SWB_ENGINE_DOWNLOADING] = "downloading",
        [SWB_ENGINE_VERIFYING] = "verifying",
        [SWB_ENGINE_HELD] = "held",
        [SWB_ENGINE_UPDATED] = "updated",
        [SWB_ENGINE_REBOOTING] = "rebooting",
        [SWB_ENGINE_CONFIRMING] = "confirming",
};

const char *swb_engine_state_to_string(enum swb_engine_state state)
{
        return state_names[state];
}

const struct swb_status *swb_engine_status(const struct swb_engine *engine)
{
        return &engine->status;
}

/* ---- status ---- */

/* A time computed from two clocks is never twice the same; this one did not change. */
static uint64_t steady(uint64_t was, uint64_t is)
{
        uint64_t difference = was > is ? was - is : is - was;

        return difference < 2 * SECOND ? was : is;
}

/* The wall clock's time of something on the boot clock; 0 for 0. */
static uint64_t wall_of(uint64_t boot_usec, const struct swb_now *now)
{
        return boot_usec > 0 ? now->wall_usec - now->boot_usec + boot_usec : 0;
}

static void touch_policy(struct swb_engine *e)
{
        struct swb_status *status = &e->status;
        struct swb_deadline deadline = swb_engine_deadline(e);
        uint64_t when,
                left = status->bytes_total - SWB_MIN(status->bytes_done, status->bytes_total);
        struct swb_now now;

        swb_engine_get_now(e, &now);
        status->left_sec = status->rate > 0 ? left / status->rate : 0;
        status->channel = e->state->channel[0] ? e->state->channel : e->config->device.channel;
        status->deferral_reason = e->state->deferral_reason;
        when = now.wall_usec + swb_schedule_left(&e->state->pause, &now);
        status->paused_until_wall_usec =
                when > now.wall_usec ? steady(status->paused_until_wall_usec, when) : 0;
        when = now.wall_usec + swb_schedule_left(&e->state->deferral, &now);
        status->deferred_until_wall_usec =
                when > now.wall_usec ? steady(status->deferred_until_wall_usec, when) : 0;
        when = now.wall_usec + deadline.left_usec - deadline.late_usec;
        status->deadline_wall_usec = deadline.is_set ? steady(status->deadline_wall_usec, when) : 0;
        status->reboot_wall_usec =
                steady(status->reboot_wall_usec, wall_of(e->reboot_boot_usec, &now));
}

void swb_engine_look_at_gates(struct swb_engine *e)
{
        struct swb_now now;

        swb_engine_get_now(e, &now);
        for (int i = 0; i < _SWB_GATE_MAX; i++) {
                struct swb_policy_answer answer = swb_engine_ask(e, (enum swb_gate)i);
                struct swb_gate_view *view = &e->status.gates[i];
                uint64_t when = answer.again_usec == SWB_POLICY_NEVER
                                        ? 0
                                        : now.wall_usec + answer.again_usec;

                view->allow = answer.allow;
                view->rule = answer.rule;
                view->again_wall_usec = answer.allow ? 0 : steady(view->again_wall_usec, when);
        }
        swb_engine_touch(e);
}

void swb_engine_touch(struct swb_engine *e)
{
        const struct swb_pending *pending = &e->state->pending;

        touch_policy(e);

        e->status.current_version = e->facts.version;
        e->status.available_version = pending->phase == SWB_PHASE_REJECTED ? "" : pending->version;
        e->status.last_check_wall_usec = e->state->last_check_wall_usec;
        e->status.n_failed = e->state->n_failed;
        if (e->hooks.changed)
                e->hooks.changed(e->hooks.context);
}

void swb_engine_enter(struct swb_engine *e, enum swb_engine_state state, const char *why)
{
        if (e->status.state != state)
                swb_log(SWB_LOG_NOTICE, "%s -> %s: %s", state_names[e->status.state],
                        state_names[state], why);
        if (e->status.state != state)
                swb_engine_ask_again(e, 0); /* for other gates */
        e->status.state = state;
        e->status.needs_reboot = state == SWB_ENGINE_UPDATED || state == SWB_ENGINE_REBOOTING;
        swb_engine_touch(e);
}

void swb_engine_settle(struct swb_engine *e, const char *why)
{
        switch (e->state->pending.phase) {
        case SWB_PHASE_FOUND:
        case SWB_PHASE_INSTALLING:
                swb_engine_enter(e, SWB_ENGINE_AVAILABLE, why);
                return;
        case SWB_PHASE_INSTALLED: /* held, updated or confirming: stays so */
        case SWB_PHASE_REJECTED:
                swb_engine_touch(e);
                return;
        case SWB_PHASE_NONE:
        case _SWB_PHASE_MAX:
        case _SWB_PHASE_INVALID:
        default:
                e->status.progress = 0;
                e->status.bytes_done = e->status.bytes_total = e->status.rate = 0;
                swb_engine_enter(e, SWB_ENGINE_IDLE, why);
        }
}

void swb_engine_set_error(struct swb_engine *e, const struct swb_error *err)
{
        e->status.last_error = *err;
        swb_engine_touch(e);
}

void swb_engine_clear_error(struct swb_engine *e)
{
        e->status.last_error = SWB_ERROR_INIT;
        swb_engine_touch(e);
}

void swb_engine_failed_version(const struct swb_engine *engine, size_t index,
                               struct swb_failed_version *ret)
{
        const struct swb_failed *failed = &engine->state->failed[index];

        swb_assert(index < engine->state->n_failed);
        *ret = (struct swb_failed_version){failed->version, failed->fault, failed->text};
}

/* ---- storing ---- */

int swb_engine_save(struct swb_engine *e, struct swb_error *err)
{
        if (!e->is_loaded)
                return swb_fail(err, -EIO, SWB_FAULT_IO,
                                "the state file could not be read, so it is not replaced");
        e->unsaved_bytes = 0;
        return swb_state_save(e->state, e->config->device.state_dir, err);
}

void swb_engine_save_or_warn(struct swb_engine *e)
{
        struct swb_error err = SWB_ERROR_INIT;

        if (swb_engine_save(e, &err) < 0)
                (void)swb_log_failure(SWB_LOG_WARNING, &err, "ignoring");
}

/* ---- time ---- */

static int on_later(sd_event_source *source, uint64_t usec, void *userdata)
{
        struct swb_engine *e = userdata;
        void (*function)(struct swb_engine *) = e->later;

        (void)source;
        (void)usec;
        e->later = NULL;
        if (function && !e->is_stopping)
                function(e);
        return 0;
}

static int add_timer(struct swb_engine *e, sd_event_source **source,
                     sd_event_time_handler_t handler, struct swb_error *err)
{
        /* The boot clock goes on in suspend: a device that slept for a day checks when it wakes. */
        int r = sd_event_add_time(e->event, source, CLOCK_BOOTTIME, 0, TIMER_ACCURACY_USEC, handler,
                                  e);

        if (r >= 0)
                r = sd_event_source_set_enabled(*source, SD_EVENT_OFF);
        return r < 0 ? swb_fail_errno(err, r, "set up a timer") : 0;
}

int swb_engine_add_timers(struct swb_engine *e, sd_event_time_handler_t on_check,
                          sd_event_time_handler_t on_again, struct swb_error *err)
{
        int r = add_timer(e, &e->check_timer, on_check, err);

        if (r >= 0)
                r = add_timer(e, &e->again_timer, on_again, err);
        return r < 0 ? r : add_timer(e, &e->later_timer, on_later, err);
}

static void arm(sd_event_source *timer, uint64_t usec)
{
        (void)sd_event_source_set_time_relative(timer, usec); /* can't fail for our own timers */
        (void)sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
}

void swb_engine_later(struct swb_engine *e, uint64_t usec, void (*function)(struct swb_engine *))
{
        struct swb_now now;

        swb_engine_get_now(e, &now);
        e->later_boot_usec = now.boot_usec + usec;
        e->later = function;
        arm(e->later_timer, usec);
}

void swb_engine_ask_again(struct swb_engine *e, uint64_t usec)
{
        struct swb_now now;

        swb_engine_get_now(e, &now);
        if (now.boot_usec + usec >= e->again_boot_usec)
                return;
        e->again_boot_usec = now.boot_usec + usec;
        arm(e->again_timer, usec);
}

void swb_engine_not_later(struct swb_engine *e)
{
        e->later = NULL;
        (void)sd_event_source_set_enabled(e->later_timer, SD_EVENT_OFF);
}

static uint64_t clock_usec(clockid_t clock)
{
        struct timespec ts = {0};

        (void)clock_gettime(clock, &ts); /* fails for an unknown clock only */
        return (uint64_t)ts.tv_sec * SECOND + (uint64_t)ts.tv_nsec / 1000;
}

void swb_engine_get_now(struct swb_engine *e, struct swb_now *ret)
{
        uint64_t dice = 0;

        /* Early in the first boot there may be no randomness yet; the clock's low bits must do. */
        if (getrandom(&dice, sizeof(dice), GRND_NONBLOCK) != (ssize_t)sizeof(dice))
                dice = clock_usec(CLOCK_MONOTONIC) * UINT64_C(6364136223846793005);
        *ret = (struct swb_now){
                .boot_usec = clock_usec(CLOCK_BOOTTIME),
                .wall_usec = clock_usec(CLOCK_REALTIME),
                .boot_id = e->boot_id,
                .dice = dice,
        };
        ret->wall_is_sane = ret->wall_usec / SECOND >= e->config->device.build_timestamp;
}

struct swb_schedule swb_engine_schedule(const struct swb_engine *e)
{
        return (struct swb_schedule){
                .first_usec = e->config->server.first_check_usec,
                .first_jitter_usec = e->config->server.first_check_jitter_usec,
                .interval_usec = e->config->server.check_interval_usec,
                .jitter_usec = e->config->server.check_jitter_usec,
                .max_interval_usec = e->config->server.max_interval_usec,
        };
}

void swb_engine_plan_check(struct swb_engine *e, uint64_t wait_usec, bool is_order)
{
        struct swb_now now;

        swb_engine_get_now(e, &now);
        e->state->due = swb_schedule_due(&now, wait_usec, is_order);
        e->status.next_check_wall_usec = now.wall_usec + wait_usec;
        e->check_boot_usec = now.boot_usec + wait_usec;
        arm(e->check_timer, wait_usec);
}

void swb_engine_postpone_check(struct swb_engine *e, uint64_t usec)
{
        struct swb_now now;

        swb_engine_get_now(e, &now);
        e->check_boot_usec = now.boot_usec + usec;
        e->status.next_check_wall_usec = now.wall_usec + usec;
        arm(e->check_timer, usec);
        swb_engine_touch(e);
}

void swb_engine_plan_no_check(struct swb_engine *e)
{
        e->status.next_check_wall_usec = 0;
        e->check_boot_usec = 0;
        (void)sd_event_source_set_enabled(e->check_timer, SD_EVENT_OFF);
}

struct swb_args_from swb_engine_args_from(const struct swb_engine *e)
{
        return (struct swb_args_from){e->config, &e->facts, e->state, e->abilities};
}
