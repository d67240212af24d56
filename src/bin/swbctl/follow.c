/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swbctl/swbctl.h"

/* The remaining time moves on this often at least. */
#define REDRAW_USEC 1000000

int follow(struct client *client, struct screen *screen, is_over_t is_over, void *context,
           struct swb_error *err)
{
        _cleanup_(view_done) struct view view = {0};
        int r;

        r = client_watch(client, err);
        while (r >= 0) {
                r = client_read(client, &view, err);
                if (r < 0)
                        return r;
                if (screen)
                        screen_follow(screen, &view);
                r = is_over(context, &view, err);
                if (r != 0)
                        return r;
                r = client_wait(client, REDRAW_USEC, err);
        }
        return r;
}
