/* SPDX-License-Identifier: Apache-2.0 */
#include "server/rollout/live.h"

#include <pthread.h>
#include <sys/random.h>

#include "base/json_writer.h"
#include "base/log.h"
#include "server/report/report.h"
#include "server/store/audit.h"
#include "server/store/blocks.h"

/* Places of a rollout's table that one tick looks at: with four ticks a second, a million devices
 * in a minute. */
#define SWEEP_PLACES 8192

struct live {
        struct swb_rollout model;
        int64_t seen;   /* the last turn whose rows of others are in it */
        int64_t turn;   /* the last one of our own in which it was followed */
        bool is_wanted; /* while a refresh looks */
        struct live *next;
};

struct swb_rollouts {
        pthread_mutex_t sync_lock; /* one follows at a time; taken before the other */
        pthread_mutex_t lock;
        struct live *first;
        int64_t node; /* this server among those on the database; of its members' rows */
        struct swb_siphash_key keys[2];
};

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

static void free_live(struct live *live)
{
        swb_rollout_done(&live->model);
        free(live);
}

struct swb_rollouts *swb_rollouts_free(struct swb_rollouts *rollouts)
{
        struct live *next;

        if (!rollouts)
                return NULL;
        for (struct live *live = rollouts->first; live; live = next) {
                next = live->next;
                free_live(live);
        }
        (void)pthread_mutex_destroy(&rollouts->lock);
        (void)pthread_mutex_destroy(&rollouts->sync_lock);
        free(rollouts);
        return NULL;
}

