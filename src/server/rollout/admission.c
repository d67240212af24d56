/* SPDX-License-Identifier: Apache-2.0 */
/* Who gets the release now. */
#include "server/rollout/internal.h"

static bool slots_are_used_up(const struct swb_rollout *r)
{
        return swb_rollout_stage(r)->concurrency > 0 &&
               r->n_slots >= swb_rollout_stage(r)->concurrency;
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
        const struct swb_stage *stage = swb_rollout_stage(r);

        if (!ask->within_hours)
                return SWB_HOLD_HOURS;
        if (swb_bucket(&r->bucket_key, ask->machineid) >= stage->share_ppm)
                return SWB_HOLD_STAGE;
        if (stage->max_devices > 0 && r->total.admitted >= stage->max_devices)
                return SWB_HOLD_FULL;
        if (slots_are_used_up(r))
                return SWB_HOLD_CONCURRENCY;
        if (swb_rate_is_used_up(r, ask->now))
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
        swb_rollout_count(r, m, 1);
        swb_rate_note(r, ask->now);
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
                swb_rollout_move(rollout, m, SWB_MEMBER_OFFERED, "", ask->now);
        *ret_taken = m->has_slot ? SWB_TAKEN_NOTHING : SWB_TAKEN_SLOT;
        swb_rollout_take_slot(rollout, m);
        m->heard_at = ask->now;
        *ret_admitted_at = m->granted_at;
        return SWB_HOLD_NONE;
}

static void undo(struct swb_rollout *r, struct swb_member *m, enum swb_taken taken)
{
        if (taken == SWB_TAKEN_NOTHING)
                return;
        swb_rollout_count(r, m, UINT64_MAX);
        if (taken == SWB_TAKEN_PLACE && !m->is_stored) {
                swb_members_remove(&r->members, m);
                return;
        }
        m->has_slot = m->has_stored_slot;
        swb_rollout_count(r, m, 1);
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
        const struct swb_stage *stage = swb_rollout_stage(r);

        return r->halted || r->setup.status != SWB_ROLLOUT_ACTIVE ||
               (stage->max_devices > 0 && r->total.admitted > stage->max_devices) ||
               (stage->concurrency > 0 && r->n_slots > stage->concurrency) ||
               (stage->rate > 0 && swb_rate_sum(r, now) > stage->rate);
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
