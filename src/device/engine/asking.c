/* SPDX-License-Identifier: Apache-2.0 */
/* The facts for the policy, its answers, and when to ask again. */
#include <inttypes.h>

#include "base/log.h"
#include "device/engine/machine.h"
#include "device/policy/sensors.h"

/* However far away the answer's own time is: the clock may be set, or the time zone changed. */
#define ASK_AGAIN_MAX_USEC (15 * 60 * SECOND)
/* Asking is cheap, but never a loop. */
#define ASK_AGAIN_MIN_USEC (SECOND / 2)
/* What a cut of the power may make the data budget forget. */
#define UNSAVED_BYTES_MAX (UINT64_C(8) << 20)

static enum swb_network network(const struct swb_engine *e)
{
        if (strcmp(e->config->network.metered, "auto") == 0)
                return e->network;
        return strcmp(e->config->network.metered, "yes") == 0 ? SWB_NETWORK_METERED
                                                              : SWB_NETWORK_FREE;
}

static void read_zone(struct swb_engine *e)
{
        struct swb_error err = SWB_ERROR_INIT;

        if (swb_zone_load(e->config->device.time_zone_file, &e->zone, &err) >= 0)
                return;
        if (!e->is_zone_missed)
                swb_log(SWB_LOG_INFO, "%s: windows and budgets are in UTC", err.text);
        e->is_zone_missed = true;
        e->zone = SWB_ZONE_UTC;
}

static bool concerns(const struct swb_engine *e, enum swb_gate gate)
{
        enum swb_phase phase = e->state->pending.phase;
        bool is_set = e->status.state == SWB_ENGINE_UPDATED;

        switch (gate) {
        case SWB_GATE_CHECK:
                return phase != SWB_PHASE_NONE;
        case SWB_GATE_DOWNLOAD:
                return phase == SWB_PHASE_FOUND || phase == SWB_PHASE_INSTALLING;
        case SWB_GATE_INSTALL:
                return phase == SWB_PHASE_INSTALLED && !is_set;
        case SWB_GATE_REBOOT:
                return is_set;
        case _SWB_GATE_MAX:
        case _SWB_GATE_INVALID:
        default:
                return false;
        }
}

static uint64_t left_until(uint64_t then_usec, const struct swb_now *now)
{
        return then_usec > now->boot_usec ? then_usec - now->boot_usec : 0;
}

/* What may go on after a failure or a cancel is not for a gate to say: timers or the next check do.
 */
static uint64_t retry_left(const struct swb_engine *e, const struct swb_now *now)
{
        if (e->status.state != SWB_ENGINE_AVAILABLE || e->waits_for_gate)
                return 0;
        return e->later ? SWB_MAX(left_until(e->later_boot_usec, now), UINT64_C(1))
                        : SWB_RETRY_AT_CHECK;
}

static struct swb_deadline deadline(const struct swb_engine *e, const struct swb_now *now)
{
        if (e->state->pending.phase == SWB_PHASE_NONE || e->state->found.boot_id[0] == '\0')
                return (struct swb_deadline){0};
        return swb_deadline(e->config, e->state->pending.deadline,
                            swb_schedule_age(&e->state->found, now), now->wall_usec,
                            now->wall_is_sane);
}

struct swb_deadline swb_engine_deadline(struct swb_engine *e)
{
        struct swb_now now;

        swb_engine_get_now(e, &now);
        return deadline(e, &now);
}

/* A pause or a deferral, and what [policy] max-deferral leaves of it. */
static uint64_t put_off_left(const struct swb_engine *e, const struct swb_due *due,
                             const struct swb_now *now)
{
        uint64_t age = swb_schedule_age(&e->state->found, now);
        uint64_t most = e->config->policy.max_deferral_usec;

        return SWB_MIN(swb_schedule_left(due, now), most > age ? most - age : 0);
}

static void gather_update(const struct swb_engine *e, const struct swb_now *now,
                          struct swb_policy_facts *ret)
{
        const struct swb_pending *p = &e->state->pending;
        uint64_t age = swb_schedule_age(&e->state->found, now);
        uint64_t done = SWB_MAX(p->offset, e->status.bytes_done);
        struct swb_deadline d = deadline(e, now);

        ret->is_delta = p->is_delta;
        ret->bytes_left = p->payload_bytes > done ? p->payload_bytes - done : 0;
        ret->has_deadline = d.is_set;
        ret->deadline_left_usec = d.left_usec;
        ret->retry_left_usec = retry_left(e, now);
        ret->backoff_left_usec = swb_schedule_left(&p->wait, now);
        /* Who is told a deadline does not queue up. */
        if (p->deadline[0] == '\0' && e->state->scatter_usec > age)
                ret->scatter_left_usec = e->state->scatter_usec - age;
        ret->deferral_left_usec = put_off_left(e, &e->state->deferral, now);
        ret->deferral_reason = e->state->deferral_reason;
        ret->pause_left_usec = put_off_left(e, &e->state->pause, now);
        ret->is_paused = ret->pause_left_usec > 0;
        swb_inhibitors_tell(&e->inhibitors, now->boot_usec, &d, e->config->policy.max_inhibit_usec,
                            ret);
}

