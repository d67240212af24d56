/* SPDX-License-Identifier: Apache-2.0 */
/* What devices say, and what their silence means. */
#include "server/rollout/internal.h"

#include "base/text.h"

static void set_failed(struct swb_rollout *r, struct swb_member *m,
                       const struct swb_omaha_event *event, int64_t now)
{
        char name[SWB_FAILURE_NAME];

        if (swb_event_is_fall_back(event))
                swb_rollout_move(r, m, SWB_MEMBER_FELL_BACK, swb_event_failure_name(event, name),
                                 now);
        else if (m->state != SWB_MEMBER_OK && !swb_event_is_of_the_way(event))
                swb_rollout_move(r, m, SWB_MEMBER_FAILED, swb_event_failure_name(event, name), now);
}

/* A failed one stays so until it succeeds, one that is overdue until it ends. */
static void set_progress(struct swb_rollout *r, struct swb_member *m, enum swb_member_state state,
                         int64_t now)
{
        bool is_overdue = m->state == SWB_MEMBER_SILENT &&
                          (uint64_t)(now - m->granted_at) > r->setup.plan.overdue_seconds;

        if (!is_overdue && (swb_member_is_under_way(m->state) || m->state == SWB_MEMBER_SILENT))
                swb_rollout_move(r, m, state, "", now);
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
                swb_rollout_move(rollout, m, SWB_MEMBER_OK, "", word->now);
        else if (order < 0 && m->state == SWB_MEMBER_OK && word->is_check)
                swb_rollout_move(rollout, m, SWB_MEMBER_FELL_BACK, "runs an older version again",
                                 word->now);
        return true;
}

void swb_rollout_hear_again(struct swb_rollout *rollout, const struct swb_rollout_word *word)
{
        const struct swb_member *m = swb_members_find(&rollout->members, word->machineid);

        if (m && m->is_news)
                (void)swb_rollout_hear(rollout, word);
}

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
                swb_rollout_move(r, m, SWB_MEMBER_SILENT, "silent", now);
        else if (now - m->granted_at > (int64_t)plan->overdue_seconds)
                swb_rollout_move(r, m, SWB_MEMBER_SILENT, "overdue", now);
}

void swb_rollout_sweep(struct swb_rollout *rollout, int64_t now, size_t n)
{
        n = SWB_MIN(n, rollout->members.capacity);
        for (size_t i = 0; i < n; i++) {
                rollout->sweep_at = (rollout->sweep_at + 1) & (rollout->members.capacity - 1);
                sweep_member(rollout, &rollout->members.table[rollout->sweep_at], now);
        }
}
