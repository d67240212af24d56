/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/sim/tally.h - the lives of a whole fleet, counted
 */
#include "base/buf.h"
#include "device/sim/fleet.h"

/* What became of the devices of one group. */
struct swb_sim_share {
        uint64_t n, n_updated;
        uint64_t held[_SWB_GATE_MAX][_SWB_RULE_MAX]; /* not updated: by the last that objected */
};

struct swb_sim_tally {
        const struct swb_sim_fleet *fleet; /* borrowed */
        size_t n_hours, n_minutes;
        uint32_t *events[_SWB_SIM_EVENT_MAX]; /* by hour */
        uint32_t *checks;                     /* by minute */
        uint32_t *updated;                    /* by hour */
        uint64_t n_updated, n_bytes;
        struct swb_sim_share shares[SWB_SIM_GROUPS_MAX];
};

int swb_sim_tally(const struct swb_sim_fleet *fleet, struct swb_sim_tally **ret,
                  struct swb_error *err) _warn_unused_;
struct swb_sim_tally *swb_sim_tally_free(struct swb_sim_tally *tally);
SWB_DEFINE_CLEANUP(struct swb_sim_tally *, swb_sim_tally_free)

/* Hours after the release until so many percent of all devices were updated; UINT64_MAX: never. */
uint64_t swb_sim_hours_until(const struct swb_sim_tally *tally, unsigned percent);

/* Four curves over time, as an SVG picture. */
int swb_sim_plot(const struct swb_sim_tally *tally, struct swb_buf *buf) _warn_unused_;
