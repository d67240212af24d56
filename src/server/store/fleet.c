/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/fleet.h"

#include "server/store/event_days.h"
#include "server/store/fleet_internal.h"
#include "server/store/fleet_row.h"

static const char read_sql[] =
        "SELECT " SWB_DEVICE_COLUMNS " FROM devices d WHERE d.app = ? AND d.machineid = ?";

static const char insert_sql[] =
        "INSERT INTO devices (app, machineid, version, channel, board, hardware_class, slot, state,"
        " reason, granted_version, first_seen, last_seen, granted_at, updated_at, last_event_at,"
        " last_event_type, last_event_result, last_errorcode, n_events, window_start, "
        "window_events,"
        " dropped_events, abilities) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
        "?,"
        " ?, ?, ?, ?) RETURNING id";

static const char update_sql[] =
        "UPDATE devices SET version = ?, channel = ?, board = ?, hardware_class = ?, slot = ?,"
        " state = ?, reason = ?, granted_version = ?, first_seen = ?, last_seen = ?,"
        " granted_at = ?, updated_at = ?, last_event_at = ?, last_event_type = ?,"
        " last_event_result = ?, last_errorcode = ?, n_events = ?, window_start = ?,"
        " window_events = ?, dropped_events = ?, abilities = ? WHERE id = ?";

static const char has_event_sql[] =
        "SELECT 1 FROM events WHERE device = ? AND request = ? AND ordinal = ?";

static const char add_event_sql[] =
        "INSERT INTO events (device, at, type, result, errorcode, version, previous_version,"
        " next_version, fault, text, slot, request, ordinal) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
        "?, ?, ?)";

static const char count_sql[] =
        "INSERT INTO daily (app, day, checks, offers, devices, active, fresh)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (app, day) DO UPDATE SET"
        " checks = daily.checks + excluded.checks, offers = daily.offers + excluded.offers,"
        " devices = daily.devices + excluded.devices, active = daily.active + excluded.active,"
        " fresh = daily.fresh + excluded.fresh";

static int prepare(struct swb_fleet *fleet, struct swb_error *err)
{
        const struct {
                struct swb_query *query;
                const char *sql;
        } all[] = {
                {&fleet->read, read_sql},
                {&fleet->insert, insert_sql},
                {&fleet->update, update_sql},
                {&fleet->has_event, has_event_sql},
                {&fleet->add_event, add_event_sql},
                {&fleet->oldest_of_device,
                 "SELECT id, device, at FROM events WHERE device = ? ORDER BY id LIMIT 1"},
                {&fleet->oldest, "SELECT id, device, at FROM events ORDER BY id LIMIT 1"},
                {&fleet->drop_event, "DELETE FROM events WHERE id = ?"},
                {&fleet->discount, "UPDATE devices SET n_events = n_events - 1 WHERE id = ?"},
                {&fleet->count, count_sql},
        };

        for (size_t i = 0; i < SWB_ELEMENTS(all); i++) {
                int r = swb_query_init(all[i].query, fleet->db, all[i].sql, err);

                if (r < 0)
                        return r;
        }
        return 0;
}

static int count_states(struct swb_fleet *fleet, struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r;

        memset(fleet->now.states, 0, sizeof(fleet->now.states));
        r = swb_query_init(&q, fleet->db, "SELECT state, count(*) FROM devices GROUP BY state",
                           err);
        while (r >= 0 && (r = swb_query_step(&q, err)) > 0) {
                int64_t state = swb_query_i64(&q, 0);

                if (state >= 0 && state < _SWB_DEVICE_STATE_MAX)
                        fleet->now.states[state] = (uint64_t)swb_query_i64(&q, 1);
        }
        return r;
}

int swb_fleet_recount(struct swb_fleet *fleet, struct swb_error *err)
{
        int64_t n_devices, n_events;
        int r;

        r = swb_db_number(fleet->db, "SELECT count(*) FROM devices", &n_devices, err);
        if (r >= 0)
                r = swb_db_number(fleet->db, "SELECT count(*) FROM events", &n_events, err);
        if (r < 0)
                return r;
        fleet->now.devices = (uint64_t)n_devices;
        fleet->now.events = (uint64_t)n_events;
        return count_states(fleet, err);
}

void swb_fleet_totals(const struct swb_fleet *fleet, struct swb_fleet_totals *ret)
{
        *ret = fleet->now;
}

void swb_fleet_begin(struct swb_fleet *fleet)
{
        fleet->at_begin = fleet->now;
        fleet->n_pending = 0;
        swb_event_days_forget(fleet->event_days);
}

void swb_fleet_rollback(struct swb_fleet *fleet)
{
        fleet->now = fleet->at_begin;
}

int swb_fleet_new(struct swb_db *db, const struct swb_fleet_limits *limits, struct swb_fleet **ret,
                  struct swb_error *err)
{
        _cleanup_(swb_fleet_freep) struct swb_fleet *fleet = calloc(1, sizeof(*fleet));
        int r;

        if (!fleet)
                return swb_oom(err);
        fleet->db = db;
        fleet->limits = *limits;
        r = prepare(fleet, err);
        if (r >= 0)
                r = swb_event_days_new(db, &fleet->event_days, err);
        if (r >= 0)
                r = swb_fleet_recount(fleet, err);
        if (r < 0)
                return r;
        *ret = SWB_TAKE_PTR(fleet);
        return 0;
}

struct swb_fleet *swb_fleet_free(struct swb_fleet *fleet)
{
        struct swb_query *all[] = {
                &fleet->read,      &fleet->insert,     &fleet->update,
                &fleet->has_event, &fleet->add_event,  &fleet->oldest_of_device,
                &fleet->oldest,    &fleet->drop_event, &fleet->discount,
                &fleet->count,
        };

