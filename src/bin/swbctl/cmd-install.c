/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swbctl/swbctl.h"

static bool wait_for_it;

const struct swb_opt cmd_install_options[] = {
        {'w', "wait", SWB_OPT_FLAG, &wait_for_it, NULL, false,
         "show the progress until the update is installed"},
        {0},
};

static bool is_one_of(const char *state, const char *const *states)
{
        for (; *states; states++)
                if (strcmp(state, *states) == 0)
                        return true;
        return false;
}

static int is_over(void *context, const struct view *view, struct swb_error *err)
{
        static const char *const done[] = {"updated", "rebooting", NULL};
        static const char *const stopped[] = {"idle", "available", "held", NULL};

        (void)context;
        if (is_one_of(view->state, done))
                return 1;
        if (!is_one_of(view->state, stopped))
                return 0;
        if (view->last_error[0] != '\0')
                return swb_fail(err, -EIO, SWB_FAULT_IO, "%s", view->last_error_text);
        if (strcmp(view->state, "idle") != 0)
                return swb_fail(err, -ECANCELED, SWB_FAULT_CANCELLED, "version %s is not installed",
                                view->available_version);
        return 1;
}

int cmd_install(int n_args, char **args, struct swb_error *err)
{
        _cleanup_(client_done) struct client client = {0};
        _cleanup_(screen_done) struct screen screen;
        int r;

        (void)n_args;
        (void)args;
        screen_init(&screen);
        r = client_connect(&client, err);
        if (r >= 0)
                r = client_call(&client, "Install", err);
        if (r >= 0 && wait_for_it)
                r = follow(&client, &screen, is_over, NULL, err);
        return r < 0 ? r : SWB_EXIT_OK;
}
