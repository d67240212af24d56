/* SPDX-License-Identifier: Apache-2.0 */
/* Several servers on one database: each follows what the others have stored. */
#include "server/rollout/live_internal.h"

struct follow {
        struct swb_rollouts *rollouts;
        int64_t rollout, seen;
};

static int follow_row(const char *machineid, const struct swb_member_row *row, int64_t seq,
                      void *userdata, struct swb_error *err)
{
        struct follow *follow = userdata;
        struct swb_rollout *model;
        int r = 0;

        follow->seen = SWB_MAX(follow->seen, seq);
        (void)pthread_mutex_lock(&follow->rollouts->lock);
        model = swb_rollouts_find(follow->rollouts, follow->rollout);
        if (model)
                r = swb_rollout_follow(model, machineid, row);
        (void)pthread_mutex_unlock(&follow->rollouts->lock);
        return r == -ENOMEM ? swb_oom(err) : 0; /* a row that no server has written is left out */
}

/* The rollout with the lowest id above *id, and how far it was followed. */
static bool next_to_follow(struct swb_rollouts *rollouts, int64_t *id, int64_t *ret_seen)
{
        const struct swb_live *best = NULL;

        (void)pthread_mutex_lock(&rollouts->lock);
        for (const struct swb_live *live = rollouts->first; live; live = live->next)
                if (live->model.setup.id > *id &&
                    (!best || live->model.setup.id < best->model.setup.id))
                        best = live;
        if (best) {
                *id = best->model.setup.id;
                *ret_seen = best->seen;
        }
        (void)pthread_mutex_unlock(&rollouts->lock);
        return best != NULL;
}

static void set_seen(const struct follow *follow, int64_t turn)
{
        struct swb_rollouts *rollouts = follow->rollouts;

        (void)pthread_mutex_lock(&rollouts->lock);
        for (struct swb_live *live = rollouts->first; live; live = live->next) {
                if (live->model.setup.id != follow->rollout)
                        continue;
                live->seen = SWB_MAX(live->seen, follow->seen);
                live->turn = SWB_MAX(live->turn, turn);
        }
        (void)pthread_mutex_unlock(&rollouts->lock);
}

/* turn: of our own, in which this happens; 0: none. */
static int follow_all(struct swb_rollouts *rollouts, struct swb_db *db, int64_t turn,
                      struct swb_error *err)
{
        struct follow follow = {.rollouts = rollouts};
        int r = 0;

        (void)pthread_mutex_lock(&rollouts->sync_lock);
        while (r >= 0 && next_to_follow(rollouts, &follow.rollout, &follow.seen)) {
                r = swb_member_changes(db, follow.rollout, follow.seen, rollouts->node, follow_row,
                                       &follow, err);
                if (r >= 0)
                        set_seen(&follow, turn);
        }
        (void)pthread_mutex_unlock(&rollouts->sync_lock);
        return r;
}

int swb_rollouts_sync(struct swb_rollouts *rollouts, struct swb_db *db, struct swb_error *err)
{
        return follow_all(rollouts, db, 0, err);
}

int swb_rollouts_take_turn(struct swb_rollouts *rollouts, struct swb_db *db,
                           struct swb_member_writer *writer, struct swb_error *err)
{
        int r = swb_member_take_turn(writer, rollouts->node, err);

        return r < 0 ? r : follow_all(rollouts, db, writer->seq, err);
}

/* All turns before ours are over, and what they wrote was followed in ours. Not so for a rollout
 * that has come since. */
void swb_rollouts_end_turn(struct swb_rollouts *rollouts, const struct swb_member_writer *writer)
{
        (void)pthread_mutex_lock(&rollouts->lock);
        for (struct swb_live *live = rollouts->first; live; live = live->next)
                if (live->turn == writer->seq)
                        live->seen = SWB_MAX(live->seen, writer->seq);
        (void)pthread_mutex_unlock(&rollouts->lock);
}
