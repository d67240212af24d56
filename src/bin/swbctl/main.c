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
                {"install", "[FILE|URL]", 0, 1,
                 "install the update, or go on with it; or the payload in this file or URL",
                 cmd_install_options, cmd_install},
                {"repair", "", 0, 0,
                 "read the installed update back once more, and mend what is wrong",
                 cmd_repair_options, cmd_repair},
                {"cancel", "", 0, 0, "stop a check or a download; what is done is kept", NULL,
                 cmd_cancel},
                {"reboot", "", 0, 0, "reboot into the installed update", NULL, cmd_reboot},
                {"doctor", "", 0, 0, "is this device fit for updates? Heals what can be healed",
                 cmd_doctor_options, cmd_doctor},
                {"why", "", 0, 0, "what may happen now, and if not, why not", cmd_why_options,
                 cmd_why},
                {"pause", "", 0, 0, "hold everything until resume", NULL, cmd_pause},
                {"resume", "", 0, 0, "end a pause", NULL, cmd_resume},
                {"defer", "TIME|off [REASON]", 1, 2, "put the update off for a time", NULL,
                 cmd_defer},
                {"inhibit", "COMMAND [ARGUMENT...]", 1, -1,
                 "run a command, and hold the update as long as it runs", cmd_inhibit_options,
                 cmd_inhibit},
                {"history", "", 0, 0, "what became of earlier updates", cmd_history_options,
                 cmd_history},
                {"channel", "[NAME]", 0, 1, "show the channel, or follow another one", NULL,
                 cmd_channel},
                {"rollback", "", 0, 0, "reboot into the other slot's system", NULL, cmd_rollback},
                {"mark-good", "", 0, 0, "the running system is well, whatever checks say", NULL,
                 cmd_mark_good},
                {"mark-bad", "", 0, 0, "leave the running system, as if a check had failed", NULL,
                 cmd_mark_bad},
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
