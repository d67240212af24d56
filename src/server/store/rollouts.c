/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/rollouts.h"

#include "base/text.h"
#include "server/store/channels.h"
#include "server/store/rollout_stages.h"

#define COLUMNS                                                                                    \
        "o.id, o.app, o.release, o.name, o.channel, r.version, o.salt, o.status, o.reason,"        \
        " o.stage, o.stage_opened, o.need, o.forgiven_bad, o.forgiven_ended,"                      \
        " o.forgiven_stage_bad, o.forgiven_stage_ended, o.hours, o.time_zone, o.max_failures,"     \
        " o.max_failure_ppm, o.min_sample, o.class_failures, o.silent_seconds,"                    \
        " o.overdue_seconds, o.deadline_seconds, o.priority, o.created, o.changed"

static const char select_sql[] =
        "SELECT " COLUMNS " FROM rollouts o JOIN releases r ON r.id = o.release";

static void read_plan(const struct swb_query *q, int c, struct swb_plan *plan)
{
        plan->max_failures = swb_query_u64(q, c++);
        plan->max_failure_ppm = (uint32_t)swb_query_u64(q, c++);
        plan->min_sample = swb_query_u64(q, c++);
        plan->class_failures = swb_query_u64(q, c++);
        plan->silent_seconds = swb_query_u64(q, c++);
        plan->overdue_seconds = swb_query_u64(q, c++);
        plan->deadline_seconds = swb_query_u64(q, c++);
        plan->priority = swb_priority_from_string(swb_query_text(q, c));
        if (plan->priority == _SWB_PRIORITY_INVALID)
                plan->priority = SWB_PRIORITY_NORMAL;
}

static int read_rollout(const struct swb_query *q, struct swb_rollout_row *row,
                        struct swb_error *err)
{
        struct swb_rollout_setup *s = &row->setup;
        int c = 0;

        *row = (struct swb_rollout_row){0};
        s->id = swb_query_i64(q, c++);
        s->app = swb_query_i64(q, c++);
        s->release = swb_query_i64(q, c++);
        swb_copy_bounded(s->name, swb_query_text(q, c++), SWB_NAME_MAX);
        swb_copy_bounded(s->channel, swb_query_text(q, c++), SWB_NAME_MAX);
        swb_copy_bounded(s->version, swb_query_text(q, c++), SWB_VERSION_MAX);
        swb_copy_bounded(s->salt, swb_query_text(q, c++), SWB_NAME_MAX);
        s->status = (enum swb_rollout_status)swb_query_i64(q, c++);
        swb_copy_bounded(s->reason, swb_query_text(q, c++), SWB_ROLLOUT_REASON_MAX);
        s->stage = swb_query_u64(q, c++);
        s->stage_opened = swb_query_i64(q, c++);
        s->need = swb_query_u64(q, c++);
        s->forgiven.bad = swb_query_u64(q, c++);
        s->forgiven.ended = swb_query_u64(q, c++);
        s->forgiven_in_stage.bad = swb_query_u64(q, c++);
        s->forgiven_in_stage.ended = swb_query_u64(q, c++);
        swb_copy_bounded(row->hours, swb_query_text(q, c++), SWB_HOURS_TEXT_MAX);
        swb_copy_bounded(row->time_zone, swb_query_text(q, c++), sizeof(row->time_zone) - 1);
        read_plan(q, c, &s->plan);
        c += 8;
        row->created = swb_query_i64(q, c++);
        row->changed = swb_query_i64(q, c);
        return swb_hours_parse(row->hours, &s->plan.hours, err);
}

int swb_rollout_find(struct swb_db *db, int64_t app, const char *name, struct swb_rollout_row *ret,
                     struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        _cleanup_free_ char *sql = NULL;
        int r;

        if (asprintf(&sql, "%s WHERE o.app = ? AND o.name = ?", select_sql) < 0) {
                sql = NULL;
                return swb_oom(err);
        }
        r = swb_query_first(&q, db, sql, SWB_VALUES(SWB_NUMBER(app), SWB_TEXT(name)), err);
        if (r == 0)
                return swb_fail(err, -ENOENT, SWB_FAULT_NOT_FOUND, "there is no rollout '%s'",
                                name);
        if (r >= 0)
                r = read_rollout(&q, ret, err);
        return r < 0 ? r : swb_stages_read(db, &ret->setup, err);
}

