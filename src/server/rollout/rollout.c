/* SPDX-License-Identifier: Apache-2.0 */
#include "server/rollout/rollout.h"

#include "base/text.h"
#include "server/rollout/internal.h"

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

const struct swb_stage *swb_rollout_stage(const struct swb_rollout *r)
{
        return &r->setup.plan.stages[r->setup.stage];
}

void swb_rollout_init(struct swb_rollout *rollout, const struct swb_rollout_setup *setup,
                      const struct swb_siphash_key keys[2])
{
        *rollout = (struct swb_rollout){.setup = *setup};
        rollout->bucket_key = swb_bucket_key(setup->salt);
        swb_members_init(&rollout->members, keys);
        swb_reasons_init(&rollout->reasons, "other reasons");
        swb_reasons_init(&rollout->classes, "");
        swb_rollout_check_need(rollout, setup->stage_opened);
}

void swb_rollout_done(struct swb_rollout *rollout)
{
        swb_members_done(&rollout->members);
}

void swb_rollout_configure(struct swb_rollout *rollout, const struct swb_rollout_setup *setup)
{
        const struct swb_stage *old = swb_rollout_stage(rollout);
        uint64_t old_rate_seconds = old->rate_seconds;
        bool is_new_stage = rollout->setup.stage != setup->stage;

        rollout->setup = *setup;
        if (is_new_stage)
                rollout->need_at = 0;
        if (swb_rollout_stage(rollout)->rate_seconds != old_rate_seconds)
                swb_rate_recount(rollout);
        swb_rollout_check_need(rollout, setup->stage_opened);
        rollout->halted = false;
        swb_rollout_check_thresholds(rollout);
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
        swb_rollout_count(rollout, m, 1);
        swb_rollout_check_class(rollout, m);
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
        swb_rate_note(rollout, row->granted_at);
        take_row(rollout, m, row);
        /* Devices come in no order: the last success counts, which is late rather than early. */
        if (m->state == SWB_MEMBER_OK && m->stage == rollout->setup.stage) {
                int64_t at = SWB_MAX(rollout->need_at, m->heard_at);

                swb_rollout_check_need(rollout, at);
                if (rollout->need_at > 0)
                        rollout->need_at = at;
        }
        swb_rollout_check_thresholds(rollout);
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
                swb_rollout_count(rollout, m, UINT64_MAX);
                take_row(rollout, m, row);
                swb_rollout_check_need(rollout, row->heard_at);
                swb_rollout_check_thresholds(rollout);
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

void swb_rollout_lift(struct swb_rollout *rollout, const char *hardware_class)
{
        uint8_t place = swb_reasons_place(&rollout->classes, hardware_class);

        if (place == 0 || rollout->classes.list[place].is_exempt)
                return;
        rollout->classes.list[place].is_exempt = true;
        rollout->classes.list[place].blocked = false;
        rollout->halted = false;
        swb_rollout_check_thresholds(rollout);
}
