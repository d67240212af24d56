/* SPDX-License-Identifier: Apache-2.0 */
#include "server/fleet/checkin.h"

#define SECONDS_PER_DAY 86400

const char *swb_checkin_machineid(const struct swb_omaha_request *request,
                                  const struct swb_omaha_app *app)
{
        if (*request->testsource)
                return "";
        if (swb_is_plain_id(app->machineid, SWB_MACHINEID_MAX))
                return app->machineid;
        if (swb_is_plain_id(request->userid, SWB_MACHINEID_MAX))
                return request->userid;
        return "";
}

/* Does the app have rollouts that may know this device? */
static bool has_rollouts(const struct swb_checkin *checkin, size_t index)
{
        const struct swb_catalog_app *app = checkin->decisions[index].app;

        return checkin->rollouts && app && app->n_rollouts > 0 &&
               *swb_checkin_machineid(checkin->request, &checkin->request->apps[index]);
}

static struct swb_rollout_word word_of(const struct swb_checkin *checkin, size_t index)
{
        const struct swb_omaha_app *app = &checkin->request->apps[index];

        return (struct swb_rollout_word){.machineid = swb_checkin_machineid(checkin->request, app),
                                         .version = app->version,
                                         .is_check = app->has_update_check,
                                         .events = app->events,
                                         .n_events = app->n_events,
                                         .now = checkin->now};
}

static bool is_held(const struct swb_egress_hold *hold, size_t index)
{
        _Static_assert(SWB_OMAHA_APPS_MAX <= 64, "a bit for each app");
        return hold && (hold->apps & (uint64_t)1 << index);
}

/* Events come first, then the check (OM-6). */
static void decide_app(struct swb_checkin *checkin, size_t index,
                       const struct swb_egress_hold *hold)
{
        const struct swb_omaha_app *app = &checkin->request->apps[index];
        const char *machineid = swb_checkin_machineid(checkin->request, app);
        struct swb_decision *decision = &checkin->decisions[index];
        const struct swb_select_query query = {.catalog = checkin->catalog,
                                               .rollouts = checkin->rollouts,
                                               .app = app,
                                               .machineid = machineid,
                                               .now = checkin->now,
                                               .hold = is_held(hold, index) ? hold : NULL};

        decision->app = swb_catalog_app(checkin->catalog, app->appid);
        if (has_rollouts(checkin, index)) {
                const struct swb_rollout_word word = word_of(checkin, index);

                swb_rollouts_hear(checkin->rollouts, decision->app->id, &word);
        }
        if (app->has_update_check)
                swb_select(&query, decision);
}

struct swb_checkin *swb_checkin_new(struct swb_omaha_request *request, struct swb_catalog *catalog,
                                    struct swb_rollouts *rollouts, int64_t now)
{
        return swb_checkin_new_held(request, catalog, rollouts, now, NULL);
}

struct swb_checkin *swb_checkin_new_held(struct swb_omaha_request *request,
                                         struct swb_catalog *catalog, struct swb_rollouts *rollouts,
                                         int64_t now, const struct swb_egress_hold *hold)
{
        struct swb_checkin *checkin = calloc(1, sizeof(*checkin));

        if (!checkin)
                return NULL;
        checkin->decisions = calloc(request->n_apps + 1, sizeof(*checkin->decisions));
        if (!checkin->decisions) {
                free(checkin);
                return NULL;
        }
        checkin->request = request;
        checkin->catalog = swb_catalog_ref(catalog);
        checkin->rollouts = rollouts;
        checkin->now = now;
        for (size_t i = 0; i < request->n_apps; i++)
                decide_app(checkin, i, hold);
        return checkin;
}

/* Nobody was told, and nothing was stored: it was as if the rollouts had not been asked. */
void swb_checkin_take_back(struct swb_checkin *checkin)
{
        for (size_t i = 0; i < checkin->request->n_apps; i++) {
                struct swb_decision *decision = &checkin->decisions[i];

                if (decision->taken != SWB_TAKEN_NOTHING)
                        swb_rollouts_undo(
                                checkin->rollouts, decision->rollout->id,
                                swb_checkin_machineid(checkin->request, &checkin->request->apps[i]),
                                decision->taken);
                decision->taken = SWB_TAKEN_NOTHING;
        }
}

struct swb_checkin *swb_checkin_free(struct swb_checkin *checkin)
{
        if (!checkin)
                return NULL;
        if (!checkin->is_stored)
                swb_checkin_take_back(checkin);
        (void)swb_omaha_request_free(checkin->request);
        free(checkin->decisions);
        (void)swb_catalog_unref(checkin->catalog);
        free(checkin);
        return NULL;
}

size_t swb_checkin_bytes(const struct swb_checkin *checkin)
{
        return sizeof(*checkin) + swb_omaha_request_bytes(checkin->request) +
               (checkin->request->n_apps + 1) * sizeof(*checkin->decisions);
}