int swb_rollout_page(struct swb_db *db, const struct swb_rollout_filter *filter,
                     int (*each)(const struct swb_rollout_row *row, void *userdata,
                                 struct swb_error *err),
                     void *userdata, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        _cleanup_free_ char *sql = NULL;
        struct swb_rollout_row row;
        int r;

        if (asprintf(&sql,
                     "%s WHERE (?1 = 0 OR o.app = ?1) AND (?2 = 0 OR o.id < ?2) AND (?3 = 0 OR"
                     " o.status <> ?3) ORDER BY o.id DESC LIMIT ?4",
                     select_sql) < 0) {
                sql = NULL;
                return swb_oom(err);
        }
        r = swb_query_begin(
                &q, db, sql,
                SWB_VALUES(SWB_NUMBER(filter->app), SWB_NUMBER(filter->before),
                           SWB_NUMBER(filter->unfinished ? SWB_ROLLOUT_FINISHED : 0),
                           SWB_NUMBER((int64_t)SWB_MIN(filter->limit, (uint64_t)INT64_MAX))),
                err);
        while (r >= 0 && (r = swb_query_step(&q, err)) > 0) {
                r = read_rollout(&q, &row, err);
                if (r >= 0)
                        r = swb_stages_read(db, &row.setup, err);
                if (r >= 0)
                        r = each(&row, userdata, err);
        }
        return r;
}

int swb_rollout_list(struct swb_db *db, int64_t app,
                     int (*each)(const struct swb_rollout_row *row, void *userdata,
                                 struct swb_error *err),
                     void *userdata, struct swb_error *err)
{
        const struct swb_rollout_filter filter = {.app = app, .limit = UINT64_MAX};

        return swb_rollout_page(db, &filter, each, userdata, err);
}

static int insert_rollout(struct swb_db *db, struct swb_rollout_row *row, int64_t now,
                          struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        struct swb_rollout_setup *s = &row->setup;
        int r;

        r = swb_query_begin(&q, db,
                            "INSERT INTO rollouts (app, name, channel, release, salt, status,"
                            " reason, stage, stage_opened, need, hours, time_zone, max_failures,"
                            " max_failure_ppm, min_sample, class_failures, silent_seconds,"
                            " overdue_seconds, deadline_seconds, priority, created, changed)"
                            " VALUES (?1, ?2, ?3, ?4, ?5, 1, '', 0, ?6, 0, ?7, ?8, ?9, ?10, ?11,"
                            " ?12, ?13, ?14, ?15, ?16, ?6, ?6) RETURNING id",
                            SWB_VALUES(SWB_NUMBER(s->app), SWB_TEXT(s->name), SWB_TEXT(s->channel),
                                       SWB_NUMBER(s->release), SWB_TEXT(s->salt), SWB_NUMBER(now),
                                       SWB_TEXT(row->hours), SWB_TEXT(row->time_zone),
                                       SWB_NUMBER((int64_t)s->plan.max_failures),
                                       SWB_NUMBER(s->plan.max_failure_ppm),
                                       SWB_NUMBER((int64_t)s->plan.min_sample),
                                       SWB_NUMBER((int64_t)s->plan.class_failures),
                                       SWB_NUMBER((int64_t)s->plan.silent_seconds),
                                       SWB_NUMBER((int64_t)s->plan.overdue_seconds),
                                       SWB_NUMBER((int64_t)s->plan.deadline_seconds),
                                       SWB_TEXT(swb_priority_to_string(s->plan.priority))),
                            err);
        if (r < 0)
                return r;
        return swb_query_insert(&q, &s->id, err);
}

/* A rollout may be what fills a channel for the first time. */
static int ensure_channel(struct swb_db *db, const struct swb_rollout_setup *s, int64_t now,
                          struct swb_error *err)
{
        return swb_db_run(db,
                          "INSERT INTO channels (app, name, changed) VALUES (?, ?, ?)"
                          " ON CONFLICT DO NOTHING",
                          SWB_VALUES(SWB_NUMBER(s->app), SWB_TEXT(s->channel), SWB_NUMBER(now)),
                          err);
}

