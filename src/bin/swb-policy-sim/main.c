/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "bin/swb-policy-sim/sim.h"

static struct sim_options options = {.plot = ""};

static const struct swb_opt option_table[] = {
        {'p', "plot", SWB_OPT_STRING, &options.plot, "FILE", false,
         "draw the days as an SVG picture"},
        {0, "devices", SWB_OPT_U64, &options.n_devices, "N", false,
         "so many devices, whatever the file says"},
        {0, "days", SWB_OPT_U64, &options.n_days, "N", false,
         "so many days, whatever the file says"},
        {0, "seed", SWB_OPT_U64, &options.seed, "N", false,
         "other random numbers, whatever the file says"},
        {0},
};

static int run(int n_args, char **args, struct swb_error *err)
{
        (void)n_args;
        return sim_run(&options, args[0], err);
}

static void ready(void)
{
        swb_log_init("swb-policy-sim", SWB_LOG_WARNING);
}

int main(int argc, char **argv)
{
        static const struct swb_verb verbs[] = {
                {"", "FLEET", 1, 1, "", option_table, run},
                {0},
        };
        static const struct swb_program program = {
                .name = "swb-policy-sim",
                .summary = "When the devices of a fleet would check, download, install and reboot.",
                .verbs = verbs,
                .ready = ready,
        };

        return swb_program_main(&program, argc, argv);
}
