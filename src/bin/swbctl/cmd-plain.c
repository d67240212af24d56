/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs that call one method and are done. */
#include "base/text.h"
#include "bin/swbctl/swbctl.h"

static int call_once(const char *method, struct swb_error *err)
{
        _cleanup_(client_done) struct client client = {0};
        int r;

        r = client_connect(&client, err);
        if (r >= 0)
                r = client_call(&client, method, err);
        return r < 0 ? r : SWB_EXIT_OK;
}

#define PLAIN_VERB(name, method)                                                                   \
        int cmd_##name(int n_args, char **args, struct swb_error *err)                             \
        {                                                                                          \
                (void)n_args;                                                                      \
                (void)args;                                                                        \
                return call_once(method, err);                                                     \
        }

PLAIN_VERB(cancel, "Cancel")
PLAIN_VERB(reboot, "Reboot")
PLAIN_VERB(pause, "Pause")
PLAIN_VERB(resume, "Resume")
PLAIN_VERB(rollback, "Rollback")
PLAIN_VERB(mark_good, "MarkGood")
PLAIN_VERB(mark_bad, "MarkBad")

int cmd_channel(int n_args, char **args, struct swb_error *err)
{
        _cleanup_(client_done) struct client client = {0};
        _cleanup_(view_done) struct view view = {0};
        int r;

        r = client_connect(&client, err);
        if (r >= 0 && n_args > 0)
                r = client_call_with(&client, "SetChannel", NULL, err, "s", args[0]);
        else if (r >= 0)
                r = client_read(&client, &view, err);
        if (r >= 0 && n_args == 0)
                (void)printf("%s\n", view.channel);
        return r < 0 ? r : SWB_EXIT_OK;
}

/* defer TIME [REASON] */
int cmd_defer(int n_args, char **args, struct swb_error *err)
{
        _cleanup_(client_done) struct client client = {0};
        uint64_t usec = 0, until;
        int r;

        if (strcmp(args[0], "off") != 0 && (swb_parse_duration(args[0], &usec) < 0 || usec == 0))
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "'%s' is not a time such as 30m, 2h or 1d, nor 'off'", args[0]);
        until = usec > 0 ? wall_usec() + usec : 0;
        r = client_connect(&client, err);
        if (r >= 0)
                r = client_call_with(&client, "Defer", NULL, err, "ts", until,
                                     n_args > 1 ? args[1] : "");
        return r < 0 ? r : SWB_EXIT_OK;
}
