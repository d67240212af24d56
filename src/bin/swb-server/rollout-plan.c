/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swb-server/rollout-plan.h"

#include <sys/random.h>

#include "base/text.h"
#include "server/rollout/zone.h"

#define USEC_PER_SECOND 1000000u

static const char *const usual_stages[] = {"1%", "10%", "50%", "100%"};

/* The values of stages that say nothing else. A rate has the same form as in a stage. */
static int read_defaults(const struct rollout_options *options, struct swb_stage *ret,
                         struct swb_error *err)
{
        struct swb_stage stage = {.bake_seconds = options->bake_usec / USEC_PER_SECOND,
                                  .concurrency = options->concurrency,
                                  .need = options->need};
        char text[SWB_STAGE_TEXT];

        *ret = stage;
        if (!options->rate)
                return 0;
        (void)snprintf(text, sizeof(text), "100%%:rate=%s", options->rate);
        if (swb_stage_parse(text, &stage, ret, err) < 0)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "option --rate: '%s' is not a number of devices in a time, as "
                                "100/1h",
                                options->rate);
        return 0;
}

static int read_stages(const struct rollout_options *options, struct swb_plan *plan,
                       struct swb_error *err)
{
        const char *const *texts = options->stages.n ? options->stages.items : usual_stages;
        size_t n = options->stages.n ? options->stages.n : SWB_ELEMENTS(usual_stages);
        struct swb_stage defaults;
        int r;

        if (n > SWB_STAGES_MAX)
                return swb_fail(err, -E2BIG, SWB_FAULT_USAGE,
                                "option --stage: given more than %d times", SWB_STAGES_MAX);
        r = read_defaults(options, &defaults, err);
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = swb_stage_parse(texts[i], &defaults, &plan->stages[plan->n_stages++], err);
        return r < 0 ? swb_wrap(err, r, "option --stage") : 0;
}

static int read_limits(const struct rollout_options *options, struct swb_plan *plan,
                       struct swb_error *err)
{
        plan->max_failures = options->max_failures;
        plan->min_sample = options->min_sample;
        plan->class_failures = options->class_failures;
        plan->silent_seconds = options->silent_usec / USEC_PER_SECOND;
        plan->overdue_seconds = options->overdue_usec / USEC_PER_SECOND;
        plan->deadline_seconds = options->deadline_usec / USEC_PER_SECOND;
        plan->priority = swb_priority_from_string(options->priority);
        if (plan->priority == _SWB_PRIORITY_INVALID)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "option --priority: '%s' is not low, normal or high",
                                options->priority);
        return swb_share_parse("option --max-failure-rate", options->failure_rate,
                               &plan->max_failure_ppm, err);
}

static int read_hours(const struct rollout_options *options, struct swb_rollout_row *row,
                      struct swb_error *err)
{
        _cleanup_(swb_zone_freep) struct swb_zone *zone = NULL;
        int r;

        if (strlen(options->hours) > SWB_HOURS_TEXT_MAX)
                return swb_fail(err, -E2BIG, SWB_FAULT_USAGE, "option --hours: too long");
        r = swb_hours_parse(options->hours, &row->setup.plan.hours, err);
        if (r < 0)
                return swb_wrap(err, r, "option --hours");
        r = swb_zone_load(options->time_zone, &zone, err);
        if (r < 0)
                return swb_wrap(err, r, "option --time-zone");
        swb_copy_bounded(row->hours, options->hours, SWB_HOURS_TEXT_MAX);
        swb_copy_bounded(row->time_zone, options->time_zone, sizeof(row->time_zone) - 1);
        return 0;
}

/* Unless one is given, other devices go first each time. */
static int read_salt(const struct rollout_options *options, struct swb_rollout_setup *setup,
                     struct swb_error *err)
{
        uint8_t bytes[16];

        if (options->salt) {
                swb_copy_bounded(setup->salt, options->salt, SWB_NAME_MAX);
                return 0;
        }
        if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
                return swb_fail_errno(err, -EIO, "get random numbers");
        swb_hex_encode(bytes, sizeof(bytes), setup->salt);
        return 0;
}

int rollout_plan_read(const struct rollout_options *options, struct swb_rollout_row *row,
                      struct swb_error *err)
{
        int r;

        r = read_stages(options, &row->setup.plan, err);
        if (r >= 0)
                r = read_limits(options, &row->setup.plan, err);
        if (r >= 0)
                r = read_hours(options, row, err);
        if (r >= 0)
                r = read_salt(options, &row->setup, err);
        if (r < 0)
                return r;
        swb_copy_bounded(row->setup.channel, options->channel, SWB_NAME_MAX);
        return swb_plan_check(&row->setup.plan, err);
}
