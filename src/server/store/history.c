/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/history.h"

#include "server/store/event_days.h"

#define HOUR ((int64_t)3600)
#define DAY (24 * HOUR)

int swb_history_add_version(struct swb_db *db, int64_t app, int64_t at, const char *version,
                            uint64_t devices, struct swb_error *err)
{
        return swb_db_run(db,
                          "INSERT INTO version_history (app, at, version, devices)"
                          " VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                          SWB_VALUES(SWB_NUMBER(app), SWB_NUMBER(at), SWB_TEXT(version),
                                     SWB_NUMBER((int64_t)devices)),
                          err);
}

int swb_history_add_load(struct swb_db *db, int64_t at, const struct swb_history_load *load,
                         struct swb_error *err)
{
        return swb_db_run(db,
                          "INSERT INTO load_history (at, checks, offers, completed, failed)"
                          " VALUES (?, ?, ?, ?, ?) ON CONFLICT (at) DO UPDATE SET"
                          "  checks = load_history.checks + excluded.checks,"
                          "  offers = load_history.offers + excluded.offers,"
                          "  completed = load_history.completed + excluded.completed,"
                          "  failed = load_history.failed + excluded.failed",
                          SWB_VALUES(SWB_NUMBER(at), SWB_NUMBER((int64_t)load->checks),
                                     SWB_NUMBER((int64_t)load->offers),
                                     SWB_NUMBER((int64_t)load->completed),
                                     SWB_NUMBER((int64_t)load->failed)),
                          err);
}

/* Keeps of the samples before a time those at multiples of `step`. */
static int thin(struct swb_db *db, const char *sql, int64_t before, int64_t step,
                struct swb_error *err)
{
        return swb_db_run(db, sql, SWB_VALUES(SWB_NUMBER(before), SWB_NUMBER(step)), err);
}

int swb_history_thin(struct swb_db *db, int64_t now, struct swb_error *err)
{
        static const char *const tables[] = {
                "DELETE FROM version_history WHERE at < ? AND at % ? <> 0",
                "DELETE FROM load_history WHERE at < ? AND at % ? <> 0",
        };
        static const struct {
                int64_t age, step;
        } rules[] = {{2 * DAY, HOUR}, {90 * DAY, DAY}, {3 * 365 * DAY, INT64_MAX}};
        int r = 0;

        for (size_t i = 0; r >= 0 && i < SWB_ELEMENTS(rules); i++)
                for (size_t k = 0; r >= 0 && k < SWB_ELEMENTS(tables); k++)
                        r = thin(db, tables[k], now - rules[i].age, rules[i].step, err);
        return r < 0 ? r : swb_event_day_drop(db, (now - 3 * 365 * DAY) / DAY, err);
}

/* Of one app at one time: the versions with most devices, and how many have any. */
struct sample {
        int64_t app, at;
        uint64_t all, shown;
        size_t n;
        struct {
                char version[SWB_VERSION_MAX + 1];
                uint64_t devices;
        } versions[SWB_HISTORY_VERSIONS_MAX];
};

static int count_versions(struct swb_db *db, struct sample *sample, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r;

        r = swb_query_begin(
                &q, db,
                "SELECT version, count(*), sum(count(*)) OVER () FROM devices"
                " WHERE app = ? GROUP BY version ORDER BY 2 DESC, 1 LIMIT ?",
                SWB_VALUES(SWB_NUMBER(sample->app), SWB_NUMBER(SWB_HISTORY_VERSIONS_MAX)), err);
        if (r < 0)
                return r;
        sample->n = 0;
        sample->shown = 0;
        sample->all = 0;
        while ((r = swb_query_step(&q, err)) > 0 && sample->n < SWB_HISTORY_VERSIONS_MAX) {
                swb_copy_bounded(sample->versions[sample->n].version, swb_query_text(&q, 0),
                                 SWB_VERSION_MAX);
                sample->versions[sample->n].devices = (uint64_t)swb_query_i64(&q, 1);
                sample->shown += sample->versions[sample->n++].devices;
                sample->all = (uint64_t)swb_query_i64(&q, 2);
        }
        return r;
}

