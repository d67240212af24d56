/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/jobs/pack.h - one run of swb-pack, limited and watched
 */
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct swb_pack_run {
        const char *const *argv;  /* argv[0]: path of the program; ends with NULL */
        uint64_t cpu_seconds_max; /* it is killed above this; 0: no limit */
        /* Called about once a second with what it says. Not 0: end it (-ECANCELED then). */
        int (*progress)(const char *stage, unsigned percent, void *userdata);
        void *userdata;
};

/* ret_cpu_msec is filled also after a failure. CANCELLED; LIMIT: the CPU time; else IO with the
 * program's own last words. */
int swb_pack_run(const struct swb_pack_run *run, int64_t *ret_cpu_msec,
                 struct swb_error *err) _warn_unused_;