bool swb_checkin_is_promise(const struct swb_checkin *checkin)
{
        if (swb_checkin_has_egress(checkin))
                return true;
        for (size_t i = 0; i < checkin->request->n_apps; i++) {
                const struct swb_omaha_app *app = &checkin->request->apps[i];

                if (!checkin->decisions[i].app || !*swb_checkin_machineid(checkin->request, app))
                        continue;
                if (app->n_events > 0 ||
                    (app->has_update_check && checkin->decisions[i].outcome == SWB_SELECT_UPDATE))
                        return true;
        }
        return false;
}

/* --- egress --- */

/* Bytes of an offer that a cap counts; 0: none. Test clients do not count. */
static uint64_t egress_of(const struct swb_checkin *checkin, size_t index)
{
        const struct swb_decision *decision = &checkin->decisions[index];

        if (!checkin->catalog->has_egress_cap || *checkin->request->testsource ||
            !checkin->request->apps[index].has_update_check ||
            decision->outcome != SWB_SELECT_UPDATE)
                return 0;
        return decision->payload->size;
}

bool swb_checkin_has_egress(const struct swb_checkin *checkin)
{
        for (size_t i = 0; i < checkin->request->n_apps; i++)
                if (egress_of(checkin, i) > 0)
                        return true;
        return false;
}

/* Was the device told of this version before? Then it may be at it. */
static int was_told(const struct swb_checkin *checkin, size_t index, struct swb_fleet *fleet,
                    struct swb_error *err)
{
        const struct swb_decision *decision = &checkin->decisions[index];
        const char *machineid =
                swb_checkin_machineid(checkin->request, &checkin->request->apps[index]);
        struct swb_device device;
        int r;

        if (!*machineid)
                return 0;
        r = swb_fleet_read(fleet, decision->app->id, machineid, &device, err);
        return r <= 0 ? r : strcmp(device.granted_version, decision->release->version) == 0;
}

static int count_app(struct swb_checkin *checkin, size_t index, struct swb_fleet *fleet,
                     struct swb_egress *egress, struct swb_error *err)
{
        uint64_t n_bytes = egress_of(checkin, index);
        int r = n_bytes > 0 ? was_told(checkin, index, fleet, err) : 1;

        if (r != 0)
                return SWB_MIN(r, 0);
        if (swb_decision_is_urgent(&checkin->decisions[index]) ||
            swb_egress_fits(egress, n_bytes, checkin->now, &checkin->hold))
                swb_egress_add(egress, n_bytes, checkin->now);
        else
                checkin->hold.apps |= (uint64_t)1 << index;
        return 0;
}

int swb_checkin_count_egress(struct swb_checkin *checkin, struct swb_fleet *fleet,
                             struct swb_egress *egress, struct swb_error *err)
{
        struct swb_egress counted = *egress;
        int r = 0;

        checkin->hold.apps = 0;
        for (size_t i = 0; r >= 0 && i < checkin->request->n_apps; i++)
                r = count_app(checkin, i, fleet, &counted, err);
        if (r < 0)
                return r;
        if (checkin->hold.apps)
                checkin->is_late = true;
        else
                *egress = counted;
        return 0;
}

/* --- the store --- */

static int record_events(const struct swb_checkin *checkin, int64_t app_id,
                         const struct swb_omaha_app *app, struct swb_fleet *fleet,
                         struct swb_device *device, struct swb_error *err)
{
        const char *request_id = checkin->request->requestid;
        int r;

