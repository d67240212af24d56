/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* bin/swb-policy-sim/sim.h - options of the simulator, and its run */
#include "base/options.h"

struct sim_options {
        const char *plot;                 /* "": none */
        uint64_t n_devices, n_days, seed; /* 0: as the file says */
};

int sim_run(const struct sim_options *options, const char *path, struct swb_error *err);
