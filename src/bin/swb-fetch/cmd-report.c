/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swb-fetch/exchange.h"

static struct exchange_options options;

const struct swb_opt cmd_report_options[] = {
        {0, "url", SWB_OPT_STRING, &options.config.url, "URL", true, "of the update server"},
        {0, "app-id", SWB_OPT_STRING, &options.config.app_id, "ID", true,
         "application whose updates this device takes"},
        {0, "device-id", SWB_OPT_STRING, &options.config.device_id, "ID", true,
         "name of this device for the server"},
        {0, "current-version", SWB_OPT_STRING, &options.config.current_version, "V", true,
         "version that runs now"},
        {0, "channel", SWB_OPT_STRING, &options.config.channel, "NAME", false,
         "channel that the device follows"},
        {0, "hardware-class", SWB_OPT_STRING, &options.config.hardware_class, "NAME", false,
         "hardware class of this device"},
        {0, "board", SWB_OPT_STRING, &options.config.board, "NAME", false, "board of this device"},
        {0, "event", SWB_OPT_LIST, &options.events, "TYPE:RESULT[:...]", true,
         "event to report; may be given several times"},
        {0, "previous-version", SWB_OPT_STRING, &options.previous_version, "V", false,
         "previous version of the events that name none"},
        {0},
};

int cmd_report(int n_args, char **args, struct swb_error *err)
{
        (void)n_args;
        (void)args;
        return exchange_run(&options, err);
}
