/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "bin/swbctl/swbctl.h"

static void ready(void)
{
        swb_log_init("swbctl", SWB_LOG_WARNING);
}

int main(int argc, char **argv)
{
        static const struct swb_verb verbs[] = {
                {"status", "", 0, 0, "show what the engine does", cmd_status_options, cmd_status},
                {"check", "", 0, 0, "ask the server for an update now", cmd_check_options,
                 cmd_check},
                {"install", "", 0, 0, "install the update, or go on with it", cmd_install_options,
                 cmd_install},
                {"cancel", "", 0, 0, "stop a check or a download; what is done is kept", NULL,
                 cmd_cancel},
                {"reboot", "", 0, 0, "reboot into the installed update", NULL, cmd_reboot},
                {"doctor", "", 0, 0, "is this device fit for updates? Heals what can be healed",
                 cmd_doctor_options, cmd_doctor},
                {0},
        };
        static const struct swb_program program = {
                .name = "swbctl",
                .summary = "See and steer the update engine.",
                .verbs = verbs,
                .ready = ready,
        };

        return swb_program_main(&program, argc, argv);
}
