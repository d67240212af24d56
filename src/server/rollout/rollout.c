/* SPDX-License-Identifier: Apache-2.0 */
#include "server/rollout/rollout.h"

#include "base/text.h"

/* A rate's time is counted in pieces, and one more than fits is summed up: whatever window of that
 * length one looks at, it lies within them. */
#define RATE_PIECES 60

const char *swb_rollout_status_to_string(enum swb_rollout_status status)
{
        static const char *const names[] = {
                [0] = "unknown",
                [SWB_ROLLOUT_ACTIVE] = "active",
                [SWB_ROLLOUT_PAUSED] = "paused",
                [SWB_ROLLOUT_RECALLED] = "recalled",
                [SWB_ROLLOUT_FINISHED] = "finished",
        };

        return names[status > 0 && status < _SWB_ROLLOUT_STATUS_MAX ? status : 0];
}

const char *swb_hold_to_string(enum swb_hold hold)
{
        static const char *const names[] = {
                [SWB_HOLD_NONE] = "admitted",
                [SWB_HOLD_NO_ID] = "device-has-no-id",
                [SWB_HOLD_PAUSED] = "rollout-is-paused",
                [SWB_HOLD_RECALLED] = "release-was-recalled",
                [SWB_HOLD_FELL_BACK] = "device-fell-back-from-this-release",
                [SWB_HOLD_BLOCKED_CLASS] = "release-is-blocked-for-this-hardware",
                [SWB_HOLD_HOURS] = "outside-working-hours",
                [SWB_HOLD_STAGE] = "not-in-this-stage",
                [SWB_HOLD_FULL] = "stage-is-full",
                [SWB_HOLD_CONCURRENCY] = "too-many-at-the-same-time",
                [SWB_HOLD_RATE] = "too-many-in-a-short-time",
                [SWB_HOLD_MEMORY] = "rollout-has-too-many-devices",
        };

        return (unsigned)hold < _SWB_HOLD_MAX ? names[hold] : "unknown";
}

uint64_t swb_tally_bad(const struct swb_tally *tally)
{
        return tally->failed + tally->fell_back + tally->silent;
}

uint64_t swb_tally_ended(const struct swb_tally *tally)
{
        return tally->ok + swb_tally_bad(tally);
}

static const struct swb_stage *stage_of(const struct swb_rollout *r)
{
        return &r->setup.plan.stages[r->setup.stage];
}

/* --- thresholds --- */

static uint64_t above(uint64_t n, uint64_t forgiven)
{
        return n > forgiven ? n - forgiven : 0;
}

static bool rate_is_crossed(const struct swb_plan *plan, uint64_t bad, uint64_t ended)
{
        return plan->max_failure_ppm > 0 && ended > 0 && ended >= plan->min_sample &&
               bad * SWB_ALL_DEVICES_PPM > plan->max_failure_ppm * ended;
}

static void halt(struct swb_rollout *r, uint64_t bad, uint64_t ended, const char *where)
{
        char reasons[SWB_ROLLOUT_REASON_MAX / 2];

        if (r->halted)
                return;
        swb_reasons_describe(&r->reasons, reasons, sizeof(reasons));
        (void)snprintf(r->halt_reason, sizeof(r->halt_reason),
                       "%llu of %llu devices that ended %s did so badly; most often: %s",
                       (unsigned long long)bad, (unsigned long long)ended, where, reasons);
        r->halted = true;
}

/* Is the release blocked for all hardware that it has reached? Then that is no matter of one class.
 */
static bool all_is_blocked(const struct swb_rollout *r)
{
        bool any = false;

        for (size_t i = 0; i < r->classes.n; i++) {
                any = any || r->classes.list[i].blocked;
                if (!r->classes.list[i].blocked && r->classes.list[i].n_members > 0)
                        return false;
        }
        return any;
}

static void check_thresholds(struct swb_rollout *r)
{
        const struct swb_rollout_setup *s = &r->setup;
        const struct swb_tally *stage = &r->stages[s->stage];
        uint64_t bad = above(swb_tally_bad(&r->total), s->forgiven.bad);
        uint64_t ended = above(swb_tally_ended(&r->total), s->forgiven.ended);
        uint64_t stage_bad = above(swb_tally_bad(stage), s->forgiven_in_stage.bad);
        uint64_t stage_ended = above(swb_tally_ended(stage), s->forgiven_in_stage.ended);

        if ((s->plan.max_failures > 0 && bad >= s->plan.max_failures) ||
            rate_is_crossed(&s->plan, bad, ended) || all_is_blocked(r))
                halt(r, bad, ended, "in this rollout");
        else if (rate_is_crossed(&s->plan, stage_bad, stage_ended))
                halt(r, stage_bad, stage_ended, "in this stage");
}

