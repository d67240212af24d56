/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/rollout_stages.h"

int swb_stages_read(struct swb_db *db, struct swb_rollout_setup *s, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r;

        r = swb_query_begin(&q, db,
                            "SELECT share_ppm, max_devices, bake_seconds, concurrency, rate,"
                            " rate_seconds, need FROM rollout_stages WHERE rollout = ?"
                            " ORDER BY number LIMIT 16",
                            SWB_VALUES(SWB_NUMBER(s->id)), err);
        if (r < 0)
                return r;
        while ((r = swb_query_step(&q, err)) > 0)
                s->plan.stages[s->plan.n_stages++] =
                        (struct swb_stage){.share_ppm = (uint32_t)swb_query_u64(&q, 0),
                                           .max_devices = swb_query_u64(&q, 1),
                                           .bake_seconds = swb_query_u64(&q, 2),
                                           .concurrency = swb_query_u64(&q, 3),
                                           .rate = swb_query_u64(&q, 4),
                                           .rate_seconds = swb_query_u64(&q, 5),
                                           .need = swb_query_u64(&q, 6)};
        if (r >= 0 && s->stage >= s->plan.n_stages)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                "rollout '%s' of the database is at a stage that it does not have",
                                s->name);
        return r;
}

/* Enough successes for a stage are no more than it has devices: of those that the server knows and
 * that follow the channel. */
static int count_need(struct swb_db *db, const struct swb_rollout_setup *s, size_t stage,
                      uint64_t *ret, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        struct swb_siphash_key key = swb_bucket_key(s->salt);
        const struct swb_stage *plan = &s->plan.stages[stage];
        uint64_t n = 0, enough = plan->need;
        int r;

        if (plan->max_devices > 0)
                enough = SWB_MIN(enough, plan->max_devices);
        r = swb_query_begin(&q, db,
                            "SELECT machineid FROM devices d WHERE app = ?1 AND channel = ?2"
                            " AND NOT EXISTS (SELECT 1 FROM rollout_members m"
                            "  WHERE m.rollout = ?3 AND m.machineid = d.machineid)",
                            SWB_VALUES(SWB_NUMBER(s->app), SWB_TEXT(s->channel), SWB_NUMBER(s->id)),
                            err);
        if (r < 0)
                return r;
        while (n < enough && (r = swb_query_step(&q, err)) > 0)
                n += swb_bucket(&key, swb_query_text(&q, 0)) < plan->share_ppm;
        if (r < 0)
                return r;
        *ret = n;
        return 0;
}

int swb_stage_open(struct swb_db *db, const struct swb_rollout_setup *s, size_t stage, int64_t now,
                   struct swb_error *err)
{
        uint64_t need;
        int r;

        r = count_need(db, s, stage, &need, err);
        if (r >= 0)
                r = swb_db_run(db,
                               "UPDATE rollouts SET stage = ?, stage_opened = ?, need = ?,"
                               " forgiven_stage_bad = 0, forgiven_stage_ended = 0, changed = ?"
                               " WHERE id = ?",
                               SWB_VALUES(SWB_NUMBER((int64_t)stage), SWB_NUMBER(now),
                                          SWB_NUMBER((int64_t)need), SWB_NUMBER(now),
                                          SWB_NUMBER(s->id)),
                               err);
        return r;
}

static int insert_stage(struct swb_db *db, int64_t rollout, size_t number,
                        const struct swb_stage *stage, struct swb_error *err)
{
        return swb_db_run(
                db, "INSERT INTO rollout_stages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                SWB_VALUES(
                        SWB_NUMBER(rollout), SWB_NUMBER((int64_t)number),
                        SWB_NUMBER(stage->share_ppm), SWB_NUMBER((int64_t)stage->max_devices),
                        SWB_NUMBER((int64_t)stage->bake_seconds),
                        SWB_NUMBER((int64_t)stage->concurrency), SWB_NUMBER((int64_t)stage->rate),
                        SWB_NUMBER((int64_t)stage->rate_seconds), SWB_NUMBER((int64_t)stage->need)),
                err);
}

/* Stages that have passed are history. */
int swb_stages_check(const struct swb_rollout_setup *old, const struct swb_rollout_setup *s,
                     struct swb_error *err)
{
        if (s->plan.n_stages <= s->stage)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "rollout '%s' is at stage %zu: it needs that many", s->name,
                                s->stage + 1);
        for (size_t i = 0; i < s->stage; i++)
                if (s->plan.stages[i].share_ppm != old->plan.stages[i].share_ppm ||
                    s->plan.stages[i].max_devices != old->plan.stages[i].max_devices)
                        return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                        "stage %zu of rollout '%s' has passed: its size stays",
                                        i + 1, s->name);
        return 0;
}

int swb_stages_replace(struct swb_db *db, const struct swb_rollout_setup *s, struct swb_error *err)
{
        int r;

        r = swb_db_run(db, "DELETE FROM rollout_stages WHERE rollout = ?",
                       SWB_VALUES(SWB_NUMBER(s->id)), err);
        for (size_t i = 0; r >= 0 && i < s->plan.n_stages; i++)
                r = insert_stage(db, s->id, i, &s->plan.stages[i], err);
        return r;
}

/* As count_need(), for a stage that has admitted devices already. */
int swb_stage_recount_need(struct swb_db *db, const struct swb_rollout_setup *s, uint64_t *ret,
                           struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        const struct swb_stage *plan = &s->plan.stages[s->stage];
        uint64_t n, enough = plan->need;
        int r;

        if (plan->max_devices > 0)
                enough = SWB_MIN(enough, plan->max_devices);
        r = count_need(db, s, s->stage, &n, err);
        if (r >= 0)
                r = swb_query_first(
                        &q, db,
                        "SELECT count(*) FROM rollout_members WHERE rollout = ? AND stage = ?",
                        SWB_VALUES(SWB_NUMBER(s->id), SWB_NUMBER((int64_t)s->stage)), err);
        if (r < 0)
                return r;
        *ret = SWB_MIN(enough, n + swb_query_u64(&q, 0));
        return 0;
}
