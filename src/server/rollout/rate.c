/* SPDX-License-Identifier: Apache-2.0 */
/* How many devices a stage has admitted in its time. */
#include "server/rollout/internal.h"

/* A rate's time is counted in pieces, and one more than fits is summed up: whatever window of that
 * length one looks at, it lies within them. */
#define RATE_PIECES 60

static int64_t rate_piece(const struct swb_rollout *r, int64_t t)
{
        int64_t seconds =
                (int64_t)((swb_rollout_stage(r)->rate_seconds + RATE_PIECES - 1) / RATE_PIECES);

        return t / SWB_MAX(seconds, 1);
}

void swb_rate_note(struct swb_rollout *r, int64_t t)
{
        int64_t piece = rate_piece(r, t);
        size_t i = (size_t)piece % SWB_RATE_BUCKETS;

        /* Older ones may come when the server starts; the newer count stays. */
        if (r->rate_times[i] < piece) {
                r->rate_times[i] = piece;
                r->rate_counts[i] = 0;
        }
        if (r->rate_times[i] == piece)
                r->rate_counts[i]++;
}

uint64_t swb_rate_sum(const struct swb_rollout *r, int64_t now)
{
        int64_t piece = rate_piece(r, now);
        uint64_t n = 0;

        for (size_t i = 0; i < SWB_RATE_BUCKETS; i++)
                if (r->rate_times[i] >= piece - RATE_PIECES)
                        n += r->rate_counts[i];
        return n;
}

bool swb_rate_is_used_up(const struct swb_rollout *r, int64_t now)
{
        return swb_rollout_stage(r)->rate > 0 && swb_rate_sum(r, now) >= swb_rollout_stage(r)->rate;
}

void swb_rate_recount(struct swb_rollout *r)
{
        memset(r->rate_counts, 0, sizeof(r->rate_counts));
        memset(r->rate_times, 0, sizeof(r->rate_times));
        for (size_t i = 0; i < r->members.capacity; i++)
                if (r->members.table[i].state != SWB_MEMBER_NONE)
                        swb_rate_note(r, r->members.table[i].granted_at);
}
