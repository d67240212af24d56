/* SPDX-License-Identifier: Apache-2.0 */
/* The server's health, its metrics, and what it knows of the fleet as JSON. */
#include <inttypes.h>

#include "base/log.h"
#include "base/text.h"
#include "server/http/internal.h"
#include "server/report/explanation.h"
#include "server/report/report.h"

#define ANSWER_MAX_BYTES (8u << 20)
#define LIMIT_DEFAULT 200
#define LIMIT_MAX 5000
#define HISTORY_HOURS_DEFAULT 48
#define HISTORY_HOURS_MAX (3 * 365 * 24)

enum MHD_Result swb_finish_health(struct swb_exchange *exchange)
{
        if (!swb_writer_is_healthy(exchange->service->writer))
                return swb_answer_busy(exchange, "the database can't be written");
        return swb_answer_text(exchange, MHD_HTTP_OK, "ok\n");
}

enum MHD_Result swb_finish_metrics(struct swb_exchange *exchange)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(ANSWER_MAX_BYTES);
        struct swb_service *service = exchange->service;
        _cleanup_(swb_catalog_unrefp) struct swb_catalog *catalog = swb_service_catalog(service);
        struct swb_metrics_view view = {
                .metrics = &service->metrics,
                .rollouts = service->rollouts,
                .catalog = catalog,
                .writer_load_percent = swb_writer_load(service->writer),
                .writer_is_healthy = swb_writer_is_healthy(service->writer),
        };
        struct swb_error err = SWB_ERROR_INIT;

        swb_writer_totals(service->writer, &view.totals);
        if (swb_metrics_write(&view, &buf, &err) < 0)
                return swb_answer_text(exchange, MHD_HTTP_INTERNAL_SERVER_ERROR, "%s\n", err.text);
        return swb_answer_buf(exchange, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8",
                              &buf);
}

/* A number of the query, or `absent`. */
static uint64_t number_of(const struct swb_exchange *exchange, const char *name, uint64_t absent)
{
        const char *text = swb_exchange_query(exchange, name);
        uint64_t n;

        return text && swb_parse_u64(text, &n) >= 0 && n <= INT64_MAX ? n : absent;
}

static const char *text_of(const struct swb_exchange *exchange, const char *name)
{
        const char *text = swb_exchange_query(exchange, name);

        return text ? text : "";
}

/* -1: not asked for; USAGE. */
static int state_of(const struct swb_exchange *exchange, int *ret, struct swb_error *err)
{
        const char *name = text_of(exchange, "state");

        *ret = -1;
        if (!*name)
                return 0;
        for (int i = 0; i < _SWB_DEVICE_STATE_MAX; i++)
                if (strcmp(name, swb_device_state_to_string((enum swb_device_state)i)) == 0) {
                        *ret = i;
                        return 0;
                }
        return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "there is no state '%.80s'", name);
}

/* What a list needs. */
struct list {
        struct swb_exchange *exchange;
        struct swb_db *db;
        struct swb_json *json;
        struct swb_app app;
        uint64_t limit;
        int64_t next; /* see report.h */
};

static int write_devices(struct list *list, struct swb_error *err)
{
        struct swb_device_filter filter = {
                .app = list->app.id,
                .after = (int64_t)number_of(list->exchange, "after", 0),
                .version = text_of(list->exchange, "version"),
                .begins = text_of(list->exchange, "begins"),
                .limit = list->limit,
        };
        int r;

        r = state_of(list->exchange, &filter.state, err);
        if (r < 0)
                return r;
        return swb_json_devices(list->json, list->db, &filter, (int64_t)time(NULL),
                                SWB_SILENT_AFTER_SECONDS_DEFAULT, &list->next, err);
}

static int write_events(struct list *list, struct swb_error *err)
{
        return swb_json_events(
                list->json, list->db, list->app.id, swb_exchange_query(list->exchange, "device"),
                (int64_t)number_of(list->exchange, "before", 0), list->limit, &list->next, err);
}

static int write_releases(struct list *list, struct swb_error *err)
{
        return swb_json_releases(list->json, list->db, list->app.id, err);
}

static int write_overview(struct list *list, struct swb_error *err)
{
        return swb_board_overview(list->exchange->service->board, list->json->buf, err);
}

static int write_history(struct list *list, struct swb_error *err)
{
        uint64_t hours = SWB_MIN(number_of(list->exchange, "hours", HISTORY_HOURS_DEFAULT),
                                 (uint64_t)HISTORY_HOURS_MAX);
        int64_t now = (int64_t)time(NULL);
        int r;

        list->json->indent = false; /* thousands of numbers */
        swb_json_open_object(list->json, NULL);
        r = swb_json_history(list->json, list->db, list->app.id, now - (int64_t)hours * 3600, now,
                             err);
        swb_board_recent(list->exchange->service->board, list->json);
        swb_json_close_object(list->json);
        return r;
}

