/* SPDX-License-Identifier: Apache-2.0 */
#include "device/sim/life.h"

#include <inttypes.h>

#include "device/policy/budget.h"
#include "device/policy/scatter.h"

#define SECOND UINT64_C(1000000)
#define NEVER UINT64_MAX
#define QUICK_RETRY_USEC (10 * SECOND)
#define QUICK_RETRIES 3

enum stage { NONE, WAITS, LOADS, HELD, UPDATED, ANNOUNCED, DONE };

struct life {
        const struct swb_sim_device *device;
        const struct swb_sim_release *release;
        const struct swb_sim_watch *watch;
        struct swb_sim_outcome *outcome;
        struct swb_state *state; /* only what schedule.c reads and writes of it */
        uint64_t seed;

        uint64_t now, boot_usec; /* wall clock; wall clock of the last boot */
        char boot_id[SWB_BOOT_ID_TEXT];
        unsigned n_boots;
        enum stage stage;
        bool is_delta, awaits_check;
        uint64_t bytes, done_bytes, failures, delta_failures, quick_retries, fails_at_bytes;
        uint64_t loading_since; /* wall clock up to which done_bytes counts */
        uint64_t next_check, next_ask, reboot_at;
};

uint64_t swb_sim_draw(uint64_t *seed)
{
        uint64_t z = (*seed += UINT64_C(0x9e3779b97f4a7c15));

        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        return z ^ (z >> 31);
}

static void tell(struct life *l, enum swb_sim_event event)
{
        if (l->watch->happened)
                l->watch->happened(l->watch->context, event, l->now);
}

static struct swb_now clock_of(struct life *l)
{
        return (struct swb_now){.boot_usec = l->now - l->boot_usec,
                                .wall_usec =
                                        l->device->has_no_clock ? l->now - l->boot_usec : l->now,
                                .boot_id = l->boot_id,
                                .wall_is_sane = !l->device->has_no_clock,
                                .dice = swb_sim_draw(&l->seed)};
}

static struct swb_schedule schedule_of(const struct life *l)
{
        const struct swb_config *config = l->device->config;

        return (struct swb_schedule){.first_usec = config->server.first_check_usec,
                                     .first_jitter_usec = config->server.first_check_jitter_usec,
                                     .interval_usec = config->server.check_interval_usec,
                                     .jitter_usec = config->server.check_jitter_usec,
                                     .max_interval_usec = config->server.max_interval_usec};
}

/* ---- asking ---- */

static bool concerns(const struct life *l, enum swb_gate gate)
{
        switch (gate) {
        case SWB_GATE_CHECK:
                return l->stage != NONE && l->stage != DONE;
        case SWB_GATE_DOWNLOAD:
                return l->stage == WAITS || l->stage == LOADS;
        case SWB_GATE_INSTALL:
                return l->stage == HELD;
        case SWB_GATE_REBOOT:
                return l->stage == UPDATED || l->stage == ANNOUNCED;
        case _SWB_GATE_MAX:
        case _SWB_GATE_INVALID:
        default:
                return false;
        }
}

static void gather(struct life *l, enum swb_gate gate, struct swb_policy_facts *facts,
                   uint64_t *ret_change_usec)
{
        const struct swb_config *config = l->device->config;
        struct swb_now now = clock_of(l);
        struct swb_usage_clock clock = {l->device->zone, now.wall_usec, now.wall_is_sane};
        uint64_t age = swb_schedule_age(&l->state->found, &now);
        struct swb_deadline deadline = {0};

        if (l->stage != NONE && l->stage != DONE)
                deadline = swb_deadline(config, l->release->deadline, age, now.wall_usec,
                                        now.wall_is_sane);
        *facts = (struct swb_policy_facts){
                .wall_usec = now.wall_usec,
                .wall_is_sane = now.wall_is_sane,
                .uptime_usec = now.boot_usec,
                .zone = l->device->zone,
                .check_left_usec = l->next_check > l->now ? l->next_check - l->now : 0,
                .has_update = concerns(l, gate),
                .is_delta = l->is_delta,
                .bytes_left = l->bytes - l->done_bytes,
                .has_deadline = deadline.is_set,
                .deadline_left_usec = deadline.left_usec,
                .retry_left_usec = l->awaits_check ? SWB_RETRY_AT_CHECK : 0,
                .backoff_left_usec = swb_schedule_left(&l->state->pending.wait, &now),
                .deferral_reason = "",
        };
        if (l->release->deadline[0] == '\0' && l->state->scatter_usec > age)
                facts->scatter_left_usec = l->state->scatter_usec - age;
        swb_usage_left(&l->state->usage, &clock, config, facts->allowances);
        *ret_change_usec = l->device->surroundings.look(l->device->surroundings.context, l->now,
                                                        &deadline, facts);
}

/* Facts that announce no change are polled by the engine. Here it is known when they change, so the
 * questions in between, whose answer would be the same, are left out. */
static bool is_polled(enum swb_rule rule)
{
        return rule == SWB_RULE_LOAD || rule == SWB_RULE_BATTERY || rule == SWB_RULE_METERED;
}

