/* SPDX-License-Identifier: Apache-2.0 */
#include "server/rollout/live.h"

#include <sys/random.h>

#include "server/rollout/live_internal.h"
#include "server/store/blocks.h"

int swb_rollouts_new(struct swb_rollouts **ret, struct swb_error *err)
{
        struct swb_rollouts *rollouts = calloc(1, sizeof(*rollouts));

        if (!rollouts)
                return swb_oom(err);
        if (getrandom(rollouts->keys, sizeof(rollouts->keys), 0) != sizeof(rollouts->keys) ||
            getrandom(&rollouts->node, sizeof(rollouts->node), 0) != sizeof(rollouts->node)) {
                free(rollouts);
                return swb_fail_errno(err, -EIO, "get random numbers");
        }
        (void)pthread_mutex_init(&rollouts->lock, NULL); /* can't fail without attributes */
        (void)pthread_mutex_init(&rollouts->sync_lock, NULL);
        *ret = rollouts;
        return 0;
}

static void free_live(struct swb_live *live)
{
        swb_rollout_done(&live->model);
        free(live);
}

struct swb_rollouts *swb_rollouts_free(struct swb_rollouts *rollouts)
{
        struct swb_live *next;

        if (!rollouts)
                return NULL;
        for (struct swb_live *live = rollouts->first; live; live = next) {
                next = live->next;
                free_live(live);
        }
        (void)pthread_mutex_destroy(&rollouts->lock);
        (void)pthread_mutex_destroy(&rollouts->sync_lock);
        free(rollouts);
        return NULL;
}

struct swb_rollout *swb_rollouts_find(const struct swb_rollouts *rollouts, int64_t id)
{
        for (struct swb_live *live = rollouts->first; live; live = live->next)
                if (live->model.setup.id == id)
                        return &live->model;
        return NULL;
}

/* --- following the database --- */

struct refresh {
        struct swb_rollouts *rollouts;
        struct swb_db *db;
        int64_t now;
};

static int add_live(const struct refresh *refresh, const struct swb_rollout_setup *setup,
                    struct swb_error *err)
{
        struct swb_live *live = calloc(1, sizeof(*live));
        int r;

        if (!live)
                return swb_oom(err);
        /* First the time, then the rows: what changes in between is followed again. */
        r = swb_member_last_change(refresh->db, setup->id, &live->seen, err);
        if (r >= 0)
                r = swb_rollout_rebuild(refresh->db, setup, refresh->rollouts->keys, refresh->now,
                                        &live->model, err);
        if (r < 0) {
                free(live);
                return r;
        }
        live->is_wanted = true;
        (void)pthread_mutex_lock(&refresh->rollouts->lock);
        live->next = refresh->rollouts->first;
        refresh->rollouts->first = live;
        (void)pthread_mutex_unlock(&refresh->rollouts->lock);
        return 0;
}

/* A few rows, and rarely: the lock is held while they are read. */
static int refresh_one(const struct swb_rollout_row *row, void *userdata, struct swb_error *err)
{
        const struct refresh *refresh = userdata;
        struct swb_rollouts *rollouts = refresh->rollouts;
        bool is_there = false;
        int r = 0;

        if (row->setup.status == SWB_ROLLOUT_FINISHED)
                return 0;
        (void)pthread_mutex_lock(&rollouts->lock);
        for (struct swb_live *live = rollouts->first; live; live = live->next)
                if (live->model.setup.id == row->setup.id) {
                        swb_rollout_configure(&live->model, &row->setup);
                        r = swb_rollout_lift_blocks(refresh->db, &live->model, err);
                        live->is_wanted = true;
                        is_there = true;
                }
        (void)pthread_mutex_unlock(&rollouts->lock);
        return is_there ? r : add_live(refresh, &row->setup, err);
}

static void drop_unwanted(struct swb_rollouts *rollouts)
{
        (void)pthread_mutex_lock(&rollouts->lock);
        for (struct swb_live **place = &rollouts->first; *place;) {
                struct swb_live *live = *place;

                if (live->is_wanted) {
                        live->is_wanted = false;
                        place = &live->next;
                        continue;
                }
                *place = live->next;
                free_live(live);
        }
        (void)pthread_mutex_unlock(&rollouts->lock);
}

int swb_rollouts_refresh(struct swb_rollouts *rollouts, struct swb_db *db, int64_t now,
                         struct swb_error *err)
{
        struct refresh refresh = {.rollouts = rollouts, .db = db, .now = now};
        int r;

        r = swb_rollout_list(db, 0, refresh_one, &refresh, err);
        if (r < 0)
                return r;
        drop_unwanted(rollouts);
        return 0;
}

/* --- devices --- */

enum swb_hold swb_rollouts_peek(struct swb_rollouts *rollouts, int64_t rollout,
                                const struct swb_rollout_ask *ask)
{
        enum swb_hold hold = SWB_HOLD_PAUSED;
        struct swb_rollout *model;

        (void)pthread_mutex_lock(&rollouts->lock);
        model = swb_rollouts_find(rollouts, rollout);
        if (model)
                hold = swb_rollout_peek(model, ask);
        (void)pthread_mutex_unlock(&rollouts->lock);
        return hold;
}

