/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "bin/swb-server/server.h"

struct server_options server_options = {.data = "/var/lib/switchback-server"};

static const struct swb_opt common_options[] = {
        {0, "data", SWB_OPT_STRING, &server_options.data, "DIR", false,
         "folder of database and payloads (default /var/lib/switchback-server)"},
        {0, "store", SWB_OPT_STRING, &server_options.store, "URL", false,
         "postgresql://...: a database that several servers share (default: in the folder)"},
        {0, "server", SWB_OPT_STRING, &server_options.server, "URL", false,
         "ask this running server instead of the folder"},
        {0, "token-file", SWB_OPT_STRING, &server_options.token_file, "FILE", false,
         "with --server: the token to show"},
        {0, "ca-file", SWB_OPT_STRING, &server_options.ca_file, "FILE", false,
         "with --server: certificates to trust (default: the system's)"},
        {'v', "verbose", SWB_OPT_FLAG, &server_options.verbose, NULL, false, "log more"},
        {0},
};

static void ready(void)
{
        swb_log_init("swb-server", server_options.verbose ? SWB_LOG_DEBUG : SWB_LOG_INFO);
}

int main(int argc, char **argv)
{
        static const struct swb_verb verbs[] = {
                {"serve", "", 0, 0, "answer devices and serve payloads over HTTP",
                 cmd_serve_options, cmd_serve},
                {"publish", "PAYLOAD|IMAGE", 1, 1,
                 "check a payload, or make those of an image, and make them part of a release",
                 cmd_publish_options, cmd_publish},
                {"release", "ACTION [VERSION]", 1, 2,
                 "list, show, set, block, unblock or remove releases", cmd_release_options,
                 cmd_release},
                {"channel", "ACTION [NAME]", 1, 2,
                 "list, set or remove which release a channel gives", cmd_channel_options,
                 cmd_channel},
                {"group", "ACTION [NAME]", 1, 2, "list, show, set or remove groups of devices",
                 cmd_group_options, cmd_group},
                {"rollout", "ACTION [NAME]", 1, 2,
                 "create, list, show, pause, resume, recall, advance, finish or remove rollouts",
                 cmd_rollout_options, cmd_rollout},
                {"explain", "DEVICE", 1, 1, "what a device would be told now, and why",
                 cmd_explain_options, cmd_explain},
                {"app", "ACTION [ID]", 1, 2, "list, show, set, create or remove an app",
                 cmd_app_options, cmd_app},
                {"device", "ACTION DEVICE [TAG...]", 2, -1, "put tags on a device for groups",
                 cmd_device_options, cmd_device},
                {"devices", "", 0, 0, "what is known about each device", cmd_devices_options,
                 cmd_devices},
                {"events", "", 0, 0, "what devices have reported, newest first", cmd_events_options,
                 cmd_events},
                {"egress", "ACTION", 1, 1, "show or set how many bytes may be offered",
                 cmd_egress_options, cmd_egress},
                {"job", "ACTION [NAME]", 1, 2, "make, list, show or cancel work on payloads",
                 cmd_job_options, cmd_job},
                {"image", "ACTION [NAME]", 1, 2,
                 "list or remove stored images and payload files that nobody needs",
                 cmd_image_options, cmd_image},
                {"mirror", "ACTION [NAME]", 1, 2,
                 "list, set or remove where payloads are nearer to some devices",
                 cmd_mirror_options, cmd_mirror},
                {"webhook", "ACTION [NAME]", 1, 2,
                 "add, set, list or remove who is told of changes", cmd_webhook_options,
                 cmd_webhook},
                {"token", "ACTION [NAME]", 1, 2, "create, list or remove programs' access tokens",
                 cmd_token_options, cmd_token},
                {"user", "ACTION [NAME]", 1, 2, "add, list, change or remove users who may log in",
                 cmd_user_options, cmd_user},
                {"audit", "", 0, 0, "who changed what, newest first", cmd_audit_options, cmd_audit},
                {"backup", "FILE|DIR", 1, 1, "copy the database, also while a server runs",
                 cmd_backup_options, cmd_backup},
                {"import-nebraska", "FILE|URL...", 1, -1,
                 "take over what a Nebraska server knows: apps, packages, channels, groups",
                 cmd_import_options, cmd_import_nebraska},
                {0},
        };
        static const struct swb_program program = {
                .name = "swb-server",
                .summary = "Update server: Omaha answers, payloads, releases, channels, groups.",
                .verbs = verbs,
                .options = common_options,
                .ready = ready,
        };

        return swb_program_main(&program, argc, argv);
}
