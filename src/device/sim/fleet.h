/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/sim/fleet.h - a fleet as a file describes it
 *
 * Spec:   docs/man/swb-policy-sim.1.rst
 * Errors: CONFIG with "FILE:LINE: [section] key: …", and what loading device.conf may fail with
 */
#include "device/sim/life.h"

#define SWB_SIM_GROUPS_MAX 16

struct swb_sim_group {
        char name[37];
        uint64_t share; /* of the devices, as a weight */
        struct swb_zone zone;
        struct swb_windows on, busy, metered, battery, inhibit;
        uint64_t rate_bytes, delta_percent, failure_percent;
        bool has_no_clock;
};

struct swb_sim_fleet {
        struct swb_config *config;
        uint64_t n_devices, n_days, start_usec, seed;
        struct swb_sim_release release; /* its deadline points to: */
        char deadline[65];
        struct swb_sim_group groups[SWB_SIM_GROUPS_MAX];
        size_t n_groups; /* at least 1 */
};

int swb_sim_fleet_load(const char *path, struct swb_sim_fleet **ret,
                       struct swb_error *err) _warn_unused_;
struct swb_sim_fleet *swb_sim_fleet_free(struct swb_sim_fleet *fleet);
SWB_DEFINE_CLEANUP(struct swb_sim_fleet *, swb_sim_fleet_free)