static void check_need(struct swb_rollout *r, int64_t now)
{
        if (r->stages[r->setup.stage].ok < r->setup.need)
                r->need_at = 0;
        else if (r->need_at == 0)
                r->need_at = r->setup.need == 0 ? r->setup.stage_opened : now;
}

/* --- counting --- */

static uint64_t *counter_of(struct swb_tally *tally, uint8_t state)
{
        switch ((enum swb_member_state)state) {
        case SWB_MEMBER_OK:
                return &tally->ok;
        case SWB_MEMBER_FAILED:
                return &tally->failed;
        case SWB_MEMBER_FELL_BACK:
                return &tally->fell_back;
        case SWB_MEMBER_SILENT:
                return &tally->silent;
        case SWB_MEMBER_NONE:
        case SWB_MEMBER_OFFERED:
        case SWB_MEMBER_DOWNLOADING:
        case SWB_MEMBER_INSTALLED:
        case _SWB_MEMBER_STATE_MAX:
        default:
                return NULL;
        }
}

static void count_in(struct swb_tally *tally, const struct swb_member *m, uint64_t by)
{
        uint64_t *counter = counter_of(tally, m->state);

        tally->admitted += by;
        if (counter)
                *counter += by;
}

/* Adds a member to all counts, or, with UINT64_MAX (-1), takes it out. */
static void count(struct swb_rollout *r, const struct swb_member *m, uint64_t by)
{
        struct swb_reason *class = &r->classes.list[m->hardware_class];

        count_in(&r->total, m, by);
        count_in(&r->stages[m->stage], m, by);
        r->n_slots += m->has_slot ? by : 0;
        if (swb_member_is_bad(m->state))
                r->reasons.list[m->reason].n_bad += by;
        /* Silence is no word about the hardware. */
        if (m->state == SWB_MEMBER_FAILED || m->state == SWB_MEMBER_FELL_BACK)
                class->n_bad += by;
        class->n_ok += m->state == SWB_MEMBER_OK ? by : 0;
        class->n_members += by;
}

static void check_class(struct swb_rollout *r, const struct swb_member *m)
{
        const struct swb_plan *plan = &r->setup.plan;
        struct swb_reason *class = &r->classes.list[m->hardware_class];

        /* Place 0: the class is not known. */
        if (m->hardware_class == 0 || plan->class_failures == 0 || class->is_exempt)
                return;
        if (class->n_bad >= plan->class_failures &&
            class->n_bad * SWB_ALL_DEVICES_PPM >
                    plan->max_failure_ppm * (class->n_bad + class->n_ok))
                class->blocked = true;
}

static void move(struct swb_rollout *r, struct swb_member *m, enum swb_member_state state,
                 const char *reason, int64_t now)
{
        count(r, m, UINT64_MAX);
        m->state = (uint8_t)state;
        m->has_slot = m->has_slot && swb_member_is_under_way(state);
        m->has_stored_slot = m->has_stored_slot && m->has_slot;
        m->reason = swb_member_is_bad(state) ? swb_reasons_place(&r->reasons, reason) : 0;
        /* The end of one that is silent is not a sign of life. */
        if (state != SWB_MEMBER_SILENT)
                m->heard_at = now;
        count(r, m, 1);
        check_class(r, m);
        check_need(r, now);
        check_thresholds(r);
}

static void take_slot(struct swb_rollout *r, struct swb_member *m)
{
        r->n_slots += !m->has_slot;
        m->has_slot = true;
}

/* --- rate --- */

static int64_t rate_piece(const struct swb_rollout *r, int64_t t)
{
        int64_t seconds = (int64_t)((stage_of(r)->rate_seconds + RATE_PIECES - 1) / RATE_PIECES);

        return t / SWB_MAX(seconds, 1);
}

static void note_rate(struct swb_rollout *r, int64_t t)
{
        int64_t piece = rate_piece(r, t);
        size_t i = (size_t)piece % SWB_RATE_BUCKETS;

        /* Older ones may come when the server starts; the newer count stays. */
        if (r->rate_times[i] < piece) {
                r->rate_times[i] = piece;
                r->rate_counts[i] = 0;
        }
        if (r->rate_times[i] == piece)
                r->rate_counts[i]++;
}

