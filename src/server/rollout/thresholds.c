/* SPDX-License-Identifier: Apache-2.0 */
/* When a rollout pauses itself, and when its stage is over. */
#include "server/rollout/internal.h"

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

void swb_rollout_check_thresholds(struct swb_rollout *r)
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

void swb_rollout_check_need(struct swb_rollout *r, int64_t now)
{
        if (r->stages[r->setup.stage].ok < r->setup.need)
                r->need_at = 0;
        else if (r->need_at == 0)
                r->need_at = r->setup.need == 0 ? r->setup.stage_opened : now;
}

enum swb_verdict swb_rollout_judge(const struct swb_rollout *rollout, int64_t now)
{
        const struct swb_rollout_setup *s = &rollout->setup;
        const struct swb_stage *stage = swb_rollout_stage(rollout);

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
