/* SPDX-License-Identifier: Apache-2.0 */
/* Who changed what. */
#include "server/api/internal.h"
#include "server/report/report.h"

struct page {
        struct swb_json *json;
        uint64_t n;
        int64_t last;
};

/* A state is JSON already: it becomes part of ours. */
static void put_state(struct swb_json *json, const char *name, const char *state)
{
        if (*state)
                swb_json_raw(json, name, state);
        else
                swb_json_null(json, name);
}

static int add_row(const struct swb_audit_row *row, void *userdata, struct swb_error *err)
{
        struct page *page = userdata;
        struct swb_json *json = page->json;
        char at[SWB_TIME_TEXT];

        (void)err;
        swb_json_open_object(json, NULL);
        swb_json_i64(json, "number", row->id);
        swb_json_str(json, "at", swb_format_time(row->at, at));
        swb_json_str(json, "who", row->who);
        swb_json_str(json, "via", row->via);
        swb_json_str(json, "address", *row->address ? row->address : NULL);
        swb_json_str(json, "action", row->action);
        swb_json_str(json, "app", *row->app ? row->app : NULL);
        swb_json_str(json, "object", row->object);
        put_state(json, "before", row->old_state);
        put_state(json, "after", row->new_state);
        swb_json_close_object(json);
        page->last = row->id;
        page->n++;
        return 0;
}

static const char *text_of(const struct swb_api_call *call, const char *name)
{
        const char *text = swb_api_query(call, name);

        return text ? text : "";
}

static int list_audit(struct swb_api_call *call, struct swb_error *err)
{
        struct swb_audit_filter filter = {.object = text_of(call, "object"),
                                          .action = text_of(call, "action"),
                                          .who = text_of(call, "who")};
        struct page page = {.json = &call->json};
        int r = swb_api_page(call, &filter.before, &filter.limit, err);

        if (r < 0)
                return r;
        swb_json_open_array(&call->json, NULL);
        r = swb_audit_list(call->db, &filter, add_row, &page, err);
        swb_json_close_array(&call->json);
        swb_api_set_next(call, page.n == filter.limit ? page.last : 0);
        return r;
}

const struct swb_api_route swb_api_audit_routes[] = {
        {"GET", "audit", SWB_SCOPE_READ, list_audit, NULL, NULL, SWB_API_NO_APP | SWB_API_NAMED},
        {0},
};