        for (size_t i = 0; i < app->n_events; i++) {
                r = swb_fleet_has_event(fleet, device, request_id, i, err);
                if (r > 0)
                        continue; /* the answer was lost, the device says it again */
                if (r >= 0) {
                        swb_device_apply_event(device, &app->events[i], checkin->now);
                        r = swb_fleet_add_event(fleet, app_id, device, &app->events[i], request_id,
                                                i, checkin->now, err);
                }
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The device's row. Return: 1 when this is its first sign of life today. */
static int record_device(const struct swb_checkin *checkin, size_t index, const char *machineid,
                         struct swb_fleet *fleet, bool *ret_first_ever, struct swb_error *err)
{
        const struct swb_omaha_app *app = &checkin->request->apps[index];
        const struct swb_decision *decision = &checkin->decisions[index];
        struct swb_device device;
        bool first_today;
        int r;

        r = swb_fleet_read(fleet, decision->app->id, machineid, &device, err);
        if (r < 0)
                return r;
        *ret_first_ever = r == 0;
        first_today = r == 0 || device.last_seen / SECONDS_PER_DAY < checkin->now / SECONDS_PER_DAY;
        swb_device_apply_app(&device, app, checkin->now);
        if (r == 0) {
                /* Events refer to the row. */
                r = swb_fleet_write(fleet, decision->app->id, &device, err);
                if (r != 0)
                        return SWB_MIN(r, 0); /* > 0: too many devices, this one is not kept */
        }
        r = record_events(checkin, decision->app->id, app, fleet, &device, err);
        if (r < 0)
                return r;
        if (app->has_update_check)
                swb_device_apply_decision(&device, decision, checkin->now);
        r = swb_fleet_write(fleet, decision->app->id, &device, err);
        return r < 0 ? r : first_today;
}

/* OM-9: has a day passed since the last ping that the device itself remembers? */
static bool is_due(int32_t days_since, int32_t day_of_last, uint64_t today)
{
        return days_since == SWB_OMAHA_DAYS_NEVER || days_since >= 1 ||
               day_of_last == SWB_OMAHA_DAYS_NEVER ||
               (day_of_last >= 0 && (uint64_t)day_of_last < today);
}

static void count_ping(const struct swb_omaha_ping *ping, int64_t now,
                       struct swb_fleet_counts *counts)
{
        uint64_t seconds, today;

        swb_omaha_daystart(now, &seconds, &today);
        counts->devices = is_due(ping->r, ping->rd, today);
        counts->active = ping->active && is_due(ping->a, ping->ad, today);
        counts->fresh = ping->r == SWB_OMAHA_DAYS_NEVER || ping->rd == SWB_OMAHA_DAYS_NEVER;
}

static int record_app(const struct swb_checkin *checkin, size_t index, struct swb_fleet *fleet,
                      struct swb_error *err)
{
        const struct swb_omaha_app *app = &checkin->request->apps[index];
        const struct swb_decision *decision = &checkin->decisions[index];
        const char *machineid = swb_checkin_machineid(checkin->request, app);
        struct swb_fleet_counts counts = {0};
        bool first_ever = false;
        int r;

        counts.checks = app->has_update_check;
        counts.offers = app->has_update_check && decision->outcome == SWB_SELECT_UPDATE;
        if (*machineid) {
                r = record_device(checkin, index, machineid, fleet, &first_ever, err);
                if (r < 0)
                        return r;
                counts.devices = r > 0;
                counts.active = r > 0 && app->has_ping && app->ping.active;
                counts.fresh = first_ever;
        } else if (app->has_ping) {
                count_ping(&app->ping, checkin->now, &counts);
        }
        return swb_fleet_count(fleet, decision->app->id, checkin->now / SECONDS_PER_DAY, &counts,
                               err);
}

int swb_checkin_record(const struct swb_checkin *checkin, struct swb_fleet *fleet,
                       struct swb_error *err)
{
        if (*checkin->request->testsource)
                return 0;
        for (size_t i = 0; i < checkin->request->n_apps; i++) {
                int r = checkin->decisions[i].app ? record_app(checkin, i, fleet, err) : 0;

                if (r < 0)
                        return r;
        }
        return 0;
}

bool swb_checkin_concerns_members(const struct swb_checkin *checkin)
{
        for (size_t i = 0; i < checkin->request->n_apps; i++)
                if (has_rollouts(checkin, i) &&
                    swb_rollouts_concern(
                            checkin->rollouts, checkin->decisions[i].app->id,
                            swb_checkin_machineid(checkin->request, &checkin->request->apps[i])))
                        return true;
        return false;
}

bool swb_checkin_takes(const struct swb_checkin *checkin)
{
        for (size_t i = 0; i < checkin->request->n_apps; i++)
                if (checkin->decisions[i].taken != SWB_TAKEN_NOTHING)
                        return true;
        return false;
}

void swb_checkin_confirm(struct swb_checkin *checkin)
{
        for (size_t i = 0; i < checkin->request->n_apps && !checkin->is_late; i++) {
                struct swb_decision *decision = &checkin->decisions[i];
                const char *machineid =
                        swb_checkin_machineid(checkin->request, &checkin->request->apps[i]);

                if (decision->taken == SWB_TAKEN_NOTHING ||
                    swb_rollouts_confirm(checkin->rollouts, decision->rollout->id, machineid,
                                         decision->taken, checkin->now))
                        continue;
                decision->taken = SWB_TAKEN_NOTHING; /* was undone; others when the checkin goes */
                checkin->is_late = true;
        }
}

int swb_checkin_record_members(const struct swb_checkin *checkin, struct swb_member_writer *writer,
                               struct swb_error *err)
{
        for (size_t i = 0; i < checkin->request->n_apps; i++) {
                struct swb_rollout_word word;
                int64_t app;
                int r;

                if (!has_rollouts(checkin, i))
                        continue;
                word = word_of(checkin, i);
                app = checkin->decisions[i].app->id;
                swb_rollouts_hear_again(checkin->rollouts, app, &word);
                r = swb_rollouts_store(checkin->rollouts, app, word.machineid, checkin->now, writer,
                                       err);
                if (r < 0)
                        return r;
        }
        return 0;
}
