/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* server/store/fleet_row.h - a device's columns, for the files of the fleet's tables */
#include "server/fleet/device.h"
#include "server/store/db.h"

#define SWB_DEVICE_N_COLUMNS 23
#define SWB_DEVICE_COLUMNS                                                                         \
        "d.id, d.machineid, d.version, d.channel, d.board, d.hardware_class, d.slot, d.state,"     \
        " d.reason, d.granted_version, d.first_seen, d.last_seen, d.granted_at, d.updated_at,"     \
        " d.last_event_at, d.last_event_type, d.last_event_result, d.last_errorcode,"              \
        " d.n_events, d.window_start, d.window_events, d.dropped_events, d.abilities"

/* The first SWB_DEVICE_N_COLUMNS columns of a row that selects SWB_DEVICE_COLUMNS from devices d.
 */
void swb_device_read_row(const struct swb_query *q, struct swb_device *device);
