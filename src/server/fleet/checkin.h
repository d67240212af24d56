/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/fleet/checkin.h - one request with what was decided about it, on its way to the store
 */
#include "omaha/request.h"
#include "server/catalog/catalog.h"
#include "server/select/select.h"
#include "server/store/egress.h"
#include "server/store/fleet.h"

struct swb_checkin {
        struct swb_omaha_request *request; /* owned */
        struct swb_catalog *catalog;       /* a reference: the decisions borrow from it */
        struct swb_rollouts *rollouts;     /* borrowed; NULL: none */
        struct swb_decision *decisions; /* one per app; without an update check only `app` is set */
        int64_t now;                    /* seconds since 1970 */
        bool is_stored; /* else what rollouts gave is taken back when the checkin goes */
        struct swb_egress_hold hold; /* apps != 0: these do not fit a cap, so nothing is stored */
        bool is_late; /* another server has given the last place away: nothing is stored */
        /* Called once by the writer's thread, after the commit (err NULL) or when it failed, just
         * before the checkin goes. -ESTALE: it is late, decide again. NULL: nobody waits. */
        void (*done)(void *userdata, const struct swb_error *err);
        void *userdata;
        struct swb_checkin *next; /* of the writer's queue */
};

/* Takes over the request, takes a reference of the catalog, tells the rollouts, and decides. NULL:
 * out of memory, the request is still the caller's. */
struct swb_checkin *swb_checkin_new(struct swb_omaha_request *request, struct swb_catalog *catalog,
                                    struct swb_rollouts *rollouts, int64_t now);
/* The same when it was late: what was found out by that (borrowed during the call, or NULL). */
struct swb_checkin *swb_checkin_new_held(struct swb_omaha_request *request,
                                         struct swb_catalog *catalog, struct swb_rollouts *rollouts,
                                         int64_t now, const struct swb_egress_hold *hold);
struct swb_checkin *swb_checkin_free(struct swb_checkin *checkin);
SWB_DEFINE_CLEANUP(struct swb_checkin *, swb_checkin_free)

/* Memory that it holds. */
size_t swb_checkin_bytes(const struct swb_checkin *checkin);
/* Holds it something that must be on the medium before it is answered: an event or an offer of a
 * device that we keep a row for? */
bool swb_checkin_is_promise(const struct swb_checkin *checkin);

/* OM-4: the device's identity: machineid, else the request's userid, else "" (also for requests of
 * test clients, which must not count). */
const char *swb_checkin_machineid(const struct swb_omaha_request *request,
                                  const struct swb_omaha_app *app);

/* Writes rows, events and counts; inside the writer's transaction. */
int swb_checkin_record(const struct swb_checkin *checkin, struct swb_fleet *fleet,
                       struct swb_error *err) _warn_unused_;
/* Does it offer bytes that a cap counts? */
bool swb_checkin_has_egress(const struct swb_checkin *checkin);
/* Counts what it offers to devices that were not told yet, into `egress`. When some of it does not
 * fit: it is late, `hold` says why, and nothing is counted. */
int swb_checkin_count_egress(struct swb_checkin *checkin, struct swb_fleet *fleet,
                             struct swb_egress *egress, struct swb_error *err) _warn_unused_;
/* Has it anything to do with members of rollouts? */
bool swb_checkin_concerns_members(const struct swb_checkin *checkin);
/* Has a rollout admitted a device, so that it is not to be recorded before it is confirmed? */
bool swb_checkin_takes(const struct swb_checkin *checkin);
/* In a turn (see live.h): what other servers have stored is known now. Takes the admissions back if
 * they do not hold (is_late). */
void swb_checkin_confirm(struct swb_checkin *checkin);
/* Of one that is not stored: the places that it took in rollouts are free again. */
void swb_checkin_take_back(struct swb_checkin *checkin);
/* Its devices' memberships in rollouts; in a turn. */
int swb_checkin_record_members(const struct swb_checkin *checkin, struct swb_member_writer *writer,
                               struct swb_error *err) _warn_unused_;
