/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swbctl/swbctl.h"

static bool wait_for_it;

const struct swb_opt cmd_check_options[] = {
        {'w', "wait", SWB_OPT_FLAG, &wait_for_it, NULL, false,
         "wait for the server's answer and show it"},
        {0},
};

/* context: time of the last check before ours. */
static int is_over(void *context, const struct view *view, struct swb_error *err)
{
        const uint64_t *before = context;

        if (view->last_check_usec == *before)
                return 0;
        if (view->last_error[0] != '\0')
                return swb_fail(err, -EIO, SWB_FAULT_NETWORK, "%s", view->last_error_text);
        if (view->available_version[0] != '\0')
                (void)printf("version %s is available\n", view->available_version);
        else
                (void)printf("no update, version %s is up to date\n", view->current_version);
        return 1;
}

int cmd_check(int n_args, char **args, struct swb_error *err)
{
        _cleanup_(client_done) struct client client = {0};
        _cleanup_(view_done) struct view before = {0};
        int r;

        (void)n_args;
        (void)args;
        r = client_connect(&client, err);
        if (r >= 0)
                r = client_read(&client, &before, err);
        if (r >= 0)
                r = client_call(&client, "Check", err);
        if (r >= 0 && wait_for_it)
                r = follow(&client, NULL, is_over, &before.last_check_usec, err);
        return r < 0 ? r : SWB_EXIT_OK;
}
