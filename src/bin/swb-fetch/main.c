/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "bin/swb-fetch/fetch.h"

struct fetch_options fetch_options;

static const struct swb_opt common_options[] = {
        {0, "control", SWB_OPT_STRING, &fetch_options.control, "FD", false,
         "send messages to this SOCK_SEQPACKET socket instead of printing"},
        {0, "user", SWB_OPT_STRING, &fetch_options.user, "NAME", false,
         "become this user before anything else"},
        {0, "ca-file", SWB_OPT_STRING, &fetch_options.ca_file, "FILE", false,
         "certificates to trust (otherwise the system's)"},
        {0, "answer-keys", SWB_OPT_STRING, &fetch_options.answer_keys, "DIR", false,
         "believe an answer only if it is signed with a key of this folder (N.pem)"},
        {0, "connect-timeout", SWB_OPT_DURATION, &fetch_options.connect_timeout_usec, "TIME", false,
         "for a connection to be made (default 30s)"},
        {'v', "verbose", SWB_OPT_FLAG, &fetch_options.verbose, NULL, false, "log more"},
        {0},
};

static void ready(void)
{
        swb_log_init("swb-fetch", fetch_options.verbose ? SWB_LOG_DEBUG : SWB_LOG_INFO);
}

struct swb_http_config fetch_http_config(void)
{
        return (struct swb_http_config){
                .connect_timeout_usec = fetch_options.connect_timeout_usec,
                .ca_file = fetch_options.ca_file,
        };
}

int main(int argc, char **argv)
{
        static const struct swb_verb verbs[] = {
                {"check", "", 0, 0, "ask the update server whether there is an update",
                 cmd_check_options, cmd_check},
                {"report", "", 0, 0, "tell the update server what happened", cmd_report_options,
                 cmd_report},
                {"get", "", 0, 0, "write a payload to standard output, from an offset to its end",
                 cmd_get_options, cmd_get},
                {"look", "URL", 1, 1, "see what a payload is, by the description beside it",
                 cmd_look_options, cmd_look},
                {"reach", "", 0, 0, "see whether the update server can be reached",
                 cmd_reach_options, cmd_reach},
                {0},
        };
        static const struct swb_program program = {
                .name = "swb-fetch",
                .summary = "The update engine's only process with a network.",
                .verbs = verbs,
                .options = common_options,
                .ready = ready,
        };

        return swb_program_main(&program, argc, argv);
}