static int write_sample(struct swb_db *db, const struct sample *sample, struct swb_error *err)
{
        _cleanup_(swb_transaction_done) struct swb_transaction t = {0};
        int r;

        r = swb_transaction_begin(&t, db, err);
        for (size_t i = 0; r >= 0 && i < sample->n; i++)
                r = swb_history_add_version(db, sample->app, sample->at,
                                            sample->versions[i].version,
                                            sample->versions[i].devices, err);
        if (r >= 0 && sample->all > sample->shown)
                r = swb_history_add_version(db, sample->app, sample->at, "",
                                            sample->all - sample->shown, err);
        return r < 0 ? r : swb_transaction_commit(&t, err);
}

static int next_app(struct swb_db *db, int64_t *app, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r;

        r = swb_query_first(&q, db, "SELECT id FROM apps WHERE id > ? ORDER BY id LIMIT 1",
                            SWB_VALUES(SWB_NUMBER(*app)), err);
        if (r > 0)
                *app = swb_query_i64(&q, 0);
        return r;
}

int swb_history_take(struct swb_db *db, int64_t at, int64_t load_at,
                     const struct swb_history_load *load, struct swb_error *err)
{
        struct sample sample = {.at = at};
        int r;

        while ((r = next_app(db, &sample.app, err)) > 0) {
                r = count_versions(db, &sample, err);
                if (r >= 0 && sample.n > 0)
                        r = write_sample(db, &sample, err);
                if (r < 0)
                        return r;
        }
        if (r >= 0 && load_at > 0 && load->checks + load->completed + load->failed > 0)
                r = swb_history_add_load(db, load_at, load, err);
        if (r >= 0 && at % HOUR == 0)
                r = swb_history_thin(db, at, err);
        return r;
}

int64_t swb_history_step(int64_t span_seconds)
{
        if (span_seconds <= DAY)
                return SWB_HISTORY_SECONDS;
        if (span_seconds <= 2 * DAY)
                return 3 * SWB_HISTORY_SECONDS;
        if (span_seconds <= 14 * DAY)
                return HOUR;
        if (span_seconds <= 90 * DAY)
                return 6 * HOUR;
        return DAY;
}

int swb_history_versions(struct swb_db *db, int64_t app, int64_t since, int64_t step,
                         int (*each)(int64_t at, const char *appid, const char *version,
                                     uint64_t devices, void *userdata),
                         void *userdata, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r;

        r = swb_query_begin(&q, db,
                            "SELECT h.at, a.appid, h.version, h.devices FROM version_history h"
                            " JOIN apps a ON a.id = h.app WHERE h.at >= ? AND h.at % ? = 0"
                            " AND h.app BETWEEN ? AND ? ORDER BY a.appid, h.version, h.at",
                            SWB_VALUES(SWB_NUMBER(since), SWB_NUMBER(step), SWB_NUMBER(app),
                                       SWB_NUMBER(app == 0 ? INT64_MAX : app)),
                            err);
        if (r < 0)
                return r;
        while ((r = swb_query_step(&q, err)) > 0) {
                r = each(swb_query_i64(&q, 0), swb_query_text(&q, 1), swb_query_text(&q, 2),
                         (uint64_t)swb_query_i64(&q, 3), userdata);
                if (r < 0)
                        return r;
        }
        return r;
}

int swb_history_loads(struct swb_db *db, int64_t since, int64_t step,
                      int (*each)(int64_t at, const struct swb_history_load *load, void *userdata),
                      void *userdata, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r;

        r = swb_query_begin(&q, db,
                            "SELECT at - at % ?, sum(checks), sum(offers), sum(completed),"
                            " sum(failed) FROM load_history WHERE at >= ? GROUP BY 1 ORDER BY 1",
                            SWB_VALUES(SWB_NUMBER(step), SWB_NUMBER(since)), err);
        if (r < 0)
                return r;
        while ((r = swb_query_step(&q, err)) > 0) {
                struct swb_history_load load = {
                        .checks = (uint64_t)swb_query_i64(&q, 1),
                        .offers = (uint64_t)swb_query_i64(&q, 2),
                        .completed = (uint64_t)swb_query_i64(&q, 3),
                        .failed = (uint64_t)swb_query_i64(&q, 4),
                };

                r = each(swb_query_i64(&q, 0), &load, userdata);
                if (r < 0)
                        return r;
        }
        return r;
}
