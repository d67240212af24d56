/* SPDX-License-Identifier: Apache-2.0 */
#include "server/jobs/result.h"

#define PUBLISHED "published"

json_t *swb_job_result_load(const char *text)
{
        json_t *result = json_loads(text, 0, NULL);

        if (json_is_array(result))
                return result;
        json_decref(result);
        return json_array();
}

/* What was expected of a delta stands beside what it became. */
static json_t *expectation(const struct swb_job_line *line)
{
        const struct swb_candidate *source = line->source;
        uint64_t saving = 0;

        if (strcmp(line->outcome, PUBLISHED) == 0)
                saving = swb_estimate_saving(source->n_devices, line->full_bytes, line->n_bytes);
        return json_pack("{s:b, s:I, s:I, s:I, s:I}", "fallback", source->is_fallback, "full_bytes",
                         (json_int_t)line->full_bytes, "expected_bytes",
                         (json_int_t)source->expected.bytes, "expected_saving",
                         (json_int_t)source->expected_saving, "saving", (json_int_t)saving);
}

int swb_job_result_add(json_t *result, const struct swb_job_line *line)
{
        const struct swb_candidate *source = line->source;
        json_t *row = json_pack("{s:s?, s:I, s:I, s:I, s:s}", "source_version",
                                source ? source->version : NULL, "devices",
                                (json_int_t)(source ? source->n_devices : 0), "bytes",
                                (json_int_t)line->n_bytes, "cpu_msec", (json_int_t)line->cpu_msec,
                                "outcome", line->outcome);
        json_t *more = source ? expectation(line) : NULL;
        int r = 0;

        if (!row || (source && (!more || json_object_update(row, more) < 0)) ||
            json_array_append(result, row) < 0)
                r = -ENOMEM;
        json_decref(more);
        json_decref(row);
        return r;
}

bool swb_job_result_has(const json_t *result, const char *source_version)
{
        const json_t *row;
        size_t i;

        json_array_foreach(result, i, row)
        {
                const char *version = json_string_value(json_object_get(row, "source_version"));

                if (version && strcmp(version, source_version) == 0)
                        return true;
        }
        return false;
}

void swb_job_result_count(const json_t *result, int64_t *cpu_msec, uint64_t *n_bytes)
{
        const json_t *row;
        size_t i;

        json_array_foreach(result, i, row)
        {
                const char *outcome = json_string_value(json_object_get(row, "outcome"));

                if (!json_is_string(json_object_get(row, "source_version")))
                        continue;
                *cpu_msec += json_integer_value(json_object_get(row, "cpu_msec"));
                if (outcome && strcmp(outcome, PUBLISHED) == 0)
                        *n_bytes += (uint64_t)json_integer_value(json_object_get(row, "bytes"));
        }
}
