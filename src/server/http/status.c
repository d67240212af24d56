/* SPDX-License-Identifier: Apache-2.0 */
/* The server's health, and, where it is wanted, the fleet: one plain page and three JSON lists. */
#include <inttypes.h>

#include "base/log.h"
#include "base/text.h"
#include "server/http/internal.h"
#include "server/report/report.h"

#define ANSWER_MAX_BYTES (8u << 20)
#define LIMIT_DEFAULT 200
#define LIMIT_MAX 5000

enum MHD_Result swb_finish_health(struct swb_exchange *exchange)
{
        if (!swb_writer_is_healthy(exchange->service->writer))
                return swb_answer_busy(exchange, "the database can't be written");
        return swb_answer_text(exchange, MHD_HTTP_OK, "ok\n");
}

static uint64_t limit_of(const struct swb_exchange *exchange)
{
        const char *text = swb_exchange_query(exchange, "limit");
        uint64_t limit;

        if (!text || swb_parse_u64(text, &limit) < 0)
                return LIMIT_DEFAULT;
        return SWB_MIN(limit, (uint64_t)LIMIT_MAX);
}

/* The list's name stands behind the API's path. -ENOENT: there is no such list. */
static int write_list(struct swb_exchange *exchange, struct swb_json *json, struct swb_error *err)
{
        const char *list = exchange->path + strlen(SWB_API_PATH);
        const char *appid = swb_exchange_query(exchange, "app");
        struct swb_db *db = exchange->service->status_db;
        struct swb_app app = {0};
        int r;

        r = appid ? swb_app_find(db, appid, &app, err) : 0;
        if (r < 0)
                return r;
        if (strcmp(list, "devices") == 0)
                return swb_json_devices(json, db, app.id, limit_of(exchange), (int64_t)time(NULL),
                                        SWB_SILENT_AFTER_SECONDS_DEFAULT, err);
        if (strcmp(list, "events") == 0)
                return swb_json_events(json, db, app.id, swb_exchange_query(exchange, "device"),
                                       limit_of(exchange), err);
        if (strcmp(list, "releases") == 0)
                return swb_json_releases(json, db, app.id, err);
        return swb_fail(err, -ENOENT, SWB_FAULT_NOT_FOUND, "there is no such list");
}

static enum MHD_Result answer_failure(struct swb_exchange *exchange, const struct swb_error *err)
{
        if (err->fault == SWB_FAULT_NOT_FOUND)
                return swb_answer_text(exchange, MHD_HTTP_NOT_FOUND, "%s\n", err->text);
        if (err->fault == SWB_FAULT_USAGE)
                return swb_answer_text(exchange, MHD_HTTP_BAD_REQUEST, "%s\n", err->text);
        (void)swb_log_failure(SWB_LOG_ERROR, err, "show the fleet");
        return swb_answer_text(exchange, MHD_HTTP_INTERNAL_SERVER_ERROR,
                               "the answer could not be made\n");
}

enum MHD_Result swb_finish_status_api(struct swb_exchange *exchange)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(ANSWER_MAX_BYTES);
        struct swb_json json = SWB_JSON(&buf, true);
        struct swb_error err = SWB_ERROR_INIT;
        int r;

        (void)pthread_mutex_lock(&exchange->service->status_lock);
        r = write_list(exchange, &json, &err);
        (void)pthread_mutex_unlock(&exchange->service->status_lock);
        if (r >= 0 && swb_json_end(&json) < 0)
                r = swb_fail(&err, -E2BIG, SWB_FAULT_USAGE, "too much: ask for a lower limit");
        if (r < 0)
                return answer_failure(exchange, &err);
        return swb_answer_buf(exchange, MHD_HTTP_OK, "application/json", &buf);
}

/* HTML with a sticky error. */
struct page {
        struct swb_buf *buf;
        int error;
        int64_t now;
};

static void put(struct page *page, const char *text)
{
        if (page->error == 0)
                page->error = swb_buf_append_str(page->buf, text);
}