static bool is_allowed(struct life *l, enum swb_gate gate)
{
        struct swb_policy_answer answer;
        struct swb_policy_facts facts;
        uint64_t change, again;

        gather(l, gate, &facts, &change);
        answer = swb_policy_ask(gate, l->device->config, &facts);
        if (l->watch->asked)
                l->watch->asked(l->watch->context, gate, &facts, &answer, l->now);
        again = answer.again_usec == SWB_POLICY_NEVER ? NEVER
                                                      : l->now + SWB_MAX(answer.again_usec, SECOND);
        if (!answer.allow && is_polled(answer.rule) && change > again)
                again = facts.has_deadline && facts.deadline_left_usec > 0
                                ? SWB_MIN(change, l->now + facts.deadline_left_usec)
                                : change;
        l->next_ask = SWB_MIN(again, SWB_MAX(change, l->now + SECOND));
        if (!answer.allow && gate != SWB_GATE_CHECK) {
                l->outcome->gate = gate;
                l->outcome->rule = answer.rule;
        }
        return answer.allow;
}

/* ---- steps ---- */

static void take_update(struct life *l)
{
        struct swb_now now = clock_of(l);

        if (l->stage != NONE)
                return;
        l->stage = WAITS;
        l->is_delta = l->device->takes_delta && l->device->config->update.delta;
        l->bytes = l->is_delta ? l->release->delta_bytes : l->release->full_bytes;
        l->state->found = swb_schedule_due(&now, 0, false);
        l->state->scatter_usec = swb_scatter_draw(l->device->config, now.dice);
        l->outcome->found_usec = l->now;
        tell(l, SWB_SIM_FOUND);
}

static bool is_out_of_order(const struct life *l)
{
        return l->now >= l->release->outage_usec &&
               l->now - l->release->outage_usec < l->release->outage_length_usec;
}

static void check(struct life *l)
{
        struct swb_schedule schedule = schedule_of(l);
        struct swb_now now = clock_of(l);
        uint64_t keep = l->next_ask, wait;

        if (!is_allowed(l, SWB_GATE_CHECK)) {
                l->next_check = l->next_ask;
                l->next_ask = keep;
                return;
        }
        l->next_ask = keep;
        l->outcome->n_checks++;
        tell(l, SWB_SIM_CHECK);
        l->state->failed_checks = is_out_of_order(l) ? l->state->failed_checks + 1 : 0;
        wait = swb_schedule_wait(&schedule, l->state, 0, now.dice);
        l->state->due = swb_schedule_due(&now, wait, false);
        l->next_check = l->now + wait;
        if (is_out_of_order(l))
                return;
        l->awaits_check = false;
        l->quick_retries = 0;
        if (l->now >= l->release->wall_usec)
                take_update(l);
        if (l->stage == WAITS)
                l->next_ask = l->now;
}

static bool is_metered(struct life *l)
{
        const struct swb_sim_surroundings *around = &l->device->surroundings;
        struct swb_deadline none = {0};
        struct swb_policy_facts facts = {0};

        (void)around->look(around->context, l->now, &none, &facts);
        return facts.network == SWB_NETWORK_METERED;
}

static void note_bytes(struct life *l)
{
        struct swb_now now = clock_of(l);
        struct swb_usage_clock clock = {l->device->zone, now.wall_usec, now.wall_is_sane};
        uint64_t elapsed = l->now - l->loading_since;
        uint64_t n = elapsed / SECOND * l->device->rate_bytes +
                     elapsed % SECOND * l->device->rate_bytes / SECOND;

        n = SWB_MIN(n, l->bytes - l->done_bytes);
        l->done_bytes += n;
        l->outcome->n_bytes += n;
        l->loading_since = l->now;
        swb_usage_add(&l->state->usage, &clock, is_metered(l), n);
}

static uint64_t download_end(const struct life *l)
{
        uint64_t until = SWB_MIN(l->bytes, l->fails_at_bytes);
        uint64_t left = until > l->done_bytes ? until - l->done_bytes : 0;

        return l->loading_since + left / l->device->rate_bytes * SECOND + SECOND;
}

static void begin_download(struct life *l)
{
        l->stage = LOADS;
        l->loading_since = l->now;
        l->fails_at_bytes = NEVER;
        if (swb_sim_draw(&l->seed) % 100 < l->device->failure_percent)
                l->fails_at_bytes =
                        l->done_bytes + swb_sim_draw(&l->seed) % (l->bytes - l->done_bytes + 1);
        tell(l, SWB_SIM_DOWNLOAD);
}

/* As engine/retrying.c: a delta gives way, a full payload is paced. */
static void attempt_failed(struct life *l)
{
        struct swb_now now = clock_of(l);

        tell(l, SWB_SIM_FAILED);
        l->stage = WAITS;
        l->next_ask = l->now + QUICK_RETRY_USEC;
        if (l->is_delta && ++l->delta_failures >= l->device->config->update.max_delta_failures) {
                l->is_delta = false;
                l->bytes = l->release->full_bytes;
                l->done_bytes = 0;
                return;
        }
        if (!l->is_delta)
                l->state->pending.wait = swb_schedule_due(
                        &now, swb_schedule_backoff(++l->failures, now.dice), false);
        if (++l->quick_retries > QUICK_RETRIES)
                l->awaits_check = true;
}