enum swb_hold swb_rollouts_admit(struct swb_rollouts *rollouts, int64_t rollout,
                                 const struct swb_rollout_ask *ask, enum swb_taken *ret_taken,
                                 int64_t *ret_admitted_at)
{
        enum swb_hold hold = SWB_HOLD_PAUSED;
        struct swb_rollout *model;

        *ret_taken = SWB_TAKEN_NOTHING;
        (void)pthread_mutex_lock(&rollouts->lock);
        model = swb_rollouts_find(rollouts, rollout);
        if (model)
                hold = swb_rollout_admit(model, ask, ret_taken, ret_admitted_at);
        (void)pthread_mutex_unlock(&rollouts->lock);
        return hold;
}

void swb_rollouts_undo(struct swb_rollouts *rollouts, int64_t rollout, const char *machineid,
                       enum swb_taken taken)
{
        struct swb_rollout *model;

        (void)pthread_mutex_lock(&rollouts->lock);
        model = swb_rollouts_find(rollouts, rollout);
        if (model)
                swb_rollout_undo(model, machineid, taken);
        (void)pthread_mutex_unlock(&rollouts->lock);
}

void swb_rollouts_hear(struct swb_rollouts *rollouts, int64_t app,
                       const struct swb_rollout_word *word)
{
        (void)pthread_mutex_lock(&rollouts->lock);
        for (struct swb_live *live = rollouts->first; live; live = live->next)
                if (live->model.setup.app == app)
                        (void)swb_rollout_hear(&live->model, word);
        (void)pthread_mutex_unlock(&rollouts->lock);
}

bool swb_rollouts_confirm(struct swb_rollouts *rollouts, int64_t rollout, const char *machineid,
                          enum swb_taken taken, int64_t now)
{
        struct swb_rollout *model;
        bool holds;

        (void)pthread_mutex_lock(&rollouts->lock);
        model = swb_rollouts_find(rollouts, rollout);
        holds = model && swb_rollout_confirm(model, machineid, taken, now);
        (void)pthread_mutex_unlock(&rollouts->lock);
        return holds;
}

void swb_rollouts_hear_again(struct swb_rollouts *rollouts, int64_t app,
                             const struct swb_rollout_word *word)
{
        (void)pthread_mutex_lock(&rollouts->lock);
        for (struct swb_live *live = rollouts->first; live; live = live->next)
                if (live->model.setup.app == app)
                        swb_rollout_hear_again(&live->model, word);
        (void)pthread_mutex_unlock(&rollouts->lock);
}

bool swb_rollouts_concern(struct swb_rollouts *rollouts, int64_t app, const char *machineid)
{
        bool concern = false;

        (void)pthread_mutex_lock(&rollouts->lock);
        for (struct swb_live *live = rollouts->first; live && !concern; live = live->next)
                concern = live->model.setup.app == app &&
                          swb_members_find(&live->model.members, machineid) != NULL;
        (void)pthread_mutex_unlock(&rollouts->lock);
        return concern;
}

bool swb_rollouts_is_pending(struct swb_rollouts *rollouts, int64_t rollout, const char *machineid)
{
        struct swb_rollout *model;
        struct swb_member_row row;
        bool pending;

        (void)pthread_mutex_lock(&rollouts->lock);
        model = swb_rollouts_find(rollouts, rollout);
        pending = model && swb_rollout_member(model, machineid, &row) &&
                  row.state != SWB_MEMBER_OK && row.state != SWB_MEMBER_FELL_BACK;
        (void)pthread_mutex_unlock(&rollouts->lock);
        return pending;
}

/* The app's rollout with the lowest id above *id, which becomes its. */
static const struct swb_rollout *next_of_app(const struct swb_rollouts *rollouts, int64_t app,
                                             int64_t *id)
{
        const struct swb_rollout *best = NULL;

        for (const struct swb_live *live = rollouts->first; live; live = live->next)
                if (live->model.setup.app == app && live->model.setup.id > *id &&
                    (!best || live->model.setup.id < best->setup.id))
                        best = &live->model;
        if (best)
                *id = best->setup.id;
        return best;
}

int swb_rollouts_store(struct swb_rollouts *rollouts, int64_t app, const char *machineid,
                       int64_t since, struct swb_member_writer *writer, struct swb_error *err)
{
        int64_t id = 0;
        int r = 0;

        /* The row is copied under the lock and written without it; the id says where to go on. */
        while (r >= 0) {
                const struct swb_rollout *model;
                struct swb_member_row row;
                bool found;

                (void)pthread_mutex_lock(&rollouts->lock);
                model = next_of_app(rollouts, app, &id);
                found = model && swb_rollout_member(model, machineid, &row) &&
                        row.heard_at >= since;
                (void)pthread_mutex_unlock(&rollouts->lock);
                if (!model)
                        return 0;
                if (found)
                        r = swb_member_write(writer, id, machineid, &row, err);
        }
        return r;
}

bool swb_rollouts_snapshot(struct swb_rollouts *rollouts, int64_t rollout, struct swb_rollout *ret)
{
        const struct swb_rollout *model;

        (void)pthread_mutex_lock(&rollouts->lock);
        model = swb_rollouts_find(rollouts, rollout);
        if (model)
                *ret = *model;
        (void)pthread_mutex_unlock(&rollouts->lock);
        if (model)
                ret->members = (struct swb_members){0};
        return model != NULL;
}

void swb_rollouts_each(struct swb_rollouts *rollouts,
                       void (*each)(const struct swb_rollout *rollout, void *userdata),
                       void *userdata)
{
        (void)pthread_mutex_lock(&rollouts->lock);
        for (struct swb_live *live = rollouts->first; live; live = live->next)
                each(&live->model, userdata);
        (void)pthread_mutex_unlock(&rollouts->lock);
}
