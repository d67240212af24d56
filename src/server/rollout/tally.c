/* SPDX-License-Identifier: Apache-2.0 */
/* How many members are in which state: every change of a member is counted here. */
#include "server/rollout/internal.h"

uint64_t swb_tally_bad(const struct swb_tally *tally)
{
        return tally->failed + tally->fell_back + tally->silent;
}

uint64_t swb_tally_ended(const struct swb_tally *tally)
{
        return tally->ok + swb_tally_bad(tally);
}

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
void swb_rollout_count(struct swb_rollout *r, const struct swb_member *m, uint64_t by)
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

void swb_rollout_check_class(struct swb_rollout *r, const struct swb_member *m)
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

void swb_rollout_move(struct swb_rollout *r, struct swb_member *m, enum swb_member_state state,
                      const char *reason, int64_t now)
{
        swb_rollout_count(r, m, UINT64_MAX);
        m->state = (uint8_t)state;
        m->has_slot = m->has_slot && swb_member_is_under_way(state);
        m->has_stored_slot = m->has_stored_slot && m->has_slot;
        m->reason = swb_member_is_bad(state) ? swb_reasons_place(&r->reasons, reason) : 0;
        /* The end of one that is silent is not a sign of life. */
        if (state != SWB_MEMBER_SILENT)
                m->heard_at = now;
        swb_rollout_count(r, m, 1);
        swb_rollout_check_class(r, m);
        swb_rollout_check_need(r, now);
        swb_rollout_check_thresholds(r);
}

void swb_rollout_take_slot(struct swb_rollout *r, struct swb_member *m)
{
        r->n_slots += !m->has_slot;
        m->has_slot = true;
}