static uint64_t rate_sum(const struct swb_rollout *r, int64_t now)
{
        int64_t piece = rate_piece(r, now);
        uint64_t n = 0;

        for (size_t i = 0; i < SWB_RATE_BUCKETS; i++)
                if (r->rate_times[i] >= piece - RATE_PIECES)
                        n += r->rate_counts[i];
        return n;
}

static bool rate_is_used_up(const struct swb_rollout *r, int64_t now)
{
        return stage_of(r)->rate > 0 && rate_sum(r, now) >= stage_of(r)->rate;
}

static void recount_rate(struct swb_rollout *r)
{
        memset(r->rate_counts, 0, sizeof(r->rate_counts));
        memset(r->rate_times, 0, sizeof(r->rate_times));
        for (size_t i = 0; i < r->members.capacity; i++)
                if (r->members.table[i].state != SWB_MEMBER_NONE)
                        note_rate(r, r->members.table[i].granted_at);
}

/* --- life --- */

void swb_rollout_init(struct swb_rollout *rollout, const struct swb_rollout_setup *setup,
                      const struct swb_siphash_key keys[2])
{
        *rollout = (struct swb_rollout){.setup = *setup};
        rollout->bucket_key = swb_bucket_key(setup->salt);
        swb_members_init(&rollout->members, keys);
        swb_reasons_init(&rollout->reasons, "other reasons");
        swb_reasons_init(&rollout->classes, "");
        check_need(rollout, setup->stage_opened);
}

void swb_rollout_done(struct swb_rollout *rollout)
{
        swb_members_done(&rollout->members);
}

void swb_rollout_configure(struct swb_rollout *rollout, const struct swb_rollout_setup *setup)
{
        const struct swb_stage *old = stage_of(rollout);
        uint64_t old_rate_seconds = old->rate_seconds;
        bool is_new_stage = rollout->setup.stage != setup->stage;

        rollout->setup = *setup;
        if (is_new_stage)
                rollout->need_at = 0;
        if (stage_of(rollout)->rate_seconds != old_rate_seconds)
                recount_rate(rollout);
        check_need(rollout, setup->stage_opened);
        rollout->halted = false;
        check_thresholds(rollout);
}

static bool row_is_sane(const struct swb_member_row *row)
{
        return row->state > SWB_MEMBER_NONE && row->state < _SWB_MEMBER_STATE_MAX &&
               row->stage < SWB_STAGES_MAX;
}

/* Takes a row over into a member that is in no count. */
static void take_row(struct swb_rollout *rollout, struct swb_member *m,
                     const struct swb_member_row *row)
{
        m->granted_at = row->granted_at;
        m->heard_at = row->heard_at;
        m->state = (uint8_t)row->state;
        m->stage = (uint8_t)row->stage;
        m->has_slot = row->has_slot;
        m->is_stored = true;
        m->has_stored_slot = row->has_slot;
        m->hardware_class = swb_reasons_place(&rollout->classes, row->hardware_class);
        m->reason = swb_member_is_bad(row->state)
                            ? swb_reasons_place(&rollout->reasons, row->reason)
                            : 0;
        count(rollout, m, 1);
        check_class(rollout, m);
}

int swb_rollout_restore(struct swb_rollout *rollout, const char *machineid,
                        const struct swb_member_row *row)
{
        struct swb_member *m;

        if (!row_is_sane(row) || swb_members_find(&rollout->members, machineid))
                return -EINVAL;
        m = swb_members_add(&rollout->members, machineid);
        if (!m)
                return -ENOMEM;
        note_rate(rollout, row->granted_at);
        take_row(rollout, m, row);
        /* Devices come in no order: the last success counts, which is late rather than early. */
        if (m->state == SWB_MEMBER_OK && m->stage == rollout->setup.stage) {
                int64_t at = SWB_MAX(rollout->need_at, m->heard_at);

                check_need(rollout, at);
                if (rollout->need_at > 0)
                        rollout->need_at = at;
        }
        check_thresholds(rollout);
        return 0;
}