/* Whoever is not admitted would get more than who is. */
static int check_newer(struct swb_db *db, const struct swb_rollout_setup *s, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r;

        r = swb_query_first(&q, db,
                            "SELECT r.version FROM channels c JOIN releases r ON r.id = c.release"
                            " WHERE c.app = ? AND c.name = ?",
                            SWB_VALUES(SWB_NUMBER(s->app), SWB_TEXT(s->channel)), err);
        if (r > 0 && swb_version_compare(s->version, swb_query_text(&q, 0)) <= 0)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "channel '%s' gives %s already: a rollout brings a higher version",
                                s->channel, swb_query_text(&q, 0));
        return SWB_MIN(r, 0);
}

/* Words for what the table's constraints refuse. */
static int check_free(struct swb_db *db, const struct swb_rollout_setup *s, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r;

        r = swb_query_first(&q, db,
                            "SELECT name FROM rollouts WHERE app = ?1 AND (name = ?2 OR"
                            " (channel = ?3 AND status IN (1, 2)))",
                            SWB_VALUES(SWB_NUMBER(s->app), SWB_TEXT(s->name), SWB_TEXT(s->channel)),
                            err);
        if (r <= 0)
                return r;
        if (strcmp(swb_query_text(&q, 0), s->name) == 0)
                return swb_fail(err, -EEXIST, SWB_FAULT_USAGE, "there is a rollout '%s' already",
                                s->name);
        return swb_fail(err, -EBUSY, SWB_FAULT_BUSY,
                        "channel '%s' has the rollout '%s' under way: finish or recall it first",
                        s->channel, swb_query_text(&q, 0));
}

int swb_rollout_create(struct swb_db *db, struct swb_rollout_row *row, int64_t now,
                       struct swb_error *err)
{
        struct swb_rollout_setup *s = &row->setup;
        int r;

        r = swb_name_check("rollout", s->name, err);
        if (r >= 0)
                r = swb_name_check("channel", s->channel, err);
        if (r >= 0)
                r = swb_plan_check(&s->plan, err);
        if (r >= 0)
                r = check_free(db, s, err);
        if (r >= 0)
                r = check_newer(db, s, err);
        if (r >= 0)
                r = ensure_channel(db, s, now, err);
        if (r >= 0)
                r = insert_rollout(db, row, now, err);
        if (r >= 0)
                r = swb_stages_replace(db, s, err);
        return r < 0 ? r : swb_stage_open(db, s, 0, now, err);
}

static int update_plan(struct swb_db *db, const struct swb_rollout_row *row, uint64_t need,
                       int64_t now, struct swb_error *err)
{
        const struct swb_plan *plan = &row->setup.plan;

        return swb_db_run(
                db,
                "UPDATE rollouts SET need = ?, hours = ?, time_zone = ?,"
                " max_failures = ?, max_failure_ppm = ?, min_sample = ?,"
                " class_failures = ?, silent_seconds = ?, overdue_seconds = ?,"
                " deadline_seconds = ?, priority = ?, changed = ? WHERE id = ?",
                SWB_VALUES(SWB_NUMBER((int64_t)need), SWB_TEXT(row->hours),
                           SWB_TEXT(row->time_zone), SWB_NUMBER((int64_t)plan->max_failures),
                           SWB_NUMBER(plan->max_failure_ppm), SWB_NUMBER((int64_t)plan->min_sample),
                           SWB_NUMBER((int64_t)plan->class_failures),
                           SWB_NUMBER((int64_t)plan->silent_seconds),
                           SWB_NUMBER((int64_t)plan->overdue_seconds),
                           SWB_NUMBER((int64_t)plan->deadline_seconds),
                           SWB_TEXT(swb_priority_to_string(plan->priority)), SWB_NUMBER(now),
                           SWB_NUMBER(row->setup.id)),
                err);
}

int swb_rollout_edit(struct swb_db *db, const struct swb_rollout_row *row, int64_t now,
                     struct swb_error *err)
{
        const struct swb_rollout_setup *s = &row->setup;
        struct swb_rollout_row old;
        uint64_t need = s->need;
        int r;

