/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "base/options.h"
#include "bin/swb-bench-boot/boot.h"

static struct boot_options options = {.backend = "uboot"};

static const struct swb_opt option_table[] = {
        {0, "backend", SWB_OPT_STRING, &options.backend, "NAME", false,
         "where the flags are kept: uboot, gpt, grub or fake (default uboot)"},
        {0, "place", SWB_OPT_STRING, &options.place, "PLACE", true,
         "of the flags, as [boot] place of device.conf"},
        {0, "slot", SWB_OPT_LIST, &options.slots, "A|B=IMAGE", false,
         "image of the slot; both are needed to boot"},
        {0, "cmdline", SWB_OPT_STRING, &options.cmdline, "FILE", false,
         "write the kernel's command line there"},
        {0, "load-command", SWB_OPT_STRING, &options.load_command, "COMMAND", false,
         "loads the kernel: gets the image's path, exit status 0 when it can be started"},
        {0, "init", SWB_OPT_FLAG, &options.init, NULL, false,
         "write the flags as from the factory (slot A good, slot B empty) instead of booting"},
        {'v', "verbose", SWB_OPT_FLAG, &options.verbose, NULL, false, "log more"},
        {0},
};

static int run(int n_args, char **args, struct swb_error *err)
{
        (void)n_args;
        (void)args;
        return boot_run(&options, err);
}

static void ready(void)
{
        swb_log_init("swb-bench-boot", options.verbose ? SWB_LOG_DEBUG : SWB_LOG_INFO);
}

int main(int argc, char **argv)
{
        static const struct swb_verb verbs[] = {
                {"", "", 0, 0, "", option_table, run},
                {0},
        };
        static const struct swb_program program = {
                .name = "swb-bench-boot",
                .summary = "Choose and \"boot\" a slot of a bench as the boot loader of a device "
                           "does.",
                .verbs = verbs,
                .ready = ready,
        };

        return swb_program_main(&program, argc, argv);
}