static void put_cell(struct page *page, const char *text)
{
        static const char special[] = "<>&\"'";

        put(page, "<td>");
        while (*text && page->error == 0) {
                size_t n = strcspn(text, special);

                page->error = swb_buf_append(page->buf, text, n);
                text += n;
                if (*text && page->error == 0)
                        page->error = swb_buf_printf(page->buf, "&#%d;", *text++);
        }
        put(page, "</td>");
}

static int put_device(const char *appid, const struct swb_device *device, void *userdata,
                      struct swb_error *err)
{
        char state[SWB_DEVICE_STATE_TEXT], event[SWB_EVENT_TEXT] = "", seen[SWB_TIME_TEXT];
        struct page *page = userdata;

        (void)err;
        if (device->last_event_at)
                (void)swb_event_describe(device->last_event_type, device->last_event_result,
                                         device->last_errorcode, event);
        put(page, "<tr>");
        put_cell(page, device->machineid);
        put_cell(page, appid);
        put_cell(page, device->version);
        put_cell(page, device->channel);
        put_cell(page, device->slot);
        put_cell(page,
                 swb_device_describe(device, page->now, SWB_SILENT_AFTER_SECONDS_DEFAULT, state));
        put_cell(page, event);
        put_cell(page, swb_format_time(device->last_seen, seen));
        put(page, "</tr>\n");
        return 0;
}

static int put_states(struct page *page, struct swb_db *db, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        char number[24];
        int r;

        r = swb_query_init(&q, db,
                           "SELECT a.appid, d.version, d.state, count(*) FROM devices d"
                           " JOIN apps a ON a.id = d.app GROUP BY 1, 2, 3 ORDER BY 1, 4 DESC"
                           " LIMIT 200",
                           err);
        while (r >= 0 && (r = swb_query_step(&q, err)) > 0) {
                put(page, "<tr>");
                put_cell(page, swb_query_text(&q, 0));
                put_cell(page, swb_query_text(&q, 1));
                put_cell(page,
                         swb_device_state_to_string((enum swb_device_state)swb_query_i64(&q, 2)));
                (void)snprintf(number, sizeof(number), "%" PRId64, swb_query_i64(&q, 3));
                put_cell(page, number);
                put(page, "</tr>\n");
        }
        return r;
}

static int write_page(struct swb_exchange *exchange, struct page *page, struct swb_error *err)
{
        struct swb_db *db = exchange->service->status_db;
        int r;

        put(page, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                  "<title>Switchback fleet</title><style>body{font-family:sans-serif}"
                  "table{border-collapse:collapse}td,th{border:1px solid #bbb;padding:2px 8px;"
                  "text-align:left}</style></head><body><h1>Fleet</h1>\n"
                  "<table><tr><th>app</th><th>version</th><th>state</th><th>devices</th></tr>\n");
        r = put_states(page, db, err);
        put(page, "</table>\n<h2>Devices</h2>\n<table><tr><th>device</th><th>app</th>"
                  "<th>version</th><th>channel</th><th>slot</th><th>state</th><th>last event</th>"
                  "<th>last seen</th></tr>\n");
        if (r >= 0)
                r = swb_device_list(db, 0, limit_of(exchange), put_device, page, err);
        put(page, "</table>\n<p>Lists: <a href=\"/api/v1/devices\">devices</a>, "
                  "<a href=\"/api/v1/events\">events</a>, "
                  "<a href=\"/api/v1/releases\">releases</a>; limit=N, app=ID, device=ID.</p>"
                  "</body></html>\n");
        return r;
}

enum MHD_Result swb_finish_status_page(struct swb_exchange *exchange)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(ANSWER_MAX_BYTES);
        struct page page = {.buf = &buf, .now = (int64_t)time(NULL)};
        struct swb_error err = SWB_ERROR_INIT;
        int r;

        (void)pthread_mutex_lock(&exchange->service->status_lock);
        r = write_page(exchange, &page, &err);
        (void)pthread_mutex_unlock(&exchange->service->status_lock);
        if (r >= 0 && page.error < 0)
                r = swb_fail(&err, -E2BIG, SWB_FAULT_USAGE, "too much: ask for a lower limit");
        if (r < 0)
                return answer_failure(exchange, &err);
        return swb_answer_buf(exchange, MHD_HTTP_OK, "text/html; charset=utf-8", &buf);
}