int swb_rollout_follow(struct swb_rollout *rollout, const char *machineid,
                       const struct swb_member_row *row)
{
        struct swb_member *m = swb_members_find(&rollout->members, machineid);
        int r = 0;

        if (!m) {
                r = swb_rollout_restore(rollout, machineid, row);
                m = swb_members_find(&rollout->members, machineid);
        } else if (row_is_sane(row)) {
                count(rollout, m, UINT64_MAX);
                take_row(rollout, m, row);
                check_need(rollout, row->heard_at);
                check_thresholds(rollout);
        }
        if (m)
                m->is_news = true;
        return r;
}

bool swb_rollout_member(const struct swb_rollout *rollout, const char *machineid,
                        struct swb_member_row *ret)
{
        const struct swb_member *m = swb_members_find(&rollout->members, machineid);

        if (!m)
                return false;
        *ret = (struct swb_member_row){.granted_at = m->granted_at,
                                       .heard_at = m->heard_at,
                                       .state = (enum swb_member_state)m->state,
                                       .stage = m->stage,
                                       .has_slot = m->has_slot};
        swb_copy_bounded(ret->hardware_class, rollout->classes.list[m->hardware_class].name,
                         SWB_FAILURE_NAME - 1);
        if (swb_member_is_bad(m->state))
                swb_copy_bounded(ret->reason, rollout->reasons.list[m->reason].name,
                                 SWB_FAILURE_NAME - 1);
        return true;
}

/* --- admission --- */

static bool slots_are_used_up(const struct swb_rollout *r)
{
        return stage_of(r)->concurrency > 0 && r->n_slots >= stage_of(r)->concurrency;
}

static bool class_is_blocked(const struct swb_rollout *r, const char *name)
{
        for (size_t i = 1; i < r->classes.n; i++)
                if (r->classes.list[i].blocked && strcmp(r->classes.list[i].name, name) == 0)
                        return true;
        return false;
}

/* One that was admitted before: it goes on, unless the release has proved bad for it. */
static enum swb_hold hold_member(const struct swb_rollout *r, const struct swb_member *m)
{
        if (m->state == SWB_MEMBER_FELL_BACK)
                return SWB_HOLD_FELL_BACK;
        return !m->has_slot && slots_are_used_up(r) ? SWB_HOLD_CONCURRENCY : SWB_HOLD_NONE;
}

static enum swb_hold hold_stranger(const struct swb_rollout *r, const struct swb_rollout_ask *ask)
{
        const struct swb_stage *stage = stage_of(r);

        if (!ask->within_hours)
                return SWB_HOLD_HOURS;
        if (swb_bucket(&r->bucket_key, ask->machineid) >= stage->share_ppm)
                return SWB_HOLD_STAGE;
        if (stage->max_devices > 0 && r->total.admitted >= stage->max_devices)
                return SWB_HOLD_FULL;
        if (slots_are_used_up(r))
                return SWB_HOLD_CONCURRENCY;
        if (rate_is_used_up(r, ask->now))
                return SWB_HOLD_RATE;
        return r->members.n >= SWB_ROLLOUT_MEMBERS_MAX ? SWB_HOLD_MEMORY : SWB_HOLD_NONE;
}

static enum swb_hold find_hold(const struct swb_rollout *r, const struct swb_rollout_ask *ask,
                               const struct swb_member *m)
{
        if (r->setup.status == SWB_ROLLOUT_RECALLED)
                return SWB_HOLD_RECALLED;
        if (r->setup.status != SWB_ROLLOUT_ACTIVE || r->halted)
                return SWB_HOLD_PAUSED;
        if (!*ask->machineid)
                return SWB_HOLD_NO_ID;
        if (class_is_blocked(r, ask->hardware_class))
                return SWB_HOLD_BLOCKED_CLASS;
        return m ? hold_member(r, m) : hold_stranger(r, ask);
}

enum swb_hold swb_rollout_peek(const struct swb_rollout *rollout, const struct swb_rollout_ask *ask)
{
        return find_hold(rollout, ask, swb_members_find(&rollout->members, ask->machineid));
}

static struct swb_member *admit(struct swb_rollout *r, const struct swb_rollout_ask *ask)
{
        struct swb_member *m = swb_members_add(&r->members, ask->machineid);

        if (!m)
                return NULL;
        m->granted_at = ask->now;
        m->heard_at = ask->now;
        m->stage = (uint8_t)r->setup.stage;
        m->has_slot = true;
        m->hardware_class = swb_reasons_place(&r->classes, ask->hardware_class);
        count(r, m, 1);
        note_rate(r, ask->now);
        return m;
}

