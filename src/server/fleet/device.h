/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/fleet/device.h - what the server knows about one device, and how its words change that
 *
 * Place:  pure state machine; server/store/fleet.c reads and writes the rows
 * Spec:   docs/spec/omaha.md OM-20 … OM-22
 */
#include "omaha/request.h"
#include "server/select/select.h"
#include "server/store/names.h"

/* Numbers stand in the database: add at the end, never change. */
enum swb_device_state {
        SWB_DEVICE_NEW = 0,
        SWB_DEVICE_UP_TO_DATE = 1,
        SWB_DEVICE_OFFERED = 2,     /* was told about an update, has not started */
        SWB_DEVICE_DOWNLOADING = 3, /* and installs while it downloads */
        SWB_DEVICE_INSTALLED = 4,   /* waits for its reboot */
        SWB_DEVICE_FAILED = 5,
        SWB_DEVICE_HELD = 6, /* should not or can't get an update now */
        _SWB_DEVICE_STATE_MAX,
        _SWB_DEVICE_STATE_INVALID = -EINVAL,
};

const char *swb_device_state_to_string(enum swb_device_state state);

struct swb_device {
        int64_t id;                         /* 0: not stored yet */
        enum swb_device_state stored_state; /* as the row has it */
        char machineid[SWB_MACHINEID_MAX + 1];
        char version[SWB_VERSION_MAX + 1];
        char channel[SWB_NAME_MAX + 1]; /* that decides for it */
        char board[SWB_NAME_MAX + 1];
        char hardware_class[SWB_NAME_MAX + 1];
        char slot[SWB_SLOT_NAME_MAX + 1]; /* of the last event that named one */
        enum swb_device_state state;
        char reason[SWB_TEXT_MAX + 1];             /* why FAILED or HELD; else "" */
        char granted_version[SWB_VERSION_MAX + 1]; /* last offered, "": none */
        int64_t first_seen, last_seen;             /* seconds since 1970 */
        int64_t granted_at, updated_at;            /* 0: never */
        int64_t last_event_at;                     /* 0: never */
        int32_t last_event_type, last_event_result, last_errorcode;
        int64_t n_events; /* stored */
        int64_t window_start, window_events;
        int64_t dropped_events;                 /* above the rate limit, not stored */
        char abilities[SWB_ABILITIES_TEXT_MAX]; /* at its last check; "": it did not say */
};

/* One event, in the order in which they came. */
void swb_device_apply_event(struct swb_device *device, const struct swb_omaha_event *event,
                            int64_t now);
/* What the app element says of the device itself; before its events. */
void swb_device_apply_app(struct swb_device *device, const struct swb_omaha_app *app, int64_t now);
/* The answer to an update check; after its events. */
void swb_device_apply_decision(struct swb_device *device, const struct swb_decision *decision,
                               int64_t now);