static struct swb_rollout *find(const struct swb_rollouts *rollouts, int64_t id)
{
        for (struct live *live = rollouts->first; live; live = live->next)
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
        struct live *live = calloc(1, sizeof(*live));
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
        for (struct live *live = rollouts->first; live; live = live->next)
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
        for (struct live **place = &rollouts->first; *place;) {
                struct live *live = *place;

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
        model = find(rollouts, rollout);
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
        model = find(rollouts, rollout);
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
        model = find(rollouts, rollout);
        if (model)
                swb_rollout_undo(model, machineid, taken);
        (void)pthread_mutex_unlock(&rollouts->lock);
}

void swb_rollouts_hear(struct swb_rollouts *rollouts, int64_t app,
                       const struct swb_rollout_word *word)
{
        (void)pthread_mutex_lock(&rollouts->lock);
        for (struct live *live = rollouts->first; live; live = live->next)
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
        model = find(rollouts, rollout);
        holds = model && swb_rollout_confirm(model, machineid, taken, now);
        (void)pthread_mutex_unlock(&rollouts->lock);
        return holds;
}

void swb_rollouts_hear_again(struct swb_rollouts *rollouts, int64_t app,
                             const struct swb_rollout_word *word)
{
        (void)pthread_mutex_lock(&rollouts->lock);
        for (struct live *live = rollouts->first; live; live = live->next)
                if (live->model.setup.app == app)
                        swb_rollout_hear_again(&live->model, word);
        (void)pthread_mutex_unlock(&rollouts->lock);
}

bool swb_rollouts_concern(struct swb_rollouts *rollouts, int64_t app, const char *machineid)
{
        bool concern = false;

        (void)pthread_mutex_lock(&rollouts->lock);
        for (struct live *live = rollouts->first; live && !concern; live = live->next)
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
        model = find(rollouts, rollout);
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

        for (const struct live *live = rollouts->first; live; live = live->next)
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

/* --- other servers on the database --- */

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
        model = find(follow->rollouts, follow->rollout);
        if (model)
                r = swb_rollout_follow(model, machineid, row);
        (void)pthread_mutex_unlock(&follow->rollouts->lock);
        return r == -ENOMEM ? swb_oom(err) : 0; /* a row that no server has written is left out */
}

/* The rollout with the lowest id above *id, and how far it was followed. */
static bool next_to_follow(struct swb_rollouts *rollouts, int64_t *id, int64_t *ret_seen)
{
        const struct live *best = NULL;

        (void)pthread_mutex_lock(&rollouts->lock);
        for (const struct live *live = rollouts->first; live; live = live->next)
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
        for (struct live *live = rollouts->first; live; live = live->next) {
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
        for (struct live *live = rollouts->first; live; live = live->next)
                if (live->turn == writer->seq)
                        live->seen = SWB_MAX(live->seen, writer->seq);
        (void)pthread_mutex_unlock(&rollouts->lock);
}

/* --- time --- */

/* What one tick has to carry out; copied so that the database is written without the lock. */
struct verdict {
        enum swb_verdict verdict;
        struct swb_rollout_setup setup;
        char reason[SWB_ROLLOUT_REASON_MAX + 1];
        char blocked_class[SWB_FAILURE_NAME];
};

static bool take_blocked_class(struct swb_rollout *model, char *name)
{
        for (size_t i = 1; i < model->classes.n; i++) {
                struct swb_reason *class = &model->classes.list[i];

                if (!class->blocked || class->is_stored)
                        continue;
                class->is_stored = true;
                swb_copy_bounded(name, class->name, SWB_FAILURE_NAME - 1);
                return true;
        }
        return false;
}

static bool next_verdict(struct swb_rollouts *rollouts, int64_t now, struct verdict *ret)
{
        bool found = false;

        (void)pthread_mutex_lock(&rollouts->lock);
        for (struct live *live = rollouts->first; live && !found; live = live->next) {
                *ret = (struct verdict){.verdict = swb_rollout_judge(&live->model, now)};
                found = take_blocked_class(&live->model, ret->blocked_class) ||
                        ret->verdict != SWB_VERDICT_KEEP;
                if (!found)
                        continue;
                ret->setup = live->model.setup;
                swb_copy_bounded(ret->reason, live->model.halt_reason, SWB_ROLLOUT_REASON_MAX);
        }
        (void)pthread_mutex_unlock(&rollouts->lock);
        return found;
}

/* The state before and after it, as the API has them. */
static int audit_verdict(struct swb_db *db, const struct swb_rollout_row *before,
                         const char *action, int64_t now, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf old = SWB_BUF_INIT(SWB_AUDIT_STATE_MAX_BYTES);
        _cleanup_(swb_buf_done) struct swb_buf new = SWB_BUF_INIT(SWB_AUDIT_STATE_MAX_BYTES);
        struct swb_json old_json = SWB_JSON(&old, false), new_json = SWB_JSON(&new, false);
        char object[SWB_NAME_MAX + 16];
        struct swb_audit_entry entry = {
                .identity = &swb_identity_server, .action = action, .object = object};
        struct swb_rollout_row after;
        char app[SWB_APPID_MAX + 1];
        int r;

        r = swb_rollout_find(db, before->setup.app, before->setup.name, &after, err);
        if (r >= 0)
                r = swb_app_name(db, before->setup.app, app, err);
        if (r < 0)
                return r;
        swb_json_rollout_plan(&old_json, before);
        swb_json_rollout_plan(&new_json, &after);
        if (swb_json_end(&old_json) < 0 || swb_json_end(&new_json) < 0)
                return swb_oom(err);
        old.data[old.n_bytes - 1] = new.data[new.n_bytes - 1] = '\0'; /* the line's end */
        (void)snprintf(object, sizeof(object), "rollouts/%s", before->setup.name);
        entry.app = app;
        entry.old_state = (const char *)old.data;
        entry.new_state = (const char *)new.data;
        return swb_audit_put(db, &entry, now, err);
}

/* How the audit log names it. */
static const char *action_of(const struct verdict *v)
{
        switch (v->verdict) {
        case SWB_VERDICT_PAUSE:
                return "rollout.pause";
        case SWB_VERDICT_ADVANCE:
                return "rollout.advance";
        case SWB_VERDICT_FINISH:
                return "rollout.finish";
        case SWB_VERDICT_KEEP:
        default:
                return "rollout.block";
        }
}

static int write_verdict(struct swb_db *db, const struct verdict *v, int64_t now,
                         struct swb_error *err)
{
        int r = 0;

        if (*v->blocked_class)
                r = swb_block_put(db, v->setup.release, v->blocked_class, v->setup.name, now, err);
        if (r < 0)
                return r;
        switch (v->verdict) {
        case SWB_VERDICT_PAUSE:
                return swb_rollout_set_status(db, &v->setup, SWB_ROLLOUT_PAUSED, v->reason, now,
                                              err);
        case SWB_VERDICT_ADVANCE:
                return swb_rollout_advance(db, &v->setup, now, err);
        case SWB_VERDICT_FINISH:
                return swb_rollout_finish(db, &v->setup, now, err);
        case SWB_VERDICT_KEEP:
        default:
                return r;
        }
}

/* An administrator may have been faster: then the row says so, and the refresh that follows tells
 * us. */
static int carry_out(struct swb_db *db, const struct verdict *v, int64_t now, struct swb_error *err)
{
        _cleanup_(swb_transaction_done) struct swb_transaction t = {0};
        struct swb_rollout_row row;
        int r;

        r = swb_transaction_begin(&t, db, err);
        if (r >= 0)
                r = swb_rollout_find(db, v->setup.app, v->setup.name, &row, err);
        if (r < 0)
                return r;
        if (row.setup.status == v->setup.status && row.setup.stage == v->setup.stage) {
                r = write_verdict(db, v, now, err);
                if (r >= 0)
                        r = audit_verdict(db, &row, action_of(v), now, err);
        }
        return r < 0 ? r : swb_transaction_commit_catalog(&t, err);
}

static void log_verdict(const struct verdict *v)
{
        static const char *const words[] = {
                [SWB_VERDICT_KEEP] = "goes on",
                [SWB_VERDICT_PAUSE] = "pauses itself",
                [SWB_VERDICT_ADVANCE] = "opens its next stage",
                [SWB_VERDICT_FINISH] = "is finished",
        };

        if (v->verdict != SWB_VERDICT_KEEP)
                swb_log(SWB_LOG_NOTICE, "rollout '%s' of %s %s%s%s", v->setup.name,
                        v->setup.version, words[v->verdict],
                        v->verdict == SWB_VERDICT_PAUSE ? ": " : "",
                        v->verdict == SWB_VERDICT_PAUSE ? v->reason : "");
        if (*v->blocked_class)
                swb_log(SWB_LOG_NOTICE, "rollout '%s': %s is blocked for hardware class '%s'",
                        v->setup.name, v->setup.version, v->blocked_class);
}

int swb_rollouts_tick(struct swb_rollouts *rollouts, struct swb_db *db, int64_t now,
                      struct swb_error *err)
{
        struct verdict verdict;
        int r;

        (void)pthread_mutex_lock(&rollouts->lock);
        for (struct live *live = rollouts->first; live; live = live->next)
                swb_rollout_sweep(&live->model, now, SWEEP_PLACES);
        (void)pthread_mutex_unlock(&rollouts->lock);
        /* One a tick: the refresh between them makes its effect known. */
        if (!next_verdict(rollouts, now, &verdict))
                return 0;
        r = carry_out(db, &verdict, now, err);
        if (r < 0)
                return swb_wrap(err, r, "rollout '%s'", verdict.setup.name);
        log_verdict(&verdict);
        return 1;
}

bool swb_rollouts_snapshot(struct swb_rollouts *rollouts, int64_t rollout, struct swb_rollout *ret)
{
        const struct swb_rollout *model;

        (void)pthread_mutex_lock(&rollouts->lock);
        model = find(rollouts, rollout);
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
        for (struct live *live = rollouts->first; live; live = live->next)
                each(&live->model, userdata);
        (void)pthread_mutex_unlock(&rollouts->lock);
}
