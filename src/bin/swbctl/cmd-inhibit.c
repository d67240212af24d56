/* SPDX-License-Identifier: Apache-2.0 */
/* Run a command, and hold gates as long as it runs. */
#include <sys/wait.h>

#include "bin/swbctl/swbctl.h"

#define NOT_FOUND 127
#define KILLED 128 /* plus the signal's number, as shells have it */

static const char *who = "", *why = "", *gates = "download:install:reboot";
static uint64_t max_usec = 3600 * UINT64_C(1000000);

const struct swb_opt cmd_inhibit_options[] = {
        {0, "gates", SWB_OPT_STRING, &gates, "GATES", false,
         "check, download, install, reboot, joined by colons (default all but check)"},
        {0, "who", SWB_OPT_STRING, &who, "NAME", false, "who holds them (default: the command)"},
        {0, "why", SWB_OPT_STRING, &why, "TEXT", false, "the reason, for people"},
        {0, "max", SWB_OPT_DURATION, &max_usec, "TIME", false,
         "let go after this at the latest (default 1h)"},
        {0},
};

static int run(char **args, struct swb_error *err)
{
        pid_t pid = fork();
        int status = 0;

        if (pid < 0)
                return swb_fail_errno(err, errno, "start '%s'", args[0]);
        if (pid == 0) {
                (void)execvp(args[0], args);
                (void)fprintf(stderr, "swbctl: start '%s': %s\n", args[0], strerror(errno));
                _exit(NOT_FOUND);
        }
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return swb_fail_errno(err, errno, "wait for '%s'", args[0]);
        return WIFEXITED(status) ? WEXITSTATUS(status) : KILLED + WTERMSIG(status);
}

int cmd_inhibit(int n_args, char **args, struct swb_error *err)
{
        _cleanup_(client_done) struct client client = {0};
        _cleanup_(reply_done) sd_bus_message *reply = NULL;
        int r, fd;

        (void)n_args;
        r = client_connect(&client, err);
        if (r >= 0)
                r = client_call_with(&client, "Inhibit", &reply, err, "ssst",
                                     who[0] ? who : args[0], why, gates, max_usec / 1000000);
        if (r < 0)
                return r;
        /* The message owns the descriptor, which is closed on exec: we hold it, not the command. */
        r = sd_bus_message_read(reply, "h", &fd);
        if (r < 0)
                return swb_fail(err, r, SWB_FAULT_PROTOCOL, "swbd's answer: %s", strerror(-r));
        return run(args, err);
}
