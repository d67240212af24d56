/* SPDX-License-Identifier: Apache-2.0 */
#include "device/install/crew.h"

static int start(struct swb_crew *crew, const struct swb_slots *slots, struct swb_error *err)
{
        struct swb_settle_parts parts;
        int r;

        r = swb_beside_new(&crew->hasher, err);
        if (r >= 0)
                r = swb_beside_new(&crew->decoder, err);
        if (r >= 0)
                r = swb_outbox_new(&crew->outbox, err);
        if (r >= 0)
                r = swb_follower_new(slots, &crew->follower, err);
        if (r < 0)
                return r;
        parts = (struct swb_settle_parts){slots, crew->outbox, crew->follower};
        return swb_settler_new(&parts, &crew->settler, err);
}

int swb_crew_start(struct swb_crew *crew, const struct swb_slots *slots, struct swb_error *err)
{
        int r = start(crew, slots, err);

        if (r < 0)
                swb_crew_done(crew);
        return r;
}

void swb_crew_done(struct swb_crew *crew)
{
        crew->settler = swb_settler_free(crew->settler); /* before those it works with */
        crew->follower = swb_follower_free(crew->follower);
        crew->outbox = swb_outbox_free(crew->outbox);
        crew->decoder = swb_beside_free(crew->decoder);
        crew->hasher = swb_beside_free(crew->hasher);
}
