/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/crowd/crowd.h - many simulated devices that speak real Omaha to a real server
 *
 * Place:  swb-fleet, on a test host. Devices have no disk: an update takes them three rounds, and a
 *         scenario says how it ends. What they did is counted, and held against what the server
 *         has counted (its /metrics) in the end.
 * Model:  in each round every device that is not silent asks once; threads share the devices.
 */
#include <stdint.h>

#include "base/error.h"
#include "omaha/abilities.h"

#define SWB_CROWD_RELEASES_MAX 8
#define SWB_CROWD_VERSION_TEXT 65

/* What becomes of devices that take a release; parts per million, the rest is fine. */
struct swb_crowd_fate {
        char version[SWB_CROWD_VERSION_TEXT];
        uint32_t fall_back_ppm, fail_ppm, silent_ppm;
};

struct swb_crowd_scenario {
        char app_id[129], version[SWB_CROWD_VERSION_TEXT], channel[65], hardware_class[65];
        /* What reads_ppm of the devices say that they can apply (omaha/abilities.h), "": nobody.
         * They take deltas. */
        char reads[SWB_ABILITIES_TEXT_MAX];
        uint32_t reads_ppm;
        uint64_t devices, rounds, seed, threads;
        uint64_t pause_msec; /* between two rounds */
        struct swb_crowd_fate fates[SWB_CROWD_RELEASES_MAX];
        size_t n_fates;
};

/* An INI file: [fleet] and a [release VERSION] for each that does not end well for all. CONFIG. */
int swb_crowd_scenario_read(const char *path, struct swb_crowd_scenario *ret,
                            struct swb_error *err) _warn_unused_;

/* What became of the devices that were offered a release. */
struct swb_crowd_outcome {
        char version[SWB_CROWD_VERSION_TEXT];
        uint64_t offered, ok, failed, fell_back, silent; /* devices */
};

struct swb_crowd_truth {
        uint64_t checks, updates, events, refusals; /* requests, offers, events, noupdate */
        uint64_t errors;                            /* requests without a good answer */
        struct swb_crowd_outcome outcomes[SWB_CROWD_RELEASES_MAX];
        size_t n_outcomes;
};

/* Lets the devices live. url: of update requests. */
int swb_crowd_live(const struct swb_crowd_scenario *scenario, const char *url,
                   struct swb_crowd_truth *ret, struct swb_error *err) _warn_unused_;

/* The value of a metric in Prometheus' text, summed over all lines of this name whose labels hold
 * all of the texts (up to a NULL). */
uint64_t swb_crowd_metric(const char *text, const char *name, const char *const *labels);
