/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "bin/swb-fetch/exchange.h"

static struct exchange_options options;
static const char *ping_active_day, *ping_day;

const struct swb_opt cmd_check_options[] = {
        {0, "url", SWB_OPT_STRING, &options.config.url, "URL", true, "of the update server"},
        {0, "app-id", SWB_OPT_STRING, &options.config.app_id, "ID", true,
         "application whose updates this device takes"},
        {0, "device-id", SWB_OPT_STRING, &options.config.device_id, "ID", true,
         "name of this device for the server"},
        {0, "current-version", SWB_OPT_STRING, &options.config.current_version, "V", true,
         "version that runs now"},
        {0, "channel", SWB_OPT_STRING, &options.config.channel, "NAME", false, "channel to follow"},
        {0, "hardware-class", SWB_OPT_STRING, &options.config.hardware_class, "NAME", false,
         "hardware class of this device"},
        {0, "board", SWB_OPT_STRING, &options.config.board, "NAME", false, "board of this device"},
        {0, "reads", SWB_OPT_STRING, &options.config.reads, "TEXT", false,
         "which payloads this device can apply, as swb-install --abilities says it"},
        {0, "no-delta", SWB_OPT_FLAG, &options.config.no_delta, NULL, false,
         "ask for a full payload"},
        {0, "interactive", SWB_OPT_FLAG, &options.config.interactive, NULL, false,
         "a person asked for this check"},
        {0, "cohort", SWB_OPT_STRING, &options.config.cohort, "TEXT", false,
         "cohort that the server gave last"},
        {0, "cohort-hint", SWB_OPT_STRING, &options.config.cohort_hint, "TEXT", false,
         "cohort hint that the server gave last"},
        {0, "cohort-name", SWB_OPT_STRING, &options.config.cohort_name, "TEXT", false,
         "cohort name that the server gave last"},
        {0, "ping-active-day", SWB_OPT_STRING, &ping_active_day, "DAY", false,
         "the server's day of the last check at which the device was in use; -1 for never"},
        {0, "ping-day", SWB_OPT_STRING, &ping_day, "DAY", false,
         "the server's day of the last check; -1 for never"},
        {0, "event", SWB_OPT_LIST, &options.events, "TYPE:RESULT[:...]", false,
         "event to report along with the check; may be given several times"},
        {0, "previous-version", SWB_OPT_STRING, &options.previous_version, "V", false,
         "previous version of the events that name none"},
        {0},
};

static int parse_day(const char *name, const char *text, int32_t *ret, struct swb_error *err)
{
        int64_t day = SWB_OMAHA_DAYS_UNKNOWN;

        if (text &&
            (swb_parse_i64(text, &day) < 0 || day < SWB_OMAHA_DAYS_UNKNOWN || day > INT32_MAX))
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "option --%s: '%s' is not a number of days", name, text);
        *ret = (int32_t)day;
        return 0;
}

int cmd_check(int n_args, char **args, struct swb_error *err)
{
        int r;

        (void)n_args;
        (void)args;
        options.config.check = true;
        r = parse_day("ping-active-day", ping_active_day, &options.config.ping_active_day, err);
        if (r >= 0)
                r = parse_day("ping-day", ping_day, &options.config.ping_day, err);
        return r < 0 ? r : exchange_run(&options, err);
}
