/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "bin/swbd/journal.h"
#include "bin/swbd/swbd.h"

static struct swbd_options options = {
        .config = "/etc/switchback/device.conf",
        .log_level = "info",
};

static const struct swb_opt option_table[] = {
        {'c', "config", SWB_OPT_STRING, &options.config, "FILE", false,
         "configuration (default /etc/switchback/device.conf)"},
        {0, "log-level", SWB_OPT_STRING, &options.log_level, "LEVEL", false,
         "error, warning, notice, info or debug (default info)"},
        {0, "no-bus", SWB_OPT_FLAG, &options.no_bus, NULL, false,
         "run without D-Bus, for debugging"},
        {0},
};

static int run(int n_args, char **args, struct swb_error *err)
{
        enum swb_log_level level = swb_log_level_from_string(options.log_level);

        (void)n_args;
        (void)args;
        if (level == _SWB_LOG_INVALID)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "option --log-level: '%s' is not error, warning, notice, info or "
                                "debug",
                                options.log_level);
        swb_log_set_threshold(level);
        return swbd_run(&options, err);
}

static void ready(void)
{
        swb_log_init("swbd", SWB_LOG_INFO);
        swbd_journal_start();
}

int main(int argc, char **argv)
{
        static const struct swb_verb verbs[] = {
                {"", "", 0, 0, "", option_table, run},
                {0},
        };
        static const struct swb_program program = {
                .name = "swbd",
                .summary = "The update engine: checks, installs, reboots and confirms.",
                .verbs = verbs,
                .ready = ready,
        };

        return swb_program_main(&program, argc, argv);
}
