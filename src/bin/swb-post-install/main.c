/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "bin/swb-post-install/post_install.h"

static struct post_install_options options = {
        .timeout_usec = UINT64_C(300000000),
};

static const struct swb_opt option_table[] = {
        {0, "root", SWB_OPT_STRING, &options.root, "PATH", true,
         "the new system: a block device, or a folder"},
        {0, "place", SWB_OPT_STRING, &options.place, "DIR", true,
         "any folder: the new system is mounted over it, where nobody else sees it"},
        {0, "program", SWB_OPT_STRING, &options.program, "PATH", true,
         "what to run, in the new system"},
        {0, "timeout", SWB_OPT_DURATION, &options.timeout_usec, "TIME", false,
         "end it after this time (default 5m)"},
        {0, "optional", SWB_OPT_FLAG, &options.optional, NULL, false,
         "a system without this program is well"},
        {0, "old-version", SWB_OPT_STRING, &options.old_version, "V", false,
         "the version that runs, for SWB_OLD_VERSION"},
        {0, "new-version", SWB_OPT_STRING, &options.new_version, "V", false,
         "the version that was installed, for SWB_NEW_VERSION"},
        {0, "slot", SWB_OPT_STRING, &options.slot, "SLOT", false,
         "where it was installed, for SWB_SLOT"},
        {0, "control", SWB_OPT_STRING, &options.control, "FD", false,
         "send messages to this SOCK_SEQPACKET socket"},
        {0},
};

static int run(int n_args, char **args, struct swb_error *err)
{
        (void)n_args;
        (void)args;
        return post_install_run(&options, err);
}

static void ready(void)
{
        swb_log_init("swb-post-install", SWB_LOG_INFO);
}

int main(int argc, char **argv)
{
        static const struct swb_verb verbs[] = {
                {"", "", 0, 0, "", option_table, run},
                {0},
        };
        static const struct swb_program program = {
                .name = "swb-post-install",
                .summary = "Run a program of the system just installed, before its first boot.",
                .verbs = verbs,
                .ready = ready,
        };

        return swb_program_main(&program, argc, argv);
}
