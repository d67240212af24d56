/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api/plan.h"

#include <inttypes.h>

#include "server/rollout/zone.h"

static const char *const usual_stages[] = {"1%", "10%", "50%", "100%"};

/* "100/1h" has the same form as in a stage. */
static int read_rate(const char *text, struct swb_stage *stage, struct swb_error *err)
{
        char whole[SWB_STAGE_TEXT];
        struct swb_stage read;

        if (!*text) {
                stage->rate = stage->rate_seconds = 0;
                return 0;
        }
        (void)snprintf(whole, sizeof(whole), "100%%:rate=%.40s", text);
        if (swb_stage_parse(whole, stage, &read, err) < 0)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "'rate': '%.40s' is not a number of devices in a time, as 100/1h",
                                text);
        stage->rate = read.rate;
        stage->rate_seconds = read.rate_seconds;
        return 0;
}

/* The values of stages that say nothing else. */
static int read_defaults(const struct swb_api_call *call, struct swb_stage *stage,
                         struct swb_error *err)
{
        const char *rate = NULL;
        int r;

        r = swb_api_u64(call, "bake_seconds", &stage->bake_seconds, err);
        if (r >= 0)
                r = swb_api_u64(call, "need", &stage->need, err);
        if (r >= 0)
                r = swb_api_u64(call, "concurrency", &stage->concurrency, err);
        if (r >= 0)
                r = swb_api_text(call, "rate", &rate, err);
        return r < 0 || !rate ? r : read_rate(rate, stage, err);
}

static int read_stages(const struct swb_api_call *call, struct swb_plan *plan,
                       struct swb_error *err)
{
        struct swb_stage defaults = SWB_STAGE_DEFAULT;
        const char *texts[SWB_STAGES_MAX];
        size_t n = 0;
        json_t *list;
        int r;

        r = swb_api_texts(call, "stages", &list, err);
        if (r >= 0)
                r = read_defaults(call, &defaults, err);
        if (r < 0 || (!list && plan->n_stages > 0))
                return r;
        if (list && (json_array_size(list) == 0 || json_array_size(list) > SWB_STAGES_MAX))
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "'stages': 1 to %d of them",
                                SWB_STAGES_MAX);
        for (; n < (list ? json_array_size(list) : SWB_ELEMENTS(usual_stages)); n++)
                texts[n] = list ? json_string_value(json_array_get(list, n)) : usual_stages[n];
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = swb_stage_parse(texts[i], &defaults, &plan->stages[i], err);
        plan->n_stages = n;
        return r < 0 ? swb_wrap(err, r, "'stages'") : 0;
}

static int read_priority(const struct swb_api_call *call, struct swb_plan *plan,
                         struct swb_error *err)
{
        const char *priority = NULL;
        int r = swb_api_text(call, "priority", &priority, err);

        if (r < 0 || !priority)
                return r;
        plan->priority = swb_priority_from_string(priority);
        if (plan->priority == _SWB_PRIORITY_INVALID)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "'priority': '%.40s' is not low, normal or high", priority);
        return 0;
}

static int read_limits(const struct swb_api_call *call, struct swb_plan *plan,
                       struct swb_error *err)
{
        const struct {
                const char *name;
                uint64_t *value;
        } numbers[] = {{"max_failures", &plan->max_failures},
                       {"min_sample", &plan->min_sample},
                       {"class_failures", &plan->class_failures},
                       {"silent_after_seconds", &plan->silent_seconds},
                       {"overdue_after_seconds", &plan->overdue_seconds},
                       {"deadline_seconds", &plan->deadline_seconds}};
        const char *share = NULL;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < SWB_ELEMENTS(numbers); i++)
                r = swb_api_u64(call, numbers[i].name, numbers[i].value, err);
        if (r >= 0)
                r = swb_api_text(call, "max_failure_rate", &share, err);
        if (r >= 0 && share)
                r = swb_share_parse("'max_failure_rate'", share, &plan->max_failure_ppm, err);
        return r < 0 ? r : read_priority(call, plan, err);
}

static int read_hours(const struct swb_api_call *call, struct swb_rollout_row *row,
                      struct swb_error *err)
{
        _cleanup_(swb_zone_freep) struct swb_zone *zone = NULL;
        int r;

        r = swb_api_copy(call, "hours", row->hours, sizeof(row->hours), err);
        if (r >= 0)
                r = swb_hours_parse(row->hours, &row->setup.plan.hours, err);
        if (r < 0)
                return swb_wrap(err, r, "'hours'");
        r = swb_api_copy(call, "time_zone", row->time_zone, sizeof(row->time_zone), err);
        if (r >= 0)
                r = swb_zone_load(row->time_zone, &zone, err);
        return r < 0 ? swb_wrap(err, r, "'time_zone'") : 0;
}

int swb_api_read_plan(const struct swb_api_call *call, struct swb_rollout_row *row,
                      struct swb_error *err)
{
        int r;

        r = read_stages(call, &row->setup.plan, err);
        if (r >= 0)
                r = read_limits(call, &row->setup.plan, err);
        if (r >= 0)
                r = read_hours(call, row, err);
        return r < 0 ? r : swb_plan_check(&row->setup.plan, err);
}
