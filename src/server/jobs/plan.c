/* SPDX-License-Identifier: Apache-2.0 */
#include "server/jobs/plan.h"

#include <jansson.h>

char *swb_payloads_plan_text(const struct swb_payloads_plan *plan)
{
        json_t *json = json_pack("{s:s, s:I, s:I, s:I}", "channel", plan->channel, "max_deltas",
                                 (json_int_t)plan->max_deltas, "cpu_seconds",
                                 (json_int_t)plan->cpu_seconds, "delta_bytes",
                                 (json_int_t)plan->delta_bytes);
        char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

        json_decref(json);
        return text;
}

static uint64_t number_of(const json_t *json, const char *name, uint64_t otherwise)
{
        const json_t *value = json_object_get(json, name);

        return json_is_integer(value) ? (uint64_t)json_integer_value(value) : otherwise;
}

void swb_payloads_plan_read(const char *text, struct swb_payloads_plan *ret)
{
        json_t *json = json_loads(text, 0, NULL);

        *ret = SWB_PAYLOADS_PLAN_DEFAULT;
        ret->max_deltas = number_of(json, "max_deltas", ret->max_deltas);
        ret->cpu_seconds = number_of(json, "cpu_seconds", ret->cpu_seconds);
        ret->delta_bytes = number_of(json, "delta_bytes", ret->delta_bytes);
        swb_copy_bounded(ret->channel, json_string_value(json_object_get(json, "channel")),
                         SWB_NAME_MAX);
        json_decref(json);
}
