/* SPDX-License-Identifier: Apache-2.0 */
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

int cmd_cancel(int n_args, char **args, struct swb_error *err)
{
        (void)n_args;
        (void)args;
        return call_once("Cancel", err);
}

int cmd_reboot(int n_args, char **args, struct swb_error *err)
{
        (void)n_args;
        (void)args;
        return call_once("Reboot", err);
}
