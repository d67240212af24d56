/* SPDX-License-Identifier: Apache-2.0 */
/* Events of devices: stored once, and not more than there may be. */
#include "server/store/fleet_internal.h"

/* At most so many old events are dropped per new one, so that one insert stays short. */
#define TRIM_STEP 8

#define SECONDS_PER_DAY 86400

static void bind_bounded(struct swb_query *q, const char *text, size_t max)
{
        char bounded[SWB_TEXT_MAX + 1];

        swb_assert(max <= SWB_TEXT_MAX);
        swb_copy_bounded(bounded, text, max);
        swb_query_bind_text(q, bounded);
}

int swb_fleet_has_event(struct swb_fleet *fleet, const struct swb_device *device,
                        const char *request_id, size_t ordinal, struct swb_error *err)
{
        struct swb_query *q = &fleet->has_event;
        int r;

        if (!*request_id || device->id == 0)
                return 0;
        swb_query_bind_i64(q, device->id);
        bind_bounded(q, request_id, SWB_REQUEST_ID_MAX);
        swb_query_bind_i64(q, (int64_t)ordinal);
        r = swb_query_step(q, err);
        if (r > 0)
                swb_query_reset(q);
        return r;
}

struct old_event {
        int64_t id, device, at; /* id 0: there is none */
};

/* find: a query that is ready to step. */
static int find_oldest(struct swb_query *find, struct old_event *ret, struct swb_error *err)
{
        int r = swb_query_step(find, err);

        *ret = (struct old_event){0};
        if (r <= 0)
                return r;
        *ret = (struct old_event){.id = swb_query_i64(find, 0),
                                  .device = swb_query_i64(find, 1),
                                  .at = swb_query_i64(find, 2)};
        swb_query_reset(find);
        return 0;
}

/* False: another server was faster. */
static int drop_event(struct swb_fleet *fleet, const struct old_event *event, bool *ret_dropped,
                      struct swb_error *err)
{
        int r;

        swb_query_bind_i64(&fleet->drop_event, event->id);
        r = swb_query_run(&fleet->drop_event, err);
        if (r < 0)
                return r;
        *ret_dropped = swb_db_changes(fleet->db) > 0;
        fleet->now.events -= *ret_dropped && fleet->now.events > 0;
        return 0;
}

static int trim_device(struct swb_fleet *fleet, struct swb_device *device, struct swb_error *err)
{
        struct old_event event;
        bool dropped;
        int r;

        for (int i = 0;
             i < TRIM_STEP && (uint64_t)device->n_events >= fleet->limits.events_per_device; i++) {
                swb_query_bind_i64(&fleet->oldest_of_device, device->id);
                r = find_oldest(&fleet->oldest_of_device, &event, err);
                if (r >= 0 && event.id)
                        r = drop_event(fleet, &event, &dropped, err);
                if (r < 0)
                        return r;
                device->n_events = event.id ? device->n_events - 1 : 0;
        }
        return 0;
}

static int discount(struct swb_fleet *fleet, struct swb_device *device, int64_t owner,
                    struct swb_error *err)
{
        if (owner == device->id) {
                device->n_events--; /* its row is written later */
                return 0;
        }
        swb_query_bind_i64(&fleet->discount, owner);
        return swb_query_run(&fleet->discount, err);
}

static bool is_expired(const struct swb_fleet *fleet, int64_t at, int64_t now)
{
        return fleet->limits.event_seconds > 0 && now - at > (int64_t)fleet->limits.event_seconds;
}

/* The oldest go, when there are too many or they are too old. */
static int trim_all(struct swb_fleet *fleet, struct swb_device *device, int64_t now,
                    struct swb_error *err)
{
        struct old_event event;
        bool dropped;
        int r;

        for (int i = 0; i < TRIM_STEP; i++) {
                bool is_full = fleet->now.events >= fleet->limits.events;

                if (!is_full && !is_expired(fleet, fleet->oldest_at, now))
                        return 0;
                r = find_oldest(&fleet->oldest, &event, err);
                if (r < 0)
                        return r;
                fleet->oldest_at = event.id ? event.at : now;
                if (!event.id || (!is_full && !is_expired(fleet, event.at, now)))
                        return 0;
                r = drop_event(fleet, &event, &dropped, err);
                if (r >= 0 && dropped)
                        r = discount(fleet, device, event.device, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* A full hour after the first event of the last window, a new one begins. */
static bool within_rate(struct swb_fleet *fleet, struct swb_device *device, int64_t now)
{
        if (now - device->window_start >= 3600 || now < device->window_start) {
                device->window_start = now;
                device->window_events = 0;
        }
        if ((uint64_t)device->window_events >= fleet->limits.events_per_device_hour) {
                device->dropped_events++;
                return false;
        }
        device->window_events++;
        return true;
}

static int count_event(struct swb_fleet *fleet, int64_t app, const struct swb_device *device,
                       const struct swb_omaha_event *event, int64_t now, struct swb_error *err)
{
        struct swb_event_day day = {.app = app,
                                    .day = now / SECONDS_PER_DAY,
                                    .type = event->type,
                                    .result = event->result,
                                    .errorcode = event->errorcode};

        swb_copy_bounded(day.release, *event->nextversion ? event->nextversion : device->version,
                         SWB_VERSION_MAX);
        return swb_event_days_add(fleet->event_days, &day, err);
}

int swb_fleet_add_event(struct swb_fleet *fleet, int64_t app, struct swb_device *device,
                        const struct swb_omaha_event *event, const char *request_id, size_t ordinal,
                        int64_t now, struct swb_error *err)
{
        struct swb_query *q = &fleet->add_event;
        int r;

        if (!within_rate(fleet, device, now) || fleet->limits.events_per_device == 0)
                return 0;
        r = trim_device(fleet, device, err);
        if (r >= 0)
                r = trim_all(fleet, device, now, err);
        if (r < 0)
                return r;
        swb_query_bind_i64(q, device->id);
        swb_query_bind_i64(q, now);
        swb_query_bind_i64(q, event->type);
        swb_query_bind_i64(q, event->result);
        swb_query_bind_i64(q, event->errorcode);
        bind_bounded(q, device->version, SWB_VERSION_MAX);
        bind_bounded(q, event->previousversion, SWB_VERSION_MAX);
        bind_bounded(q, event->nextversion, SWB_VERSION_MAX);
        bind_bounded(q, event->fault, SWB_FAULT_NAME_MAX);
        bind_bounded(q, event->text, SWB_TEXT_MAX);
        bind_bounded(q, event->slot, SWB_SLOT_NAME_MAX);
        bind_bounded(q, request_id, SWB_REQUEST_ID_MAX);
        swb_query_bind_i64(q, (int64_t)ordinal);
        r = swb_query_run(q, err);
        if (r < 0)
                return r;
        device->n_events++;
        fleet->now.events++;
        return count_event(fleet, app, device, event, now, err);
}