static void gather(struct swb_engine *e, enum swb_gate gate, struct swb_policy_facts *ret)
{
        long n_processors = sysconf(_SC_NPROCESSORS_ONLN);
        struct swb_usage_clock clock;
        struct swb_now now;

        swb_engine_get_now(e, &now);
        read_zone(e);
        *ret = (struct swb_policy_facts){
                .wall_usec = now.wall_usec,
                .wall_is_sane = now.wall_is_sane,
                .uptime_usec = now.boot_usec,
                .zone = &e->zone,
                .by_hand = e->state->pending.by_hand &&
                           (gate == SWB_GATE_DOWNLOAD || gate == SWB_GATE_INSTALL),
                .check_left_usec = left_until(e->check_boot_usec, &now),
                .has_update = concerns(e, gate),
                .network = network(e),
                .is_in_use = e->is_in_use,
        };
        gather_update(e, &now, ret);
        clock = (struct swb_usage_clock){&e->zone, now.wall_usec, now.wall_is_sane};
        swb_usage_left(&e->state->usage, &clock, e->config, ret->allowances);
        swb_sense_power(e->config->device.power_dir, ret);
        swb_sense_load(e->config->device.load_file, n_processors > 0 ? (unsigned)n_processors : 1,
                       ret);
}

struct swb_policy_answer swb_engine_ask(struct swb_engine *e, enum swb_gate gate)
{
        struct swb_policy_facts facts;

        gather(e, gate, &facts);
        return swb_policy_ask(gate, e->config, &facts);
}

struct swb_policy_answer swb_engine_why(struct swb_engine *engine, enum swb_gate gate)
{
        return swb_engine_ask(engine, gate);
}

static void log_answer(struct swb_engine *e, enum swb_gate gate,
                       const struct swb_policy_answer *answer)
{
        char again[48] = "when somebody asks for it";

        if (!answer->allow && e->told_rule[gate] != answer->rule) {
                if (answer->again_usec != SWB_POLICY_NEVER)
                        (void)snprintf(again, sizeof(again), "in %" PRIu64 " s at the latest",
                                       answer->again_usec / SECOND + 1);
                swb_log(SWB_LOG_INFO, "%s: not now, %s: %s; asked again %s",
                        swb_gate_to_string(gate), swb_rule_to_string(answer->rule), answer->facts,
                        again);
        }
        e->told_rule[gate] = answer->rule;
}

/* What ends with the next attempt, the next call or the next minute is not for the server, nor what
 * it or the configuration ordered. */
static bool is_news(enum swb_rule rule)
{
        return rule != SWB_RULE_NOTHING && rule != SWB_RULE_MANUAL && rule != SWB_RULE_RETRY &&
               rule != SWB_RULE_SCHEDULE && rule != SWB_RULE_LOAD && rule != SWB_RULE_IN_USE &&
               rule != SWB_RULE_CLOCK;
}

/* Each objection once for an update. It leaves with the next report or check. */
static void report_answer(struct swb_engine *e, enum swb_gate gate,
                          const struct swb_policy_answer *answer)
{
        unsigned bit = 1u << answer->rule;

        if (answer->allow || gate == SWB_GATE_CHECK || !is_news(answer->rule) ||
            (e->reported_rules[gate] & bit))
                return;
        e->reported_rules[gate] |= bit;
        swb_report_held(e->state, &e->state->pending, gate, answer);
}

bool swb_engine_is_allowed(struct swb_engine *e, enum swb_gate gate)
{
        struct swb_policy_answer answer = swb_engine_ask(e, gate);

        log_answer(e, gate, &answer);
        report_answer(e, gate, &answer);
        if (gate != SWB_GATE_CHECK) /* has its own timer */
                swb_engine_ask_again(e, SWB_MAX(ASK_AGAIN_MIN_USEC,
                                                SWB_MIN(answer.again_usec, ASK_AGAIN_MAX_USEC)));
        return answer.allow;
}

static bool is_used_up(const struct swb_engine *e, const struct swb_usage_clock *clock)
{
        struct swb_allowance left[SWB_ALLOWANCES];
        size_t n = network(e) == SWB_NETWORK_METERED ? SWB_ALLOWANCES : SWB_ALLOWANCES - 1;

        swb_usage_left(&e->state->usage, clock, e->config, left);
        for (size_t i = 0; i < n; i++)
                if (left[i].limit_bytes > 0 && left[i].left_bytes == 0)
                        return true;
        return false;
}

static bool has_limits(const struct swb_config *config)
{
        return config->network.day_limit_bytes > 0 || config->network.month_limit_bytes > 0 ||
               config->network.metered_month_limit_bytes > 0;
}

void swb_engine_note_bytes(struct swb_engine *e, uint64_t n_bytes)
{
        struct swb_usage_clock clock;
        struct swb_now now;

        swb_engine_get_now(e, &now);
        clock = (struct swb_usage_clock){&e->zone, now.wall_usec, now.wall_is_sane};
        swb_usage_add(&e->state->usage, &clock, network(e) == SWB_NETWORK_METERED, n_bytes);
        if (!has_limits(e->config))
                return; /* the numbers are stored when something else is */
        e->unsaved_bytes += n_bytes;
        if (e->unsaved_bytes >= UNSAVED_BYTES_MAX)
                swb_engine_save_or_warn(e);
        if (is_used_up(e, &clock))
                swb_engine_ask_again(e, 0);
}
