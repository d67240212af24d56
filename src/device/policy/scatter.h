/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/policy/scatter.h - not all devices of a fleet at once: each draws its turn
 *
 * Drawn once for an update, from when it was found. Two forms: up to [policy] scatter, evenly; or
 * by [policy] staging, a list such as "1d:10, 4d:50, 8d:100": within the first day 10 percent of
 * the devices have their turn, by the end of the fourth day 50 percent, by the end of the eighth
 * all.
 */
#include "device/config/config.h"

#define SWB_STAGES_MAX 16

struct swb_staging {
        struct {
                uint64_t end_usec;
                unsigned percent; /* of all devices by then */
        } stage[SWB_STAGES_MAX];
        size_t n; /* 0: no staging */
};

/* CONFIG: wrong form; times and percents must grow, the last percent is 100, at most 28 days. */
int swb_staging_parse(const char *text, struct swb_staging *ret,
                      struct swb_error *err) _warn_unused_;
/* This device's turn, from when the update was found; dice is uniformly random. */
uint64_t swb_scatter_draw(const struct swb_config *config, uint64_t dice);
