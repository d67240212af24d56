/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of the devices. */
#include "server/api/internal.h"
#include "server/report/report.h"
#include "server/store/event_days.h"
#include "server/store/history.h"

#define HISTORY_HOURS_DEFAULT 48
#define SECONDS_PER_DAY 86400
#define SUMMARY_DAYS_DEFAULT 30
#define SUMMARY_DAYS_MAX 100000
#define HISTORY_HOURS_MAX (3 * 365 * 24)

/* A running server has one, seconds old. */
static int show_overview(struct swb_api_call *call, struct swb_error *err)
{
        const struct swb_api_board *board = &call->shared->board;

        if (board->overview)
                return board->overview(board->userdata, &call->answer->body, err);
        return swb_json_overview(&call->json, call->db, call->now, SWB_SILENT_AFTER_SECONDS_DEFAULT,
                                 err);
}

static int show_history(struct swb_api_call *call, struct swb_error *err)
{
        const struct swb_api_board *board = &call->shared->board;
        uint64_t hours;
        int r;

        r = swb_api_query_u64(call, "hours", HISTORY_HOURS_DEFAULT, &hours, err);
        if (r < 0)
                return r;
        hours = SWB_MIN(hours, (uint64_t)HISTORY_HOURS_MAX);
        call->json.indent = false; /* thousands of numbers */
        swb_json_open_object(&call->json, NULL);
        r = swb_json_history(&call->json, call->db, call->app.id, call->now - (int64_t)hours * 3600,
                             call->now, err);
        if (board->recent)
                board->recent(board->userdata, &call->json);
        swb_json_close_object(&call->json);
        return r;
}

/* Only whether one may listen: the rest is the caller's. */
static int listen(struct swb_api_call *call, struct swb_error *err)
{
        (void)call;
        (void)err;
        return 0;
}

/* -1: not asked for; USAGE. */
static int read_state(const struct swb_api_call *call, int *ret, struct swb_error *err)
{
        const char *name = swb_api_query(call, "state");

        *ret = -1;
        if (!name || !*name)
                return 0;
        for (int i = 0; i < _SWB_DEVICE_STATE_MAX; i++)
                if (strcmp(name, swb_device_state_to_string((enum swb_device_state)i)) == 0) {
                        *ret = i;
                        return 0;
                }
        return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "there is no state '%.80s'", name);
}

static const char *text_of(const struct swb_api_call *call, const char *name)
{
        const char *text = swb_api_query(call, name);

        return text ? text : "";
}

static int list_devices(struct swb_api_call *call, struct swb_error *err)
{
        struct swb_device_filter filter = {.app = call->app.id,
                                           .version = text_of(call, "version"),
                                           .begins = text_of(call, "begins")};
        uint64_t after, silent_after;
        int64_t next = 0;
        int r;

        r = swb_api_limit(call, &filter.limit, err);
        if (r >= 0)
                r = swb_api_query_u64(call, "after", 0, &after, err);
        if (r >= 0)
                r = swb_api_query_u64(call, "silent_after", SWB_SILENT_AFTER_SECONDS_DEFAULT,
                                      &silent_after, err);
        if (r >= 0)
                r = read_state(call, &filter.state, err);
        if (r < 0)
                return r;
        filter.after = (int64_t)after;
        r = swb_json_devices(&call->json, call->db, &filter, call->now, silent_after, &next, err);
        swb_api_set_next(call, next);
        return r;
}

static int show_device(struct swb_api_call *call, struct swb_error *err)
{
        struct swb_device device;
        int r;

        r = swb_device_find(call->db, call->app.id, call->args[0], &device, err);
        if (r < 0)
                return r;
        if (r == 0)
                return swb_fail(err, -ENOENT, SWB_FAULT_NOT_FOUND,
                                "the server has not heard of device '%s'", call->args[0]);
        swb_json_device(&call->json, call->app.appid, &device, call->now,
                        SWB_SILENT_AFTER_SECONDS_DEFAULT);
        return 0;
}

static int list_events(struct swb_api_call *call, struct swb_error *err)
{
        int64_t before, next = 0;
        uint64_t limit;
        int r = swb_api_page(call, &before, &limit, err);

        if (r >= 0)
                r = swb_json_events(&call->json, call->db, call->app.id,
                                    swb_api_query(call, "device"), before, limit, &next, err);
        swb_api_set_next(call, next);
        return r;
}

struct page {
        struct swb_json *json;
        uint64_t n;
        int64_t last;
};

static int add_day(const struct swb_event_day *day, const char *appid, void *userdata,
                   struct swb_error *err)
{
        struct page *page = userdata;
        char date[SWB_TIME_TEXT], text[SWB_EVENT_TEXT];
        bool is_rest = day->type == 0 && !*day->release;

        (void)err;
        (void)swb_format_time(day->day * SECONDS_PER_DAY, date);
        date[strcspn(date, "T")] = '\0';
        swb_json_open_object(page->json, NULL);
        swb_json_str(page->json, "day", date);
        swb_json_str(page->json, "app", appid);
        swb_json_str(page->json, "release", day->release);
        swb_json_i64(page->json, "type", day->type);
        swb_json_i64(page->json, "result", day->result);
        swb_json_i64(page->json, "errorcode", day->errorcode);
        swb_json_str(page->json, "summary",
                     is_rest ? "all others"
                             : swb_event_describe(day->type, day->result, day->errorcode, text));
        swb_json_u64(page->json, "events", day->n);
        swb_json_close_object(page->json);
        page->last = day->id;
        page->n++;
        return 0;
}

static int list_days(struct swb_api_call *call, struct swb_error *err)
{
        struct swb_event_day_filter filter = {.app = call->app.id,
                                              .release = swb_api_query(call, "release")};
        struct page page = {.json = &call->json};
        uint64_t days;
        int r = swb_api_page(call, &filter.before, &filter.limit, err);

        if (r >= 0)
                r = swb_api_query_u64(call, "days", SUMMARY_DAYS_DEFAULT, &days, err);
        if (r < 0)
                return r;
        days = SWB_MIN(days, (uint64_t)SUMMARY_DAYS_MAX);
        filter.since_day = call->now / SECONDS_PER_DAY - (int64_t)days + 1;
        swb_json_open_array(&call->json, NULL);
        r = swb_event_day_list(call->db, &filter, add_day, &page, err);
        swb_json_close_array(&call->json);
        swb_api_set_next(call, page.n == filter.limit ? page.last : 0);
        return r;
}

const struct swb_api_route swb_api_fleet_routes[] = {
        {"GET", "overview", SWB_SCOPE_READ, show_overview, NULL, NULL, SWB_API_NO_APP},
        {"GET", "history", SWB_SCOPE_READ, show_history, NULL, NULL, SWB_API_ANY_APP},
        {"GET", SWB_API_STREAM, SWB_SCOPE_READ, listen, NULL, NULL, SWB_API_NO_APP},
        {"GET", "devices", SWB_SCOPE_READ, list_devices, NULL, NULL, SWB_API_ANY_APP},
        {"GET", "devices/{device}", SWB_SCOPE_READ, show_device, NULL, NULL, 0},
        {"GET", "explain", SWB_SCOPE_READ, swb_api_explain, NULL, NULL, SWB_API_SELF},
        {"GET", "devices/{device}/explain", SWB_SCOPE_READ, swb_api_explain, NULL, NULL,
         SWB_API_SELF},
        {"GET", "events", SWB_SCOPE_READ, list_events, NULL, NULL, SWB_API_ANY_APP},
        {"GET", "events/summary", SWB_SCOPE_READ, list_days, NULL, NULL, SWB_API_ANY_APP},
        {0},
};
