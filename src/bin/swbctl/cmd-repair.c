/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swbctl/swbctl.h"

/* The slot was found wrong, then wrong again: its medium does not keep what is written. */
#define STOPS_MAX 2u

static bool wait_for_it;

const struct swb_opt cmd_repair_options[] = {
        {'w', "wait", SWB_OPT_FLAG, &wait_for_it, NULL, false,
         "show the progress until the update is as it should be"},
        {0},
};

struct repair {
        bool is_stopped;
        unsigned stops; /* how often it found the slot wrong */
};

/* A slot that is wrong stops the engine for a second, then it writes. */
static int is_over(void *context, const struct view *view, struct swb_error *err)
{
        struct repair *repair = context;
        bool was_stopped = repair->is_stopped;

        if (strcmp(view->state, "updated") == 0 || strcmp(view->state, "rebooting") == 0)
                return 1;
        repair->is_stopped = strcmp(view->state, "available") == 0 ||
                             strcmp(view->state, "held") == 0 || strcmp(view->state, "idle") == 0;
        if (!repair->is_stopped)
                return 0;
        repair->stops += !was_stopped;
        if (strcmp(view->last_error, "readback") == 0 && repair->stops < STOPS_MAX)
                return 0;
        if (view->last_error[0] == '\0')
                return swb_fail(err, -ECANCELED, SWB_FAULT_CANCELLED, "version %s is not installed",
                                view->available_version);
        return swb_fail(err, -EIO, SWB_FAULT_IO, "%s", view->last_error_text);
}

int cmd_repair(int n_args _unused_, char **args _unused_, struct swb_error *err)
{
        _cleanup_(client_done) struct client client = {0};
        _cleanup_(screen_done) struct screen screen;
        struct repair repair = {0};
        int r;

        screen_init(&screen);
        r = client_connect(&client, err);
        if (r >= 0)
                r = client_call(&client, "Repair", err);
        if (r >= 0 && wait_for_it)
                r = follow(&client, &screen, is_over, &repair, err);
        return r < 0 ? r : SWB_EXIT_OK;
}
