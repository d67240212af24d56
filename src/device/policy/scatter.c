/* SPDX-License-Identifier: Apache-2.0 */
#include "device/policy/scatter.h"

#include "base/text.h"

#define LONGEST_USEC (28 * 86400 * UINT64_C(1000000))
#define STAGE_TEXT 32

/* "4d:50" */
static int parse_stage(const char *text, size_t n, uint64_t *ret_end, unsigned *ret_percent)
{
        char copy[STAGE_TEXT], *colon;
        uint64_t percent;

        if (n >= sizeof(copy))
                return -EINVAL;
        memcpy(copy, text, n);
        copy[n] = '\0';
        colon = strchr(copy, ':');
        if (!colon)
                return -EINVAL;
        *colon = '\0';
        if (swb_parse_duration(copy, ret_end) < 0 || swb_parse_u64(colon + 1, &percent) < 0 ||
            percent > 100)
                return -EINVAL;
        *ret_percent = (unsigned)percent;
        return 0;
}

static int wrong(const char *text, struct swb_error *err)
{
        return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG,
                        "'%s' is not a list such as \"1d:10, 4d:50, 8d:100\" with growing times "
                        "(up to 28d) "
                        "and percents up to 100",
                        text);
}

int swb_staging_parse(const char *text, struct swb_staging *ret, struct swb_error *err)
{
        struct swb_staging staging = {0};
        uint64_t last_end = 0;
        unsigned last_percent = 0;

        for (const char *p = text; *p; staging.n++) {
                size_t n;

                p += strspn(p, " ");
                n = strcspn(p, ",");
                if (staging.n == SWB_STAGES_MAX ||
                    parse_stage(p, n, &staging.stage[staging.n].end_usec,
                                &staging.stage[staging.n].percent) < 0 ||
                    staging.stage[staging.n].end_usec <= last_end ||
                    staging.stage[staging.n].percent <= last_percent)
                        return wrong(text, err);
                last_end = staging.stage[staging.n].end_usec;
                last_percent = staging.stage[staging.n].percent;
                p += n + (p[n] == ',');
        }
        if (staging.n > 0 && (last_percent != 100 || last_end > LONGEST_USEC))
                return wrong(text, err);
        *ret = staging;
        return 0;
}

static uint64_t draw_stage(const struct swb_staging *staging, uint64_t dice)
{
        unsigned percent = (unsigned)(dice % 100) + 1;
        uint64_t start = 0;
        size_t i = 0;

        while (staging->stage[i].percent < percent)
                start = staging->stage[i++].end_usec;
        return start + dice / 100 % (staging->stage[i].end_usec - start + 1);
}

uint64_t swb_scatter_draw(const struct swb_config *config, uint64_t dice)
{
        struct swb_staging staging;

        /* Whatever is wrong, the device updates. */
        if (swb_staging_parse(config->policy.staging, &staging, NULL) >= 0 && staging.n > 0)
                return draw_stage(&staging, dice);
        return dice % (config->policy.scatter_usec + 1);
}