        if (s->status != SWB_ROLLOUT_ACTIVE && s->status != SWB_ROLLOUT_PAUSED)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "rollout '%s' is %s: its plan stays",
                                s->name, swb_rollout_status_to_string(s->status));
        r = swb_plan_check(&s->plan, err);
        if (r >= 0)
                r = swb_rollout_find(db, s->app, s->name, &old, err);
        if (r >= 0)
                r = swb_stages_check(&old.setup, s, err);
        /* How many successes the open stage needs was counted when it opened. */
        if (r >= 0 && memcmp(&old.setup.plan.stages[s->stage], &s->plan.stages[s->stage],
                             sizeof(struct swb_stage)) != 0)
                r = swb_stage_recount_need(db, s, &need, err);
        if (r >= 0)
                r = update_plan(db, row, need, now, err);
        return r < 0 ? r : swb_stages_replace(db, s, err);
}

int swb_rollout_set_status(struct swb_db *db, const struct swb_rollout_setup *setup,
                           enum swb_rollout_status status, const char *reason, int64_t now,
                           struct swb_error *err)
{
        char bounded[SWB_ROLLOUT_REASON_MAX + 1];

        swb_copy_bounded(bounded, reason, SWB_ROLLOUT_REASON_MAX);
        return swb_db_run(db,
                          "UPDATE rollouts SET status = ?, reason = ?, changed = ? WHERE id = ?",
                          SWB_VALUES(SWB_NUMBER(status), SWB_TEXT(bounded), SWB_NUMBER(now),
                                     SWB_NUMBER(setup->id)),
                          err);
}

int swb_rollout_resume(struct swb_db *db, const struct swb_rollout_setup *setup, int64_t now,
                       struct swb_error *err)
{
        /* Not a secret: nobody else sees this table. */
        static const struct swb_siphash_key keys[2] = {{{1, 2}}, {{3, 4}}};
        _cleanup_(swb_rollout_done) struct swb_rollout model = {0};
        const struct swb_tally *stage = &model.stages[setup->stage];
        int r;

        r = swb_rollout_rebuild(db, setup, keys, now, &model, err);
        if (r >= 0)
                r = swb_db_run(db,
                               "UPDATE rollouts SET status = 1, reason = '', forgiven_bad = ?,"
                               " forgiven_ended = ?, forgiven_stage_bad = ?,"
                               " forgiven_stage_ended = ?, changed = ? WHERE id = ?",
                               SWB_VALUES(SWB_NUMBER((int64_t)swb_tally_bad(&model.total)),
                                          SWB_NUMBER((int64_t)swb_tally_ended(&model.total)),
                                          SWB_NUMBER((int64_t)swb_tally_bad(stage)),
                                          SWB_NUMBER((int64_t)swb_tally_ended(stage)),
                                          SWB_NUMBER(now), SWB_NUMBER(setup->id)),
                               err);
        return r;
}

int swb_rollout_advance(struct swb_db *db, const struct swb_rollout_setup *setup, int64_t now,
                        struct swb_error *err)
{
        if (setup->stage + 1 >= setup->plan.n_stages)
                return swb_fail(err, -ERANGE, SWB_FAULT_USAGE,
                                "rollout '%s' is at its last stage: 'finish' makes %s the "
                                "channel's release",
                                setup->name, setup->version);
        return swb_stage_open(db, setup, setup->stage + 1, now, err);
}

int swb_rollout_finish(struct swb_db *db, const struct swb_rollout_setup *setup, int64_t now,
                       struct swb_error *err)
{
        int r;

        r = swb_channel_set(db, setup->app, setup->channel, setup->release, now, err);
        if (r < 0)
                return r;
        return swb_rollout_set_status(db, setup, SWB_ROLLOUT_FINISHED, "", now, err);
}

int swb_rollout_remove(struct swb_db *db, const struct swb_rollout_setup *setup,
                       struct swb_error *err)
{
        if (setup->status == SWB_ROLLOUT_ACTIVE || setup->status == SWB_ROLLOUT_PAUSED)
                return swb_fail(err, -EBUSY, SWB_FAULT_BUSY,
                                "rollout '%s' is %s: recall or finish it first", setup->name,
                                swb_rollout_status_to_string(setup->status));
        return swb_db_run(db, "DELETE FROM rollouts WHERE id = ?",
                          SWB_VALUES(SWB_NUMBER(setup->id)), err);
}
