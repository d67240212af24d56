/* SPDX-License-Identifier: Apache-2.0 */
#include "server/rollout/plan.h"

#include "base/text.h"

#define TIME_MAX_SECONDS (10ull * 365 * 86400)
#define COUNT_MAX 1000000000ull

static const char *const priority_names[] = {
        [SWB_PRIORITY_NORMAL] = "normal",
        [SWB_PRIORITY_LOW] = "low",
        [SWB_PRIORITY_HIGH] = "high",
};

const char *swb_priority_to_string(enum swb_priority priority)
{
        return priority >= 0 && priority < _SWB_PRIORITY_MAX ? priority_names[priority] : "normal";
}

enum swb_priority swb_priority_from_string(const char *name)
{
        for (int i = 0; i < _SWB_PRIORITY_MAX; i++)
                if (strcmp(name, priority_names[i]) == 0)
                        return (enum swb_priority)i;
        return _SWB_PRIORITY_INVALID;
}

/* Up to four decimals are exact in parts per million. */
static bool read_percent(const char *text, uint32_t *ret_ppm)
{
        size_t n = strcspn(text, ".%"), n_decimals = 0;
        uint64_t ppm = 0;

        if (n == 0 || n > 3 || strspn(text, "0123456789") != n)
                return false;
        for (size_t i = 0; i < n; i++)
                ppm = 10 * ppm + (uint64_t)(text[i] - '0');
        text += n;
        if (*text == '.') {
                n_decimals = strspn(++text, "0123456789");
                if (n_decimals == 0 || n_decimals > 4)
                        return false;
        }
        for (size_t i = 0; i < 4; i++)
                ppm = 10 * ppm + (i < n_decimals ? (uint64_t)(text[i] - '0') : 0);
        if (strcmp(text + n_decimals, "%") != 0 || ppm > SWB_ALL_DEVICES_PPM)
                return false;
        *ret_ppm = (uint32_t)ppm;
        return true;
}

int swb_share_parse(const char *what, const char *text, uint32_t *ret_ppm, struct swb_error *err)
{
        if (!read_percent(text, ret_ppm))
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "%s: '%.80s' is not a share as 5%% or 0.25%%", what, text);
        return 0;
}

static bool read_count(const char *text, uint64_t *ret)
{
        return swb_parse_u64(text, ret) >= 0 && *ret <= COUNT_MAX;
}

static bool read_time(const char *text, uint64_t *ret_seconds)
{
        uint64_t usec;

        if (swb_parse_duration(text, &usec) < 0 || usec / 1000000 > TIME_MAX_SECONDS)
                return false;
        *ret_seconds = usec / 1000000;
        return true;
}

static bool read_rate(char *text, struct swb_stage *stage)
{
        char *slash = strchr(text, '/');

        if (!slash)
                return false;
        *slash = '\0';
        return read_count(text, &stage->rate) && read_time(slash + 1, &stage->rate_seconds) &&
               stage->rate_seconds > 0;
}

static bool read_part(char *part, struct swb_stage *stage)
{
        char *value = strchr(part, '=');

        if (!value)
                return false;
        *value++ = '\0';
        if (strcmp(part, "bake") == 0)
                return read_time(value, &stage->bake_seconds);
        if (strcmp(part, "concurrency") == 0)
                return read_count(value, &stage->concurrency);
        if (strcmp(part, "need") == 0)
                return read_count(value, &stage->need);
        return strcmp(part, "rate") == 0 && read_rate(value, stage);
}

static bool read_size(const char *text, struct swb_stage *stage)
{
        stage->share_ppm = SWB_ALL_DEVICES_PPM;
        stage->max_devices = 0;
        if (strchr(text, '%'))
                return read_percent(text, &stage->share_ppm) && stage->share_ppm > 0;
        return read_count(text, &stage->max_devices) && stage->max_devices > 0;
}

int swb_stage_parse(const char *text, const struct swb_stage *defaults, struct swb_stage *ret,
                    struct swb_error *err)
{
        struct swb_stage stage = *defaults;
        char copy[SWB_STAGE_TEXT], *rest = copy, *part;
        bool ok = strlen(text) < sizeof(copy);

        if (ok) {
                swb_copy_bounded(copy, text, sizeof(copy) - 1);
                ok = read_size(strsep(&rest, ":"), &stage);
        }
        while (ok && (part = strsep(&rest, ":")))
                ok = read_part(part, &stage);
        if (!ok)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "'%.96s' is not a stage: write its size, as 1%% or 50 (devices), "
                                "then :bake=TIME, :concurrency=N, :rate=N/TIME, :need=N as wanted",
                                text);
        *ret = stage;
        return 0;
}

const char *swb_stage_size(const struct swb_stage *stage, char *text)
{
        unsigned whole = stage->share_ppm / 10000, decimals = stage->share_ppm % 10000;
        int n;

        if (stage->max_devices > 0) {
                (void)snprintf(text, SWB_STAGE_TEXT, "%llu devices",
                               (unsigned long long)stage->max_devices);
                return text;
        }
        n = snprintf(text, SWB_STAGE_TEXT, decimals ? "%u.%04u" : "%u", whole, decimals);
        while (decimals && text[n - 1] == '0')
                n--;
        text[n] = '%';
        text[n + 1] = '\0';
        return text;
}

static bool is_smaller(const struct swb_stage *stage, const struct swb_stage *before)
{
        if (stage->max_devices > 0)
                /* A number behind a share: nobody can say how many that was. */
                return before->max_devices == 0 || stage->max_devices < before->max_devices;
        return before->max_devices == 0 && stage->share_ppm < before->share_ppm;
}

int swb_plan_check(const struct swb_plan *plan, struct swb_error *err)
{
        char size[SWB_STAGE_TEXT], before[SWB_STAGE_TEXT];

        if (plan->n_stages == 0)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "a rollout needs a stage");
        for (size_t i = 1; i < plan->n_stages; i++)
                if (is_smaller(&plan->stages[i], &plan->stages[i - 1]))
                        return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                        "stage %zu (%s) must not be smaller than the one before "
                                        "(%s); numbers of devices come before shares",
                                        i + 1, swb_stage_size(&plan->stages[i], size),
                                        swb_stage_size(&plan->stages[i - 1], before));
        if (plan->max_failures == 0 && plan->max_failure_ppm == 0)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "a rollout needs a number or a share of failures at which it "
                                "stops");
        if (plan->silent_seconds == 0 || plan->overdue_seconds == 0)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "the times after which a device is silent or overdue can't be 0");
        return 0;
}
