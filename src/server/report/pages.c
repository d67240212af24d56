/* SPDX-License-Identifier: Apache-2.0 */
/* The long lists of the API, a page at a time. */
#include "server/report/report.h"

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