        if (!fleet)
                return NULL;
        for (size_t i = 0; i < SWB_ELEMENTS(all); i++)
                swb_query_done(all[i]);
        (void)swb_event_days_free(fleet->event_days);
        free(fleet);
        return NULL;
}

/* The columns that insert_sql and update_sql have in common, in this order. */
static void bind_device(struct swb_query *q, const struct swb_device *d)
{
        swb_query_bind_text(q, d->version);
        swb_query_bind_text(q, d->channel);
        swb_query_bind_text(q, d->board);
        swb_query_bind_text(q, d->hardware_class);
        swb_query_bind_text(q, d->slot);
        swb_query_bind_i64(q, d->state);
        swb_query_bind_text(q, d->reason);
        swb_query_bind_text(q, d->granted_version);
        swb_query_bind_i64(q, d->first_seen);
        swb_query_bind_i64(q, d->last_seen);
        swb_query_bind_i64(q, d->granted_at);
        swb_query_bind_i64(q, d->updated_at);
        swb_query_bind_i64(q, d->last_event_at);
        swb_query_bind_i64(q, d->last_event_type);
        swb_query_bind_i64(q, d->last_event_result);
        swb_query_bind_i64(q, d->last_errorcode);
        swb_query_bind_i64(q, d->n_events);
        swb_query_bind_i64(q, d->window_start);
        swb_query_bind_i64(q, d->window_events);
        swb_query_bind_i64(q, d->dropped_events);
        swb_query_bind_text(q, d->abilities);
}

int swb_fleet_read(struct swb_fleet *fleet, int64_t app, const char *machineid,
                   struct swb_device *ret, struct swb_error *err)
{
        struct swb_query *q = &fleet->read;
        int r;

        swb_query_bind_i64(q, app);
        swb_query_bind_text(q, machineid);
        r = swb_query_step(q, err);
        if (r < 0)
                return r;
        if (r > 0) {
                swb_device_read_row(q, ret);
                swb_query_reset(q);
                return 1;
        }
        *ret = (struct swb_device){0};
        swb_copy_bounded(ret->machineid, machineid, SWB_MACHINEID_MAX);
        return 0;
}

static int insert_device(struct swb_fleet *fleet, int64_t app, struct swb_device *device,
                         struct swb_error *err)
{
        int r;

        if (fleet->now.devices >= fleet->limits.devices)
                return 1;
        swb_query_bind_i64(&fleet->insert, app);
        swb_query_bind_text(&fleet->insert, device->machineid);
        bind_device(&fleet->insert, device);
        r = swb_query_insert(&fleet->insert, &device->id, err);
        if (r < 0)
                return r;
        device->stored_state = device->state;
        fleet->now.devices++;
        fleet->now.states[device->state]++;
        return 0;
}

static void count_change(struct swb_fleet *fleet, struct swb_device *device)
{
        uint64_t *states = fleet->now.states;

        /* The row may be of a program that knows more states. */
        if (device->stored_state >= 0 && device->stored_state < _SWB_DEVICE_STATE_MAX &&
            states[device->stored_state] > 0)
                states[device->stored_state]--;
        states[device->state]++;
        device->stored_state = device->state;
}

int swb_fleet_write(struct swb_fleet *fleet, int64_t app, struct swb_device *device,
                    struct swb_error *err)
{
        int r;

        if (device->id == 0)
                return insert_device(fleet, app, device, err);
        bind_device(&fleet->update, device);
        swb_query_bind_i64(&fleet->update, device->id);
        r = swb_query_run(&fleet->update, err);
        if (r < 0)
                return r;
        count_change(fleet, device);
        return 0;
}

static int write_counts(struct swb_fleet *fleet, const struct swb_fleet_pending *p,
                        struct swb_error *err)
{
        struct swb_query *q = &fleet->count;

        swb_query_bind_i64(q, p->app);
        swb_query_bind_i64(q, p->day);
        swb_query_bind_i64(q, (int64_t)p->counts.checks);
        swb_query_bind_i64(q, (int64_t)p->counts.offers);
        swb_query_bind_i64(q, (int64_t)p->counts.devices);
        swb_query_bind_i64(q, (int64_t)p->counts.active);
        swb_query_bind_i64(q, (int64_t)p->counts.fresh);
        return swb_query_run(q, err);
}

int swb_fleet_flush(struct swb_fleet *fleet, struct swb_error *err)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < fleet->n_pending; i++)
                r = write_counts(fleet, &fleet->pending[i], err);
        fleet->n_pending = 0;
        return r < 0 ? r : swb_event_days_flush(fleet->event_days, err);
}

int swb_fleet_count(struct swb_fleet *fleet, int64_t app, int64_t day,
                    const struct swb_fleet_counts *counts, struct swb_error *err)
{
        struct swb_fleet_pending *p = NULL;
        int r;

        for (size_t i = 0; !p && i < fleet->n_pending; i++)
                if (fleet->pending[i].app == app && fleet->pending[i].day == day)
                        p = &fleet->pending[i];
        if (!p && fleet->n_pending == PENDING_MAX) {
                r = swb_fleet_flush(fleet, err);
                if (r < 0)
                        return r;
        }
        if (!p) {
                p = &fleet->pending[fleet->n_pending++];
                *p = (struct swb_fleet_pending){.app = app, .day = day};
        }
        p->counts.checks += counts->checks;
        p->counts.offers += counts->offers;
        p->counts.devices += counts->devices;
        p->counts.active += counts->active;
        p->counts.fresh += counts->fresh;
        return 0;
}
