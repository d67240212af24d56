/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/select/select.h - which payload a device gets, or why none
 *
 * Place:  from the catalog, the device's words and the counts of its rollout; no database, no
 *         clock
 * Spec:   docs/spec/omaha.md OM-8, OM-13, OM-23 … OM-26
 * Cost:   binary searches, and one step per group of the app
 */
#include "omaha/request.h"
#include "server/catalog/catalog.h"
#include "server/rollout/live.h"
#include "server/store/egress.h"

enum swb_select_outcome {
        SWB_SELECT_UPDATE,
        SWB_SELECT_UP_TO_DATE,
        SWB_SELECT_UNKNOWN_APP,
        SWB_SELECT_UNKNOWN_CHANNEL, /* neither the wanted nor the group's channel exists */
        SWB_SELECT_HELD,            /* its group gets no updates */
        SWB_SELECT_EMPTY_CHANNEL,   /* the channel has no release */
        SWB_SELECT_DISABLED,        /* the device says that it will not update */
        SWB_SELECT_AHEAD,           /* the device is newer, and did not ask for a rollback */
        SWB_SELECT_PREFIX,          /* no release of the channel has the wanted prefix */
        SWB_SELECT_NO_PAYLOAD,      /* no full payload, and no delta for this device */
        SWB_SELECT_BLOCKED,         /* the release is blocked for the device's hardware class */
        SWB_SELECT_ROLLOUT,         /* a newer release is there, its rollout holds it back */
        SWB_SELECT_EGRESS,          /* so many bytes are not to be offered now */
        _SWB_SELECT_MAX,
};

/* The reason as a stable word for `info` and logs: "up-to-date", "unknown-channel" … */
const char *swb_select_outcome_to_string(enum swb_select_outcome outcome);

struct swb_decision {
        enum swb_select_outcome outcome;
        bool rollback; /* an UPDATE to a lower version */
        /* What was found on the way, NULL from where it stopped. Borrowed from the catalog. */
        const struct swb_catalog_app *app;
        const struct swb_catalog_group *group; /* NULL also when no group matches */
        const struct swb_catalog_channel *channel;
        const struct swb_catalog_release *release;
        const struct swb_catalog_payload *payload; /* of an UPDATE */
        /* The best of those that would have come before it, but that the device can't apply. */
        const struct swb_catalog_payload *passed;
        /* The rollout by which the release comes or is held back; NULL: the channel decides. */
        const struct swb_catalog_rollout *rollout;
        enum swb_hold hold;   /* NONE: it comes by the rollout */
        enum swb_taken taken; /* from the rollout */
        int64_t admitted_at;  /* seconds since 1970; when it comes by the rollout */
        int64_t held_until;   /* with EGRESS: seconds since 1970 */
        bool is_day;          /* with EGRESS: it is the day's cap */
        bool recall;          /* the device should drop what it has installed and not started */
        bool is_base_current; /* with a ROLLOUT: it has what the channel gives otherwise */
};

struct swb_select_query {
        const struct swb_catalog *catalog;
        struct swb_rollouts *rollouts; /* NULL: all of them are as if paused */
        const struct swb_omaha_app *app;
        const char *machineid; /* the device's identity, "" if it has none */
        int64_t now;
        bool only_look;                     /* admit nobody */
        const struct swb_egress_hold *hold; /* what would be an update is to wait; or NULL */
};

/* Do all of the group's rules fit the device? */
bool swb_group_fits(const struct swb_catalog_group *group, const struct swb_omaha_app *app,
                    const char *machineid);

/* An update by a rollout of high priority: egress caps do not hold it back. */
bool swb_decision_is_urgent(const struct swb_decision *decision);

void swb_select(const struct swb_select_query *query, struct swb_decision *ret);