/* What the device would be told now. */
static int write_explain(struct list *list, struct swb_error *err)
{
        struct swb_service *service = list->exchange->service;
        _cleanup_(swb_catalog_unrefp) struct swb_catalog *catalog = swb_service_catalog(service);
        const char *machineid = text_of(list->exchange, "device");
        _cleanup_free_ struct swb_explanation *e = calloc(1, sizeof(*e));
        int r;

        if (!e)
                return swb_oom(err);
        r = list->app.id == 0 ? swb_app_find(list->db, NULL, &list->app, err) : 0;
        if (r >= 0)
                r = swb_device_find(list->db, list->app.id, machineid, &e->device, err);
        if (r == 0)
                return swb_fail(err, -ENOENT, SWB_FAULT_NOT_FOUND,
                                "the server has not heard of device '%.160s'", machineid);
        if (r < 0)
                return r;
        swb_explanation_ask(e, list->app.appid);
        swb_explanation_decide(e, catalog, service->rollouts, (int64_t)time(NULL));
        swb_json_explanation(list->json, e);
        return 0;
}

/* Of the running rollouts: live counts. */
struct rollout_list {
        const struct list *list;
        const struct swb_catalog *catalog;
};

static void add_rollout(const struct swb_rollout *rollout, void *userdata)
{
        const struct rollout_list *rollouts = userdata;
        const struct swb_catalog *catalog = rollouts->catalog;

        for (size_t i = 0; i < catalog->n_apps; i++)
                if (catalog->apps[i].id == rollout->setup.app &&
                    (rollouts->list->app.id == 0 || rollouts->list->app.id == catalog->apps[i].id))
                        swb_json_rollout(rollouts->list->json, catalog->apps[i].appid, rollout);
}

static int write_rollouts(struct list *list, struct swb_error *err)
{
        struct swb_service *service = list->exchange->service;
        _cleanup_(swb_catalog_unrefp) struct swb_catalog *catalog = swb_service_catalog(service);
        struct rollout_list rollouts = {.list = list, .catalog = catalog};

        (void)err;
        swb_json_open_array(list->json, NULL);
        swb_rollouts_each(service->rollouts, add_rollout, &rollouts);
        swb_json_close_array(list->json);
        return 0;
}

/* The list's name stands behind the API's path. */
static int write_list(struct list *list, struct swb_error *err)
{
        static const struct {
                const char *name;
                int (*write)(struct list *list, struct swb_error *err);
        } lists[] = {{"overview", write_overview}, {"devices", write_devices},
                     {"events", write_events},     {"explain", write_explain},
                     {"history", write_history},   {"releases", write_releases},
                     {"rollouts", write_rollouts}};
        const char *name = list->exchange->path + strlen(SWB_API_PATH);
        const char *appid = swb_exchange_query(list->exchange, "app");
        int r;

        r = appid ? swb_app_find(list->db, appid, &list->app, err) : 0;
        if (r < 0)
                return r;
        for (size_t i = 0; i < SWB_ELEMENTS(lists); i++)
                if (strcmp(name, lists[i].name) == 0)
                        return lists[i].write(list, err);
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
        struct list list = {
                .exchange = exchange,
                .db = exchange->service->status_db,
                .json = &json,
                .limit = SWB_MIN(number_of(exchange, "limit", LIMIT_DEFAULT), (uint64_t)LIMIT_MAX)};
        struct swb_error err = SWB_ERROR_INIT;
        int r;

        list.limit = SWB_MAX(list.limit, 1u);
        (void)pthread_mutex_lock(&exchange->service->status_lock);
        r = write_list(&list, &err);
        (void)pthread_mutex_unlock(&exchange->service->status_lock);
        if (r >= 0 && swb_json_end(&json) < 0)
                r = swb_fail(&err, -E2BIG, SWB_FAULT_USAGE, "too much: ask for a lower limit");
        if (r < 0)
                return answer_failure(exchange, &err);
        if (list.next > 0)
                (void)snprintf(exchange->next, sizeof(exchange->next), "%" PRId64, list.next);
        return swb_answer_buf(exchange, MHD_HTTP_OK, "application/json", &buf);
}

enum MHD_Result swb_finish_stream(struct swb_exchange *exchange)
{
        if (exchange->is_head)
                return swb_answer_text(exchange, MHD_HTTP_METHOD_NOT_ALLOWED,
                                       "a stream has no end to measure\n");
        return swb_board_listen(exchange->service->board, exchange);
}
