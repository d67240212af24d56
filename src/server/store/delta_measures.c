/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/delta_measures.h"

static int trim(struct swb_db *db, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r = swb_query_init(&q, db,
                               "DELETE FROM delta_measures WHERE id <="
                               " (SELECT max(id) FROM delta_measures) - ?",
                               err);

        if (r < 0)
                return r;
        swb_query_bind_i64(&q, SWB_DELTA_MEASURES_MAX);
        return swb_query_run(&q, err);
}

static int drop_same(struct swb_db *db, int64_t app, const struct swb_delta_measure *m,
                     struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r = swb_query_init(&q, db,
                               "DELETE FROM delta_measures WHERE app = ? AND source_sha256 = ?"
                               " AND target_sha256 = ?",
                               err);

        if (r < 0)
                return r;
        swb_query_bind_i64(&q, app);
        swb_query_bind_text(&q, m->source_sha256);
        swb_query_bind_text(&q, m->target_sha256);
        return swb_query_run(&q, err);
}

static int insert(struct swb_db *db, int64_t app, const struct swb_delta_measure *m,
                  struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r = swb_query_init(&q, db,
                               "INSERT INTO delta_measures (app, source_version, target_version,"
                               " source_sha256, target_sha256, steps, delta_bytes, full_bytes,"
                               " cpu_msec, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                               err);

        if (r < 0)
                return r;
        swb_query_bind_i64(&q, app);
        swb_query_bind_text(&q, m->source_version);
        swb_query_bind_text(&q, m->target_version);
        swb_query_bind_text(&q, m->source_sha256);
        swb_query_bind_text(&q, m->target_sha256);
        swb_query_bind_i64(&q, (int64_t)m->steps);
        swb_query_bind_i64(&q, (int64_t)m->delta_bytes);
        swb_query_bind_i64(&q, (int64_t)m->full_bytes);
        swb_query_bind_i64(&q, (int64_t)m->cpu_msec);
        swb_query_bind_i64(&q, m->at);
        return swb_query_run(&q, err);
}

int swb_delta_measure_put(struct swb_db *db, int64_t app, const struct swb_delta_measure *measure,
                          struct swb_error *err)
{
        _cleanup_(swb_transaction_done) struct swb_transaction t = {0};
        int r = swb_transaction_begin(&t, db, err);

        if (r >= 0)
                r = drop_same(db, app, measure, err);
        if (r >= 0)
                r = insert(db, app, measure, err);
        if (r >= 0)
                r = trim(db, err);
        return r < 0 ? r : swb_transaction_commit(&t, err);
}

int swb_delta_measure_list(struct swb_db *db, int64_t app, uint64_t limit,
                           int (*each)(const struct swb_delta_measure *measure, void *userdata,
                                       struct swb_error *err),
                           void *userdata, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        struct swb_delta_measure m;
        int r = swb_query_init(&q, db,
                               "SELECT source_version, target_version, source_sha256,"
                               " target_sha256, steps, delta_bytes, full_bytes, cpu_msec, at"
                               " FROM delta_measures WHERE app = ? ORDER BY id DESC LIMIT ?",
                               err);

        if (r < 0)
                return r;
        swb_query_bind_i64(&q, app);
        swb_query_bind_i64(&q, (int64_t)SWB_MIN(limit, (uint64_t)INT64_MAX));
        while (r >= 0 && (r = swb_query_step(&q, err)) > 0) {
                m = (struct swb_delta_measure){.steps = (uint64_t)swb_query_i64(&q, 4),
                                               .delta_bytes = (uint64_t)swb_query_i64(&q, 5),
                                               .full_bytes = (uint64_t)swb_query_i64(&q, 6),
                                               .cpu_msec = (uint64_t)swb_query_i64(&q, 7),
                                               .at = swb_query_i64(&q, 8)};
                swb_copy_bounded(m.source_version, swb_query_text(&q, 0), SWB_VERSION_MAX);
                swb_copy_bounded(m.target_version, swb_query_text(&q, 1), SWB_VERSION_MAX);
                swb_copy_bounded(m.source_sha256, swb_query_text(&q, 2), 64);
                swb_copy_bounded(m.target_sha256, swb_query_text(&q, 3), 64);
                r = each(&m, userdata, err);
        }
        return r;
}
