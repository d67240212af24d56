/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/fleet.h"
#include "server/store/fleet_row.h"

void swb_device_read_row(const struct swb_query *q, struct swb_device *d)
{
        int c = 0;

        *d = (struct swb_device){0};
        d->id = swb_query_i64(q, c++);
        swb_copy_bounded(d->machineid, swb_query_text(q, c++), SWB_MACHINEID_MAX);
        swb_copy_bounded(d->version, swb_query_text(q, c++), SWB_VERSION_MAX);
        swb_copy_bounded(d->channel, swb_query_text(q, c++), SWB_NAME_MAX);
        swb_copy_bounded(d->board, swb_query_text(q, c++), SWB_NAME_MAX);
        swb_copy_bounded(d->hardware_class, swb_query_text(q, c++), SWB_NAME_MAX);
        swb_copy_bounded(d->slot, swb_query_text(q, c++), SWB_SLOT_NAME_MAX);
        d->state = (enum swb_device_state)swb_query_i64(q, c++);
        d->stored_state = d->state;
        swb_copy_bounded(d->reason, swb_query_text(q, c++), SWB_TEXT_MAX);
        swb_copy_bounded(d->granted_version, swb_query_text(q, c++), SWB_VERSION_MAX);
        d->first_seen = swb_query_i64(q, c++);
        d->last_seen = swb_query_i64(q, c++);
        d->granted_at = swb_query_i64(q, c++);
        d->updated_at = swb_query_i64(q, c++);
        d->last_event_at = swb_query_i64(q, c++);
        d->last_event_type = (int32_t)swb_query_i64(q, c++);
        d->last_event_result = (int32_t)swb_query_i64(q, c++);
        d->last_errorcode = (int32_t)swb_query_i64(q, c++);
        d->n_events = swb_query_i64(q, c++);
        d->window_start = swb_query_i64(q, c++);
        d->window_events = swb_query_i64(q, c++);
        d->dropped_events = swb_query_i64(q, c++);
        swb_copy_bounded(d->abilities, swb_query_text(q, c), sizeof(d->abilities) - 1);
}

int swb_device_list(struct swb_db *db, int64_t app, uint64_t limit,
                    int (*each)(const char *appid, const struct swb_device *device, void *userdata,
                                struct swb_error *err),
                    void *userdata, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        struct swb_device device;
        int r;

        r = swb_query_begin(&q, db,
                            "SELECT " SWB_DEVICE_COLUMNS ", a.appid FROM devices d"
                            " JOIN apps a ON a.id = d.app WHERE ?1 = 0 OR d.app = ?1"
                            " ORDER BY a.appid, d.machineid LIMIT ?2",
                            SWB_VALUES(SWB_NUMBER(app),
                                       SWB_NUMBER((int64_t)SWB_MIN(limit, (uint64_t)INT64_MAX))),
                            err);
        while (r >= 0 && (r = swb_query_step(&q, err)) > 0) {
                swb_device_read_row(&q, &device);
                r = each(swb_query_text(&q, SWB_DEVICE_N_COLUMNS), &device, userdata, err);
        }
        return r;
}

int swb_device_find(struct swb_db *db, int64_t app, const char *machineid, struct swb_device *ret,
                    struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r;

        r = swb_query_first(&q, db,
                            "SELECT " SWB_DEVICE_COLUMNS " FROM devices d"
                            " WHERE d.app = ? AND d.machineid = ?",
                            SWB_VALUES(SWB_NUMBER(app), SWB_TEXT(machineid)), err);
        if (r > 0)
                swb_device_read_row(&q, ret);
        return r;
}

