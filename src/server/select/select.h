/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/select/select.h - which payload a device gets, or why none
 *
 * Place:  pure: from the catalog and the device's words, no database, no clock, no fleet
 * Spec:   docs/spec/omaha.md OM-8, OM-13
 * Cost:   binary searches, and one step per group of the app
 */
#include "omaha/request.h"
#include "server/catalog/catalog.h"

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
        _SWB_SELECT_MAX,
};

/* The reason as a stable word for `info` and logs: "up-to-date", "unknown-channel" … */
const char *swb_select_outcome_to_string(enum swb_select_outcome outcome);
/* Is this a state that keeps the device behind what it should run? */
bool swb_select_is_refusal(enum swb_select_outcome outcome);

struct swb_decision {
        enum swb_select_outcome outcome;
        bool rollback; /* an UPDATE to a lower version */
        /* What was found on the way, NULL from where it stopped. Borrowed from the catalog. */
        const struct swb_catalog_app *app;
        const struct swb_catalog_group *group; /* NULL also when no group matches */
        const struct swb_catalog_channel *channel;
        const struct swb_catalog_release *release;
        const struct swb_catalog_payload *payload; /* of an UPDATE */
};

/* `machineid` is the device's identity, "" if it has none. */
void swb_select(const struct swb_catalog *catalog, const struct swb_omaha_app *app,
                const char *machineid, struct swb_decision *ret);
