/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* server/store/fleet_internal.h - the writing side of the fleet, for the files that write its rows
 */
#include "server/store/event_days.h"
#include "server/store/fleet.h"

/* Counts of different apps and days that one transaction may gather; more are written earlier. */
#define PENDING_MAX 16

struct swb_fleet_pending {
        int64_t app, day;
        struct swb_fleet_counts counts;
};

struct swb_fleet {
        struct swb_fleet_pending pending[PENDING_MAX];
        size_t n_pending;
        struct swb_event_days *event_days;
        struct swb_db *db;
        struct swb_fleet_limits limits;
        struct swb_fleet_totals now, at_begin;
        int64_t oldest_at; /* no event is older; 0: not known */
        struct swb_query read, insert, update, has_event, add_event, oldest_of_device, oldest,
                drop_event, discount, count;
};