int swb_device_page(struct swb_db *db, const struct swb_device_filter *filter,
                    int (*each)(const char *appid, const struct swb_device *device, void *userdata,
                                struct swb_error *err),
                    void *userdata, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        struct swb_device device;
        int r;

        r = swb_query_begin(
                &q, db,
                "SELECT " SWB_DEVICE_COLUMNS ", a.appid FROM devices d"
                " JOIN apps a ON a.id = d.app WHERE d.id > ?1 AND (?2 = 0 OR d.app = ?2)"
                " AND (?3 < 0 OR d.state = ?3) AND (?4 = '' OR d.version = ?4)"
                " AND (?5 = '' OR substr(d.machineid, 1, length(?5)) = ?5)"
                " ORDER BY d.id LIMIT ?6",
                SWB_VALUES(SWB_NUMBER(filter->after), SWB_NUMBER(filter->app),
                           SWB_NUMBER(filter->state), SWB_TEXT(filter->version),
                           SWB_TEXT(filter->begins),
                           SWB_NUMBER((int64_t)SWB_MIN(filter->limit, (uint64_t)INT64_MAX))),
                err);
        while (r >= 0 && (r = swb_query_step(&q, err)) > 0) {
                swb_device_read_row(&q, &device);
                r = each(swb_query_text(&q, SWB_DEVICE_N_COLUMNS), &device, userdata, err);
        }
        return r;
}

static void read_event(const struct swb_query *q, struct swb_event_row *event)
{
        int c = 0;

        event->id = swb_query_i64(q, c++);
        event->at = swb_query_i64(q, c++);
        swb_copy_bounded(event->appid, swb_query_text(q, c++), SWB_APPID_MAX);
        swb_copy_bounded(event->machineid, swb_query_text(q, c++), SWB_MACHINEID_MAX);
        event->type = (int32_t)swb_query_i64(q, c++);
        event->result = (int32_t)swb_query_i64(q, c++);
        event->errorcode = (int32_t)swb_query_i64(q, c++);
        swb_copy_bounded(event->version, swb_query_text(q, c++), SWB_VERSION_MAX);
        swb_copy_bounded(event->previous_version, swb_query_text(q, c++), SWB_VERSION_MAX);
        swb_copy_bounded(event->next_version, swb_query_text(q, c++), SWB_VERSION_MAX);
        swb_copy_bounded(event->fault, swb_query_text(q, c++), SWB_FAULT_NAME_MAX);
        swb_copy_bounded(event->text, swb_query_text(q, c++), SWB_TEXT_MAX);
        swb_copy_bounded(event->slot, swb_query_text(q, c), SWB_SLOT_NAME_MAX);
}

#define EVENTS                                                                                     \
        "SELECT e.id, e.at, a.appid, d.machineid, e.type, e.result, e.errorcode, e.version,"       \
        " e.previous_version, e.next_version, e.fault, e.text, e.slot FROM events e"               \
        " JOIN devices d ON d.id = e.device JOIN apps a ON a.id = d.app"

int swb_event_list(struct swb_db *db, int64_t app, const char *machineid, int64_t before,
                   uint64_t limit,
                   int (*each)(const struct swb_event_row *event, void *userdata,
                               struct swb_error *err),
                   void *userdata, struct swb_error *err)
{
        static const char of_any[] =
                EVENTS " WHERE (?1 = 0 OR d.app = ?1) AND (?2 IS NULL OR d.machineid = ?2)"
                       " AND (?3 = 0 OR e.id < ?3) ORDER BY e.id DESC LIMIT ?4";
        /* By the index of its events, instead of by all events there are. */
        static const char of_one[] =
                EVENTS " WHERE e.device = (SELECT o.id FROM devices o WHERE o.app = ?1"
                       " AND o.machineid = ?2) AND (?3 = 0 OR e.id < ?3)"
                       " ORDER BY e.id DESC LIMIT ?4";
        _cleanup_(swb_query_done) struct swb_query q = {0};
        struct swb_event_row event;
        int r;

        r = swb_query_begin(&q, db, app != 0 && machineid ? of_one : of_any,
                            SWB_VALUES(SWB_NUMBER(app), SWB_TEXT(machineid), SWB_NUMBER(before),
                                       SWB_NUMBER((int64_t)SWB_MIN(limit, (uint64_t)INT64_MAX))),
                            err);
        while (r >= 0 && (r = swb_query_step(&q, err)) > 0) {
                read_event(&q, &event);
                r = each(&event, userdata, err);
        }
        return r;
}
