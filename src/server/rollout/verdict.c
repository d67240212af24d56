/* SPDX-License-Identifier: Apache-2.0 */
/* What the passing of time does to the running rollouts: stages open, and the bad ones halt. */
#include "base/json_writer.h"
#include "base/log.h"
#include "server/report/report.h"
#include "server/rollout/live_internal.h"
#include "server/store/audit.h"
#include "server/store/blocks.h"

/* Places of a rollout's table that one tick looks at: with four ticks a second, a million devices
 * in a minute. */
#define SWEEP_PLACES 8192

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
        for (struct swb_live *live = rollouts->first; live && !found; live = live->next) {
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
        for (struct swb_live *live = rollouts->first; live; live = live->next)
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
