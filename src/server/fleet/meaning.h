/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/fleet/meaning.h - what an event says of the device that sent it
 *
 * Pure.
 * Spec:   docs/spec/omaha.md OM-20
 */
#include "omaha/request.h"

enum swb_meaning {
        SWB_MEANS_NOTHING,
        SWB_MEANS_DOWNLOADING,
        SWB_MEANS_INSTALLED, /* waits for its reboot */
        SWB_MEANS_COMPLETED, /* the new system runs */
        SWB_MEANS_FAILED,
};

enum swb_meaning swb_event_meaning(const struct swb_omaha_event *event);
/* Did it fail on the way to the device (network, server, somebody's hand) rather than by what it
 * got? Such a device tries again by itself. */
bool swb_event_is_of_the_way(const struct swb_omaha_event *event);
/* Did the new system not come up, or was it found ill? */
bool swb_event_is_fall_back(const struct swb_omaha_event *event);

/* The failure's name, by which they can be counted: a health check's, the fault's, or the error
 * code's in words. text: SWB_FAILURE_NAME bytes. Returns text. */
#define SWB_FAILURE_NAME 65
const char *swb_event_failure_name(const struct swb_omaha_event *event, char *text);
