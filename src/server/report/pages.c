/* SPDX-License-Identifier: Apache-2.0 */
/* The long lists of the API, a page at a time, and the overview. */
#include "server/report/report.h"

/* Different versions, and different reasons, that an overview shows: those with most devices. */
#define OVERVIEW_ROWS "200"

/* What a page's callback needs besides the row. */
struct page {
        struct swb_json *json;
        int64_t now;
        uint64_t silent_after_seconds;
        uint64_t n;
        int64_t last;
};

static int64_t next_of(const struct page *page, uint64_t limit)
{
        return page->n == limit ? page->last : 0;
}

static int add_device(const char *appid, const struct swb_device *device, void *userdata,
                      struct swb_error *err)
{
        struct page *page = userdata;

        (void)err;
        swb_json_device(page->json, appid, device, page->now, page->silent_after_seconds);
        page->last = device->id;
        page->n++;
        return 0;
}

int swb_json_devices(struct swb_json *json, struct swb_db *db,
                     const struct swb_device_filter *filter, int64_t now,
                     uint64_t silent_after_seconds, int64_t *ret_next, struct swb_error *err)
{
        struct page page = {.json = json, .now = now, .silent_after_seconds = silent_after_seconds};
        int r;

        swb_json_open_array(json, NULL);
        r = swb_device_page(db, filter, add_device, &page, err);
        swb_json_close_array(json);
        if (r < 0)
                return r;
        *ret_next = next_of(&page, filter->limit);
        return 0;
}

static int add_event(const struct swb_event_row *event, void *userdata, struct swb_error *err)
{
        struct page *page = userdata;

        (void)err;
        swb_json_event(page->json, event);
        page->last = event->id;
        page->n++;
        return 0;
}

int swb_json_events(struct swb_json *json, struct swb_db *db, int64_t app, const char *machineid,
                    int64_t before, uint64_t limit, int64_t *ret_next, struct swb_error *err)
{
        struct page page = {.json = json};
        int r;

        swb_json_open_array(json, NULL);
        r = swb_event_list(db, app, machineid, before, limit, add_event, &page, err);
        swb_json_close_array(json);
        if (r < 0)
                return r;
        *ret_next = next_of(&page, limit);
        return 0;
}

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

int swb_json_overview(struct swb_json *json, struct swb_db *db, struct swb_error *err)
{
        int64_t n_apps = 0, n_devices = 0;
        int r;

        r = swb_db_number(db, "SELECT count(*) FROM apps", &n_apps, err);
        if (r >= 0)
                r = swb_db_number(db, "SELECT count(*) FROM devices", &n_devices, err);
        if (r < 0)
                return r;
        swb_json_open_object(json, NULL);
        swb_json_i64(json, "apps", n_apps);
        swb_json_i64(json, "devices", n_devices);
        r = put_counts(json, db,
                       "SELECT a.appid, d.version, count(*) FROM devices d"
                       " JOIN apps a ON a.id = d.app GROUP BY 1, 2 ORDER BY 3 DESC"
                       " LIMIT " OVERVIEW_ROWS,
                       "versions", "version", err);
        if (r >= 0)
                r = put_counts(json, db,
                               "SELECT a.appid, d.state, count(*) FROM devices d"
                               " JOIN apps a ON a.id = d.app GROUP BY 1, 2 ORDER BY 1, 2",
                               "states", "state", err);
        if (r >= 0)
                r = put_counts(json, db,
                               "SELECT a.appid, d.reason, count(*) FROM devices d"
                               " JOIN apps a ON a.id = d.app WHERE d.state = 5"
                               " GROUP BY 1, 2 ORDER BY 3 DESC LIMIT " OVERVIEW_ROWS,
                               "failures", "reason", err);
        swb_json_close_object(json);
        return r;
}
