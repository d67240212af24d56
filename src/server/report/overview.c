/* SPDX-License-Identifier: Apache-2.0 */
/* The fleet as a whole: how it is, and how it was. */
#include "server/report/report.h"
#include "server/store/history.h"

/* Different versions, and different reasons, that an overview shows: those with most devices. */
#define OVERVIEW_ROWS "200"

/* Rows of an app, a text and a count. */
static int put_counts(struct swb_json *json, struct swb_db *db, const char *sql, const char *list,
                      const char *name, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r;

        swb_json_open_array(json, list);
        r = swb_query_init(&q, db, sql, err);
        while (r >= 0 && (r = swb_query_step(&q, err)) > 0) {
                swb_json_open_object(json, NULL);
                swb_json_str(json, "app", swb_query_text(&q, 0));
                swb_json_str(json, name, swb_query_text(&q, 1));
                swb_json_i64(json, "devices", swb_query_i64(&q, 2));
                swb_json_close_object(json);
        }
        swb_json_close_array(json);
        return r;
}

static int put_states(struct swb_json *json, struct swb_db *db, int64_t silent_before,
                      struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r;

        swb_json_open_array(json, "states");
        r = swb_query_init(&q, db,
                           "SELECT a.appid, s.state, s.n, s.silent FROM (SELECT app, state,"
                           " count(*) AS n, sum(CASE WHEN last_seen < ? THEN 1 ELSE 0 END) AS"
                           " silent FROM devices GROUP BY app, state) s"
                           " JOIN apps a ON a.id = s.app ORDER BY 1, 2",
                           err);
        if (r >= 0)
                swb_query_bind_i64(&q, silent_before);
        while (r >= 0 && (r = swb_query_step(&q, err)) > 0) {
                swb_json_open_object(json, NULL);
                swb_json_str(json, "app", swb_query_text(&q, 0));
                swb_json_i64(json, "state", swb_query_i64(&q, 1));
                swb_json_i64(json, "devices", swb_query_i64(&q, 2));
                swb_json_i64(json, "silent", swb_query_i64(&q, 3));
                swb_json_close_object(json);
        }
        swb_json_close_array(json);
        return r;
}

int swb_json_overview(struct swb_json *json, struct swb_db *db, int64_t now,
                      uint64_t silent_after_seconds, struct swb_error *err)
{
        int64_t n_apps = 0, n_devices = 0;
        char text[SWB_TIME_TEXT];
        int r;

        r = swb_db_number(db, "SELECT count(*) FROM apps", &n_apps, err);
        if (r >= 0)
                r = swb_db_number(db, "SELECT count(*) FROM devices", &n_devices, err);
        if (r < 0)
                return r;
        swb_json_open_object(json, NULL);
        swb_json_str(json, "at", swb_format_time(now, text));
        swb_json_i64(json, "apps", n_apps);
        swb_json_i64(json, "devices", n_devices);
        swb_json_u64(json, "silent_after_seconds", silent_after_seconds);
        r = put_counts(json, db,
                       "SELECT a.appid, v.version, v.n FROM (SELECT app, version, count(*) AS n"
                       " FROM devices GROUP BY app, version ORDER BY 3 DESC, 1, 2"
                       " LIMIT " OVERVIEW_ROWS ") v JOIN apps a ON a.id = v.app ORDER BY 3 DESC, 1,"
                       " 2",
                       "versions", "version", err);
        if (r >= 0)
                r = put_states(json, db, now - (int64_t)silent_after_seconds, err);
        if (r >= 0)
                r = put_counts(json, db,
                               "SELECT a.appid, f.reason, f.n FROM (SELECT app, reason,"
                               " count(*) AS n FROM devices WHERE state = 5 GROUP BY app, reason"
                               " ORDER BY 3 DESC, 1, 2 LIMIT " OVERVIEW_ROWS ") f"
                               " JOIN apps a ON a.id = f.app ORDER BY 3 DESC, 1, 2",
                               "failures", "reason", err);
        swb_json_close_object(json);
        return r;
}

/* Where the list of versions is: one object for each, with its points. */
struct series {
        struct swb_json *json;
        bool is_open;
        char appid[SWB_APPID_MAX + 1], version[SWB_VERSION_MAX + 1];
};

static void close_series(struct series *series)
{
        if (!series->is_open)
                return;
        swb_json_close_array(series->json);
        swb_json_close_object(series->json);
        series->is_open = false;
}

static int add_point(int64_t at, const char *appid, const char *version, uint64_t devices,
                     void *userdata)
{
        struct series *series = userdata;

        if (!series->is_open || strcmp(series->appid, appid) != 0 ||
            strcmp(series->version, version) != 0) {
                close_series(series);
                swb_copy_bounded(series->appid, appid, SWB_APPID_MAX);
                swb_copy_bounded(series->version, version, SWB_VERSION_MAX);
                swb_json_open_object(series->json, NULL);
                swb_json_str(series->json, "app", appid);
                swb_json_str(series->json, "version", *version ? version : NULL);
                swb_json_open_array(series->json, "points");
                series->is_open = true;
        }
        swb_json_open_array(series->json, NULL);
        swb_json_i64(series->json, NULL, at);
        swb_json_u64(series->json, NULL, devices);
        swb_json_close_array(series->json);
        return series->json->error; /* no further rows for an answer that is too large */
}

static int add_load(int64_t at, const struct swb_history_load *load, void *userdata)
{
        struct swb_json *json = userdata;

        swb_json_open_array(json, NULL);
        swb_json_i64(json, NULL, at);
        swb_json_u64(json, NULL, load->checks);
        swb_json_u64(json, NULL, load->offers);
        swb_json_u64(json, NULL, load->completed);
        swb_json_u64(json, NULL, load->failed);
        swb_json_close_array(json);
        return json->error;
}

int swb_json_history(struct swb_json *json, struct swb_db *db, int64_t app, int64_t since,
                     int64_t now, struct swb_error *err)
{
        int64_t step = swb_history_step(now - since);
        struct series series = {.json = json};
        int r;

        swb_json_i64(json, "from", since);
        swb_json_i64(json, "to", now);
        swb_json_i64(json, "step", step);
        swb_json_open_array(json, "versions");
        r = swb_history_versions(db, app, since, step, add_point, &series, err);
        close_series(&series);
        swb_json_close_array(json);
        swb_json_open_array(json, "load");
        if (r >= 0)
                r = swb_history_loads(db, since, step, add_load, json, err);
        swb_json_close_array(json);
        if (json->error < 0)
                return swb_fail(err, json->error, SWB_FAULT_USAGE,
                                "too much: ask for fewer hours, or one app");
        return r;
}
