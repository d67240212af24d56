/* SPDX-License-Identifier: Apache-2.0 */
#include "server/report/report.h"

static void put_tally(struct swb_json *json, const struct swb_tally *tally)
{
        swb_json_u64(json, "admitted", tally->admitted);
        swb_json_u64(json, "under_way", tally->admitted - swb_tally_ended(tally));
        swb_json_u64(json, "ok", tally->ok);
        swb_json_u64(json, "failed", tally->failed);
        swb_json_u64(json, "fell_back", tally->fell_back);
        swb_json_u64(json, "silent", tally->silent);
}

/* tally NULL: only the plan. */
static void put_stage(struct swb_json *json, const struct swb_stage *stage,
                      const struct swb_tally *tally)
{
        char size[SWB_STAGE_TEXT];

        swb_json_open_object(json, NULL);
        swb_json_str(json, "size", swb_stage_size(stage, size));
        swb_json_u64(json, "share_ppm", stage->share_ppm);
        swb_json_u64(json, "max_devices", stage->max_devices);
        swb_json_u64(json, "bake_seconds", stage->bake_seconds);
        swb_json_u64(json, "concurrency", stage->concurrency);
        swb_json_u64(json, "rate", stage->rate);
        swb_json_u64(json, "rate_seconds", stage->rate_seconds);
        swb_json_u64(json, "need", stage->need);
        if (tally)
                put_tally(json, tally);
        swb_json_close_object(json);
}

static void put_limits(struct swb_json *json, const struct swb_plan *plan)
{
        swb_json_open_object(json, "limits");
        swb_json_u64(json, "max_failures", plan->max_failures);
        swb_json_u64(json, "max_failure_ppm", plan->max_failure_ppm);
        swb_json_u64(json, "min_sample", plan->min_sample);
        swb_json_u64(json, "class_failures", plan->class_failures);
        swb_json_u64(json, "silent_after_seconds", plan->silent_seconds);
        swb_json_u64(json, "overdue_after_seconds", plan->overdue_seconds);
        swb_json_close_object(json);
}

static void put_reasons(struct swb_json *json, const struct swb_reasons *reasons)
{
        swb_json_open_array(json, "reasons");
        for (size_t i = 0; i < reasons->n; i++) {
                if (reasons->list[i].n_bad == 0)
                        continue;
                swb_json_open_object(json, NULL);
                swb_json_str(json, "reason", reasons->list[i].name);
                swb_json_u64(json, "devices", reasons->list[i].n_bad);
                swb_json_close_object(json);
        }
        swb_json_close_array(json);
}

static void put_blocked(struct swb_json *json, const struct swb_reasons *classes)
{
        swb_json_open_array(json, "blocked_hardware");
        for (size_t i = 1; i < classes->n; i++)
                if (classes->list[i].blocked)
                        swb_json_str(json, NULL, classes->list[i].name);
        swb_json_close_array(json);
}

static void put_setup(struct swb_json *json, const struct swb_rollout_setup *s)
{
        char opened[SWB_TIME_TEXT];

        swb_json_u64(json, "stage", s->stage + 1);
        swb_json_str(json, "stage_opened", swb_format_time(s->stage_opened, opened));
        swb_json_u64(json, "need_in_stage", s->need);
        swb_json_u64(json, "deadline_seconds", s->plan.deadline_seconds);
        swb_json_str(json, "priority", swb_priority_to_string(s->plan.priority));
        put_limits(json, &s->plan);
}

static void put_hours(struct swb_json *json, const struct swb_rollout_row *row)
{
        swb_json_str(json, "hours", row->hours);
        swb_json_str(json, "time_zone", row->time_zone);
}

static void put_row(struct swb_json *json, const struct swb_rollout_row *row)
{
        char text[SWB_TIME_TEXT];

        swb_json_str(json, "created", swb_format_time(row->created, text));
        swb_json_str(json, "changed", swb_format_time(row->changed, text));
        put_hours(json, row);
}

void swb_json_rollout_plan(struct swb_json *json, const struct swb_rollout_row *row)
{
        const struct swb_rollout_setup *s = &row->setup;

        swb_json_open_object(json, NULL);
        swb_json_str(json, "name", s->name);
        swb_json_str(json, "channel", s->channel);
        swb_json_str(json, "release", s->version);
        swb_json_str(json, "status", swb_rollout_status_to_string(s->status));
        swb_json_str(json, "reason", s->reason);
        put_hours(json, row);
        put_setup(json, s);
        swb_json_open_array(json, "stages");
        for (size_t i = 0; i < s->plan.n_stages; i++)
                put_stage(json, &s->plan.stages[i], NULL);
        swb_json_close_array(json);
        swb_json_close_object(json);
}

void swb_json_rollout(struct swb_json *json, const char *appid, const struct swb_rollout_row *row,
                      const struct swb_rollout *rollout)
{
        const struct swb_rollout_setup *s = &rollout->setup;
        bool is_halted = rollout->halted && s->status == SWB_ROLLOUT_ACTIVE;

        swb_json_open_object(json, NULL);
        swb_json_str(json, "name", s->name);
        swb_json_str(json, "app", appid);
        swb_json_str(json, "channel", s->channel);
        swb_json_str(json, "release", s->version);
        swb_json_str(json, "status",
                     is_halted ? "paused" : swb_rollout_status_to_string(s->status));
        swb_json_str(json, "reason", is_halted ? rollout->halt_reason : s->reason);
        if (row)
                put_row(json, row);
        put_setup(json, s);
        put_tally(json, &rollout->total);
        swb_json_u64(json, "at_it", rollout->n_slots);
        swb_json_u64(json, "forgiven_bad", s->forgiven.bad);
        swb_json_u64(json, "forgiven_ended", s->forgiven.ended);
        put_reasons(json, &rollout->reasons);
        put_blocked(json, &rollout->classes);
        swb_json_open_array(json, "stages");
        for (size_t i = 0; i < s->plan.n_stages; i++)
                put_stage(json, &s->plan.stages[i], &rollout->stages[i]);
        swb_json_close_array(json);
        swb_json_close_object(json);
}