enum swb_hold swb_rollout_admit(struct swb_rollout *rollout, const struct swb_rollout_ask *ask,
                                enum swb_taken *ret_taken, int64_t *ret_admitted_at)
{
        struct swb_member *m = swb_members_find(&rollout->members, ask->machineid);
        enum swb_hold hold = find_hold(rollout, ask, m);

        *ret_taken = SWB_TAKEN_NOTHING;
        if (hold != SWB_HOLD_NONE)
                return hold;
        if (!m) {
                if (!admit(rollout, ask))
                        return SWB_HOLD_MEMORY;
                *ret_taken = SWB_TAKEN_PLACE;
                *ret_admitted_at = ask->now;
                return SWB_HOLD_NONE;
        }
        if (m->state == SWB_MEMBER_SILENT)
                move(rollout, m, SWB_MEMBER_OFFERED, "", ask->now);
        *ret_taken = m->has_slot ? SWB_TAKEN_NOTHING : SWB_TAKEN_SLOT;
        take_slot(rollout, m);
        m->heard_at = ask->now;
        *ret_admitted_at = m->granted_at;
        return SWB_HOLD_NONE;
}

static void undo(struct swb_rollout *r, struct swb_member *m, enum swb_taken taken)
{
        if (taken == SWB_TAKEN_NOTHING)
                return;
        count(r, m, UINT64_MAX);
        if (taken == SWB_TAKEN_PLACE && !m->is_stored) {
                swb_members_remove(&r->members, m);
                return;
        }
        m->has_slot = m->has_stored_slot;
        count(r, m, 1);
}

void swb_rollout_undo(struct swb_rollout *rollout, const char *machineid, enum swb_taken taken)
{
        struct swb_member *m = swb_members_find(&rollout->members, machineid);

        if (m)
                undo(rollout, m, taken);
}

/* More than may be? */
static bool is_exceeded(const struct swb_rollout *r, int64_t now)
{
        const struct swb_stage *stage = stage_of(r);

        return r->halted || r->setup.status != SWB_ROLLOUT_ACTIVE ||
               (stage->max_devices > 0 && r->total.admitted > stage->max_devices) ||
               (stage->concurrency > 0 && r->n_slots > stage->concurrency) ||
               (stage->rate > 0 && rate_sum(r, now) > stage->rate);
}

bool swb_rollout_confirm(struct swb_rollout *rollout, const char *machineid, enum swb_taken taken,
                         int64_t now)
{
        struct swb_member *m = swb_members_find(&rollout->members, machineid);

        if (!m)
                return false;
        if (taken == SWB_TAKEN_NOTHING || !is_exceeded(rollout, now))
                return true;
        undo(rollout, m, taken);
        return false;
}

void swb_rollout_lift(struct swb_rollout *rollout, const char *hardware_class)
{
        uint8_t place = swb_reasons_place(&rollout->classes, hardware_class);

        if (place == 0 || rollout->classes.list[place].is_exempt)
                return;
        rollout->classes.list[place].is_exempt = true;
        rollout->classes.list[place].blocked = false;
        rollout->halted = false;
        check_thresholds(rollout);
}

/* --- what devices say --- */

static void set_failed(struct swb_rollout *r, struct swb_member *m,
                       const struct swb_omaha_event *event, int64_t now)
{
        char name[SWB_FAILURE_NAME];

        if (swb_event_is_fall_back(event))
                move(r, m, SWB_MEMBER_FELL_BACK, swb_event_failure_name(event, name), now);
        else if (m->state != SWB_MEMBER_OK && !swb_event_is_of_the_way(event))
                move(r, m, SWB_MEMBER_FAILED, swb_event_failure_name(event, name), now);
}

/* A failed one stays so until it succeeds, one that is overdue until it ends. */
static void set_progress(struct swb_rollout *r, struct swb_member *m, enum swb_member_state state,
                         int64_t now)
{
        bool is_overdue = m->state == SWB_MEMBER_SILENT &&
                          (uint64_t)(now - m->granted_at) > r->setup.plan.overdue_seconds;

        if (!is_overdue && (swb_member_is_under_way(m->state) || m->state == SWB_MEMBER_SILENT))
                move(r, m, state, "", now);
}