static void download_ended(struct life *l)
{
        if (l->done_bytes < l->bytes) {
                attempt_failed(l);
                return;
        }
        l->stage = HELD;
        l->next_ask = l->now;
        tell(l, SWB_SIM_DOWNLOADED);
}

static void announce(struct life *l)
{
        l->stage = ANNOUNCED;
        l->reboot_at = l->now + l->device->config->reboot.delay_usec;
        tell(l, SWB_SIM_ANNOUNCED);
}

static void updated(struct life *l, enum swb_sim_event how)
{
        tell(l, how);
        l->stage = DONE;
        l->next_ask = NEVER;
        l->outcome->is_updated = true;
        l->outcome->updated_usec = l->now;
}

static void ask(struct life *l)
{
        l->next_ask = NEVER;
        switch (l->stage) {
        case WAITS:
                if (is_allowed(l, SWB_GATE_DOWNLOAD))
                        begin_download(l);
                return;
        case LOADS:
                if (!is_allowed(l, SWB_GATE_DOWNLOAD))
                        l->stage = WAITS;
                return;
        case HELD:
                if (!is_allowed(l, SWB_GATE_INSTALL))
                        return;
                l->stage = UPDATED;
                l->next_ask = l->now;
                tell(l, SWB_SIM_INSTALLED);
                return;
        case UPDATED:
                if (is_allowed(l, SWB_GATE_REBOOT))
                        announce(l);
                return;
        case ANNOUNCED:
                if (!is_allowed(l, SWB_GATE_REBOOT))
                        l->stage = UPDATED;
                else if (l->now >= l->reboot_at)
                        updated(l, SWB_SIM_REBOOT);
                return;
        case NONE:
        case DONE:
        default:
                return;
        }
}

/* ---- time ---- */

static uint64_t next_step(const struct life *l)
{
        uint64_t next = SWB_MIN(l->next_check, l->next_ask);

        if (l->stage == LOADS)
                next = SWB_MIN(next, download_end(l));
        if (l->stage == ANNOUNCED)
                next = SWB_MIN(next, l->reboot_at);
        return next;
}

static void step(struct life *l)
{
        if (l->stage == LOADS) {
                note_bytes(l);
                if (l->done_bytes >= SWB_MIN(l->bytes, l->fails_at_bytes))
                        download_ended(l);
        }
        if (l->now >= l->next_check)
                check(l);
        if (l->now >= l->next_ask || (l->stage == ANNOUNCED && l->now >= l->reboot_at))
                ask(l);
}

static void boot(struct life *l)
{
        struct swb_schedule schedule = schedule_of(l);
        struct swb_now now;

        l->boot_usec = l->now;
        (void)snprintf(l->boot_id, sizeof(l->boot_id), "boot-%u", ++l->n_boots);
        tell(l, SWB_SIM_BOOT);
        now = clock_of(l);
        l->next_check = l->now + swb_schedule_start(&schedule, &l->state->due, &now);
        l->next_ask = l->stage == NONE || l->stage == DONE ? NEVER : l->now;
}

/* The plug is pulled. What was announced is forgotten; bytes that are written are not. A reboot
 * by somebody else starts a new system that waited for one. */
static void power_off(struct life *l)
{
        if (l->stage == LOADS) {
                note_bytes(l);
                l->stage = WAITS;
        }
        if (l->stage == UPDATED || l->stage == ANNOUNCED)
                updated(l, SWB_SIM_RESTART);
}

static void live_until(struct life *l, uint64_t end_usec)
{
        uint64_t next;

        while ((next = SWB_MAX(next_step(l), l->now)) < end_usec) {
                l->now = next;
                step(l);
        }
        l->now = end_usec;
}

static void live(struct life *l, uint64_t end_usec)
{
        while (l->now < end_usec) {
                struct swb_opening on = swb_calendar_look(l->device->on, l->device->zone, l->now);
                uint64_t change = SWB_MIN(end_usec - l->now, on.change_usec);

                if (!on.is_open) {
                        l->now += change;
                        continue;
                }
                boot(l);
                live_until(l, l->now + change);
                if (l->now < end_usec)
                        power_off(l);
        }
}

int swb_sim_live(const struct swb_sim_device *device, const struct swb_sim_release *release,
                 uint64_t start_usec, uint64_t end_usec, const struct swb_sim_watch *watch,
                 struct swb_sim_outcome *ret, struct swb_error *err)
{
        _cleanup_(swb_state_freep) struct swb_state *state = swb_state_new();
        struct swb_sim_outcome outcome = {.rule = SWB_RULE_NOTHING};
        struct life l = {.device = device,
                         .release = release,
                         .watch = watch,
                         .outcome = &outcome,
                         .state = state,
                         .seed = device->seed,
                         .now = start_usec,
                         .next_check = NEVER,
                         .next_ask = NEVER};

        if (!state)
                return swb_oom(err);
        live(&l, end_usec);
        *ret = outcome;
        return 0;
}
