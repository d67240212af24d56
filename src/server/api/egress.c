/* SPDX-License-Identifier: Apache-2.0 */
/* The caps of what is offered. */
#include "server/store/egress.h"

#include "server/api/internal.h"
#include "server/report/report.h"

static void open_caps(struct swb_json *json, const struct swb_egress *egress)
{
        swb_json_open_object(json, NULL);
        swb_json_u64(json, "per_second", egress->per_second);
        swb_json_u64(json, "per_day", egress->per_day);
}

static int show(struct swb_api_call *call, struct swb_error *err)
{
        struct swb_egress egress;
        struct swb_egress_hold hold = {0};
        char text[SWB_TIME_TEXT];
        bool fits;
        int r;

        r = swb_egress_read(call->db, &egress, err);
        if (r < 0)
                return r;
        fits = swb_egress_fits(&egress, 1, call->now, &hold);
        open_caps(&call->json, &egress);
        swb_json_u64(&call->json, "today", egress.day == call->now / 86400 ? egress.day_bytes : 0);
        swb_json_str(&call->json, "held_until", fits ? NULL : swb_format_time(hold.until, text));
        swb_json_close_object(&call->json);
        return 0;
}

static int describe(struct swb_api_call *call, struct swb_json *json, struct swb_error *err)
{
        struct swb_egress egress;
        int r = swb_egress_read(call->db, &egress, err);

        if (r < 0)
                return r;
        open_caps(json, &egress);
        swb_json_close_object(json);
        return 1;
}

static int put(struct swb_api_call *call, struct swb_error *err)
{
        struct swb_egress egress;
        uint64_t before;
        int r;

        r = swb_api_only(call, "per_second per_day", err);
        if (r >= 0)
                r = swb_egress_lock(call->db, &egress, err);
        if (r < 0)
                return r;
        before = egress.per_second;
        r = swb_api_u64(call, "per_second", &egress.per_second, err);
        if (r >= 0)
                r = swb_api_u64(call, "per_day", &egress.per_day, err);
        if (r >= 0 && SWB_MAX(egress.per_second, egress.per_day) > SWB_EGRESS_MAX_BYTES)
                return swb_fail(err, -ERANGE, SWB_FAULT_USAGE, "a cap is at most %llu bytes",
                                (unsigned long long)SWB_EGRESS_MAX_BYTES);
        if (egress.per_second != before)
                egress.free_at_usec = 0; /* that was counted by the other rate */
        if (r >= 0)
                r = swb_egress_write(call->db, &egress, err);
        return r < 0 ? r : show(call, err);
}

const struct swb_api_route swb_api_egress_routes[] = {
        {"GET", "settings/egress", SWB_SCOPE_READ, show, describe, NULL, SWB_API_NO_APP},
        {"PUT", "settings/egress", SWB_SCOPE_ADMIN, put, describe, "settings.egress",
         SWB_API_NO_APP | SWB_API_CATALOG},
        {0},
};