static void hear_event(struct swb_rollout *r, struct swb_member *m,
                       const struct swb_omaha_event *event, int64_t now)
{
        /* Of another update. */
        if (*event->nextversion && swb_version_compare(event->nextversion, r->setup.version) != 0)
                return;
        switch (swb_event_meaning(event)) {
        case SWB_MEANS_DOWNLOADING:
                set_progress(r, m, SWB_MEMBER_DOWNLOADING, now);
                break;
        case SWB_MEANS_INSTALLED:
                set_progress(r, m, SWB_MEMBER_INSTALLED, now);
                break;
        case SWB_MEANS_FAILED:
                set_failed(r, m, event, now);
                break;
        case SWB_MEANS_COMPLETED: /* the version says whether it is this update: see below */
        case SWB_MEANS_NOTHING:
        default:
                break;
        }
}

static bool has_completed(const struct swb_rollout_word *word)
{
        /* Only a system that is content with itself asks for the next one. */
        bool completed = word->is_check;

        for (size_t i = 0; i < word->n_events; i++)
                completed = completed || swb_event_meaning(&word->events[i]) == SWB_MEANS_COMPLETED;
        for (size_t i = 0; i < word->n_events; i++)
                completed = completed && swb_event_meaning(&word->events[i]) != SWB_MEANS_FAILED;
        return completed;
}

bool swb_rollout_hear(struct swb_rollout *rollout, const struct swb_rollout_word *word)
{
        struct swb_member *m = swb_members_find(&rollout->members, word->machineid);
        int order;

        if (!m)
                return false;
        m->is_news = false;
        if (m->has_slot || swb_member_is_under_way(m->state))
                m->heard_at = word->now;
        for (size_t i = 0; i < word->n_events; i++)
                hear_event(rollout, m, &word->events[i], word->now);
        order = swb_version_compare(word->version, rollout->setup.version);
        if (order >= 0 && m->state != SWB_MEMBER_OK && has_completed(word))
                move(rollout, m, SWB_MEMBER_OK, "", word->now);
        else if (order < 0 && m->state == SWB_MEMBER_OK && word->is_check)
                move(rollout, m, SWB_MEMBER_FELL_BACK, "runs an older version again", word->now);
        return true;
}

void swb_rollout_hear_again(struct swb_rollout *rollout, const struct swb_rollout_word *word)
{
        const struct swb_member *m = swb_members_find(&rollout->members, word->machineid);

        if (m && m->is_news)
                (void)swb_rollout_hear(rollout, word);
}

/* --- time --- */

static void sweep_member(struct swb_rollout *r, struct swb_member *m, int64_t now)
{
        const struct swb_plan *plan = &r->setup.plan;
        bool is_silent = now - m->heard_at > (int64_t)plan->silent_seconds;

        /* One that failed and tries again. */
        if (m->state == SWB_MEMBER_FAILED && m->has_slot && is_silent) {
                m->has_slot = false;
                r->n_slots--;
        }
        if (!swb_member_is_under_way(m->state))
                return;
        if (is_silent)
                move(r, m, SWB_MEMBER_SILENT, "silent", now);
        else if (now - m->granted_at > (int64_t)plan->overdue_seconds)
                move(r, m, SWB_MEMBER_SILENT, "overdue", now);
}

void swb_rollout_sweep(struct swb_rollout *rollout, int64_t now, size_t n)
{
        n = SWB_MIN(n, rollout->members.capacity);
        for (size_t i = 0; i < n; i++) {
                rollout->sweep_at = (rollout->sweep_at + 1) & (rollout->members.capacity - 1);
                sweep_member(rollout, &rollout->members.table[rollout->sweep_at], now);
        }
}

enum swb_verdict swb_rollout_judge(const struct swb_rollout *rollout, int64_t now)
{
        const struct swb_rollout_setup *s = &rollout->setup;
        const struct swb_stage *stage = stage_of(rollout);

        if (s->status != SWB_ROLLOUT_ACTIVE)
                return SWB_VERDICT_KEEP;
        if (rollout->halted)
                return SWB_VERDICT_PAUSE;
        if (rollout->need_at == 0 || now - rollout->need_at < (int64_t)stage->bake_seconds)
                return SWB_VERDICT_KEEP;
        if (s->stage + 1 < s->plan.n_stages)
                return SWB_VERDICT_ADVANCE;
        return stage->share_ppm == SWB_ALL_DEVICES_PPM && stage->max_devices == 0
                       ? SWB_VERDICT_FINISH
                       : SWB_VERDICT_KEEP;
}
